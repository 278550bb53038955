import type { Page } from '../app/router';
import Landing from './Landing.svelte';

export const pages: Record<string, Page> = { Landing };
