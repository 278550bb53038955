import type { Page } from '../app/router';
import type { Snapshot } from './model/wire';
import Board from './Board.svelte';
import Boards from './Boards.svelte';

export const pages: Record<string, Page> = { Boards, Board };

export const places = { Board: (data: Snapshot) => data.board.title };
