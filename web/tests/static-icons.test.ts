import { expect, test } from 'vitest';
import { staticIcons } from '../static-icons';

const transform = staticIcons().transform as (code: string, id: string) => { code: string } | null;
const id = '/x/node_modules/@lucide/svelte/dist/icons/tag.svelte';

test('an icon becomes plain markup of its size', () => {
  const code = 'const iconData = {"name":"tag","node":[["path",{"d":"M1 2"}],["circle",{"cx":"1","r":".5"}]],"aliases":[]};';
  const made = transform(code, id)?.code ?? '';
  expect(made).toContain('<path d="M1 2" /><circle cx="1" r=".5" />');
  expect(made).toContain('width={size} height={size}');
  expect(made).toContain('aria-hidden="true"');
});

test('other files stay, and an icon of another shape ends the build', () => {
  expect(transform('x', '/x/src/lib/ui/Icon.svelte')).toBeNull();
  expect(() => transform('<Icon />', id)).toThrow('has changed');
});
