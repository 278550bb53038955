// The machine is explored by random runs against a model of the server: what the judge finds wrong is
// printed with the seed that repeats it.
//
//   VECHE_SIM_RUNS=100000 npx vitest run test/model     more of them
//   VECHE_SIM_SEED=17 npx vitest run test/model         this one
//
// Each rule was seen red, by a machine that had been broken on purpose:
//   - nothing doubled: publications applied whatever their offset, or under another epoch;
//   - nothing lost: publications applied past a hole, holes not closed, the latest of several positions
//     asked for, `lagged` passed over, a refused `subscribe` not asked again, a snapshot's position ignored;
//   - no false replay: a replay that moves the position to its end, an epoch that is not compared;
//   - no ghosts: a closed listener that says nothing, a personal channel that nobody listens to, a listener
//     that comes while its channel is being left, a former link that is still heard;
//   - each operation once: another op_id on a resend, no order within a channel, operations forgotten with
//     the link, or sent before they are on the disk; what was rejected dropped, or not kept;
//   - it comes to rest: links without a heartbeat; acknowledgements of what was not told.

import { expect, test } from 'vitest';
import { Dice } from './dice.ts';
import { World } from './world.ts';

const RUNS = Number(process.env.VECHE_SIM_RUNS ?? 2000);
const SEED = process.env.VECHE_SIM_SEED;

function run(seed: number): void {
  const dice = new Dice(seed);
  const world = new World(dice);
  try {
    const steps = 50 + dice.below(400);
    for (let n = 0; n < steps; n++) world.step();
    world.settle();
    world.judge.concludes(world.machine);
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}

test('nothing is lost, doubled or falsely replayed, no subscription haunts, each operation is applied once', { timeout: 600_000 }, () => {
  const seeds = SEED === undefined ? Array.from({ length: RUNS }, (_, seed) => seed) : [Number(SEED)];
  expect(() => seeds.forEach(run)).not.toThrow();
});
