import { expect, test } from 'vitest';
import type { Boot } from '../src/app/boot';
import { bootIn, offlinePage, pageWith } from '../src/sw-pages';

const boot: Boot = {
  url: '/desk/welcome',
  locale: 'ru',
  now: 1,
  tz: 'UTC',
  tzOffset: 0,
  theme: 'system',
  contrast: false,
  density: 'comfortable',
  user: { id: 'anya', name: 'Аня' },
  build: 'b1',
  apps: ['desk'],
  demo: true,
  data: { title: 'Tea' },
};
const page = (json: string) =>
  `<!doctype html><head></head><body>\n<div id="app"><main>Tea</main></div><script type="application/json" id="boot">${json}</script>\n<script type="module" src="/a.js"></script></body>`;

test('the boot of a page is read, and only of a page of ours', () => {
  expect(bootIn(page(JSON.stringify(boot)))).toEqual(boot);
  for (const html of ['', '<p>hello</p>', page('nonsense'), page('null'), page('{"user":{}}'), page('[]')]) {
    expect(bootIn(html)).toBeNull();
  }
});

test('another page is mounted in the template, and nothing of the first is left', () => {
  const other = { ...boot, url: '/desk/sprint', data: { title: '</script><b>$& $1' } };
  const html = pageWith(page(JSON.stringify(boot)), other);
  expect(html).toContain('<div id="app"></div><script type="application/json" id="boot">');
  expect(html).not.toContain('Tea');
  expect(html).not.toContain('</script><b>');
  expect(bootIn(html)).toEqual(other);
  expect(html).toContain('<script type="module" src="/a.js">');
});

test('the offline page links to what is kept, as text', () => {
  const html = offlinePage('<nav><!--kept--></nav>', [boot, { ...boot, url: '/desk/%D1%87?x="><script>' }, { ...boot, url: '/%E0' }]);
  expect(html).toContain('<a href="/desk/welcome">/desk/welcome</a>');
  expect(html).not.toContain('<script>');
  expect(html).toContain('/desk/ч');
  expect(offlinePage('<nav><!--kept--></nav>', [])).toBe('<nav></nav>');
});
