// A server is killed in the middle of a stream of moves, and started again: both browsers come back by themselves,
// and no move is lost or doubled. The moves are made as people make them, by the keyboard.

import assert from 'node:assert/strict';
import { withBrowsers } from './browser.mjs';
import { withServer } from './server.mjs';

/** How often it is killed, and how many moves are under way each time. */
const KILLS = 3;
const MOVES = 6;

/** What pages say of a server that is gone, which is what this test does. */
const GONE = /ERR_(CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)|WebSocket connection to/;

await withServer(async (server) => {
  await withBrowsers(
    server.url,
    ['anya', 'pasha'],
    async (anya, pasha) => {
      const pages = [anya, pasha];
      for (const page of pages) await page.goto(`${server.url}/desk/sprint`);
      for (const page of pages) await online(page);
      const before = await cards(anya);
      assert.deepEqual(await cards(pasha), before);

      for (let round = 0; round < KILLS; round += 1) {
        const moving = Promise.all(pages.map((page, at) => moves(page, before, round * 2 + at)));
        await server.kill();
        await moving;
        await server.start();
        for (const page of pages) await settled(page);
      }

      const [seenByAnya, seenByPasha] = [await cards(anya), await cards(pasha)];
      assert.deepEqual(seenByPasha, seenByAnya, 'both browsers show one board');
      assert.deepEqual([...seenByAnya].sort(), [...before].sort(), 'no card is lost or doubled');
      await anya.reload();
      await online(anya);
      assert.deepEqual(await cards(anya), seenByAnya, 'and it is the board that the server keeps');
      assert.notDeepEqual(seenByAnya, before, 'cards were moved');
    },
    (complaint) => GONE.test(complaint),
  );
});
