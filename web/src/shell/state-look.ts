// How each state of the connection looks: a shape, a colour and words, for it is never colour alone.

import type { State } from '@veche/client';
import CircleArrowUp from '@lucide/svelte/icons/circle-arrow-up';
import KeyRound from '@lucide/svelte/icons/key-round';
import WifiOff from '@lucide/svelte/icons/wifi-off';
import WifiSync from '@lucide/svelte/icons/wifi-sync';
import type { Component } from 'svelte';
import { m } from '../paraglide/messages.js';

export interface StateLook {
  /** Arcs of the Wi-Fi glyph, or a glyph of its own. */
  icon: 1 | 2 | 3 | Component<{ size?: number; 'aria-hidden'?: 'true' }>;
  tone: 'ok' | 'warn' | 'bad' | 'faint';
  word: () => string;
  /** A sentence for the details. */
  text: () => string;
}

export const LOOKS: Record<State, StateLook> = {
  online: { icon: 3, tone: 'ok', word: m.state_online, text: m.state_online_text },
  connecting: { icon: 1, tone: 'warn', word: m.state_connecting, text: m.state_connecting_text },
  'catching-up': { icon: 1, tone: 'warn', word: m.state_catching_up, text: m.state_catching_up_text },
  degraded: { icon: 2, tone: 'warn', word: m.state_degraded, text: m.state_degraded_text },
  reconnecting: { icon: WifiSync, tone: 'bad', word: m.state_reconnecting, text: m.state_reconnecting_text },
  offline: { icon: WifiOff, tone: 'bad', word: m.state_offline, text: m.state_offline_text },
  'auth-expired': { icon: KeyRound, tone: 'bad', word: m.state_auth_expired, text: m.state_auth_expired_text },
  'update-required': { icon: CircleArrowUp, tone: 'warn', word: m.state_update_required, text: m.state_update_required_text },
  closed: { icon: WifiOff, tone: 'faint', word: m.state_closed, text: m.state_closed_text },
};
