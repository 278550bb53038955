import 'fake-indexeddb/auto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Client, indexedDbOutbox, type ClientOptions, type Publication } from '../../src/index.ts';
import { Surroundings } from '../support/node-io.ts';
import { Server } from '../support/server.ts';
import { Heap, until, untilState } from '../support/until.ts';

let server: Server;
const clients: Client[] = [];

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());
afterEach(() => clients.splice(0).forEach((client) => client.close()));

/** A page of the browser whose IndexedDB is `database`. */
function page(database: string, user: string, options: Partial<ClientOptions> = {}): Client {
  const client = new Client({ urls: server.url, user, token: async () => server.token(user), outbox: indexedDbOutbox(database), io: new Surroundings().io(), ...options });
  clients.push(client);
  client.connect();
  return client;
}

const drained = (client: Client) => until(() => client.outbox.size === 0, (changed) => client.outbox.onChange(changed));

test('what is written offline survives a reload and a kill of the server, and goes out once and in order', async () => {
  const channel = 'log:offline';
  const writer = page('offline', 'ann');
  await untilState(writer, 'online');
  const { position } = await writer.publish(channel, 'first');

  await server.kill();
  await untilState(writer, 'reconnecting');
  for (let n = 0; n < 500; n++) void writer.publish(channel, n, { queue: true });
  await until(() => writer.outbox.size === 500, (changed) => writer.outbox.onChange(changed));
  writer.close();

  await server.run();
  const reloaded = page('offline', 'ann');
  const seen = new Heap<Publication>();
  reloaded.subscribe(channel, { since: position!, onPublication: seen.push });
  await seen.atLeast(500);
  await drained(reloaded);
  expect(seen.items.map((it) => it.data)).toEqual(Array.from({ length: 500 }, (_, n) => n));
});
