// The apps that may be mounted, as the shell shows them. Their names are the same in every language.

import { m } from '../paraglide/messages.js';

export interface App {
  id: string;
  name: string;
  path: string;
  lead: () => string;
  /** Drawn on 24 × 24 with a line of 2, round. */
  glyph: string;
  /** Where one goes in it: the bottom navigation of a phone. */
  places: { path: string; label: () => string }[];
}

const APPS: App[] = [
  {
    id: 'desk',
    name: 'Realtime Desk',
    path: '/desk',
    lead: m.desk_lead,
    glyph: 'M5 4h3v15H5zM10.5 4h3v9h-3zM16 4h3v12h-3z',
    places: [{ path: '/desk', label: m.place_boards }],
  },
  {
    id: 'circles',
    name: 'Собрание',
    path: '/circles',
    lead: m.circles_lead,
    glyph: 'M4 18l1.2-3.4A6 6 0 1 1 8 17.2zM14.5 6.2a6 6 0 0 1 4.4 9.4L20 19l-3.6-1a6 6 0 0 1-4.4.6',
    places: [],
  },
  {
    id: 'watch',
    name: 'Кино вместе',
    path: '/watch',
    lead: m.watch_lead,
    glyph: 'M4 4h16v10H4zM10.5 6.8v4.4l3.6-2.2zM6 21a2.5 2.5 0 0 1 5 0M13 21a2.5 2.5 0 0 1 5 0',
    places: [],
  },
  {
    id: 'hub',
    name: 'CyberHub',
    path: '/hub',
    lead: m.hub_lead,
    glyph: 'M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8',
    places: [],
  },
];

/** Those that are mounted, in their order. */
export function mounted(ids: string[]): App[] {
  return APPS.filter(({ id }) => ids.includes(id));
}

/** The app that a route's part is, if it is one. */
export function appOf(part: string): App | undefined {
  return APPS.find(({ id }) => id === part);
}
