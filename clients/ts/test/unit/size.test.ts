import { expect, test } from 'vitest';
import { sizeOf } from '../../scripts/size.mjs';

test('the core is at most 12 KB, after gzip', async () => {
  expect((await sizeOf('index')).atOnce).toBeLessThanOrEqual(12 * 1024);
});
