// The outbox in IndexedDB: survives a reload of the page, and is shared by the tabs of its origin.

import type { OutboxEntry } from '../machine/outbox.js';
import { memoryOutbox, type OutboxStore } from './store.js';

const TABLE = 'outbox';

/** The outbox of this browser, by the name of a database. Without IndexedDB it is one in memory. */
export function indexedDbOutbox(name = 'veche'): OutboxStore {
  if (typeof indexedDB === 'undefined') return memoryOutbox();
  let database: Promise<IDBDatabase> | null = null;
  const run = async <T>(mode: IDBTransactionMode, act: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    database ??= open(name, () => (database = null));
    const transaction = (await database).transaction(TABLE, mode);
    const request = act(transaction.objectStore(TABLE));
    await new Promise<void>((done, failed) => {
      transaction.oncomplete = () => done();
      transaction.onabort = transaction.onerror = () => failed(transaction.error);
    });
    return request.result;
  };
  return {
    name,
    load: () => run<OutboxEntry[]>('readonly', (table) => table.getAll()),
    put: (entry) => run('readwrite', (table) => table.put(entry)).then(() => {}),
    remove: (key) => run('readwrite', (table) => table.delete(key)),
  };
}

function open(name: string, gone: () => void): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: 'key' });
    request.onsuccess = () => {
      const database = request.result;
      // Another tab brings a newer version, or the user clears the site's data.
      database.onversionchange = database.onclose = () => {
        database.close();
        gone();
      };
      done(database);
    };
    request.onerror = () => {
      gone();
      failed(request.error);
    };
  });
}
