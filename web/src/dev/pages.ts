import type { Page } from '../app/router';
import Kit from './Kit.svelte';

export const pages: Record<string, Page> = { Kit };
