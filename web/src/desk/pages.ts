import type { Page } from '../app/router';
import Board from './Board.svelte';
import Boards from './Boards.svelte';

export const pages: Record<string, Page> = { Boards, Board };
