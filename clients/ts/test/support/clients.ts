// Clients of a test, closed when it ends.

import { afterEach } from 'vitest';
import { Client, memoryOutbox, type ClientOptions } from '../../src/index.ts';
import { Surroundings } from './node-io.ts';

const open: Client[] = [];

afterEach(() => open.splice(0).forEach((client) => client.close()));

/** Made, and not yet connected. */
export function newClient(url: string, options: Partial<ClientOptions> = {}): Client {
  const client = new Client({ urls: url, outbox: memoryOutbox(), io: new Surroundings().io(), ...options });
  open.push(client);
  return client;
}

export function connected(url: string, options: Partial<ClientOptions> = {}): Client {
  const client = newClient(url, options);
  client.connect();
  return client;
}
