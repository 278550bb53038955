// Draws the icons that have to be PNG: `node scripts/icons.mjs` after a change of the mark. The mark is three arcs, the
// upper halves of ellipses about one centre, as in public/favicon.svg.

import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const GROUND = [0x3f, 0x8a, 0x68];
const ARCS = [
  [9, 15],
  [5, 9.5],
  [1, 4],
];
const CENTRE = [12, 19];
const HALF_LINE = 1;

/** Points along all arcs, on the grid of 24. */
const points = ARCS.flatMap(([rx, ry]) =>
  Array.from({ length: 241 }, (_, at) => {
    const angle = Math.PI * (1 + at / 240);
    return [CENTRE[0] + rx * Math.cos(angle), CENTRE[1] + ry * Math.sin(angle)];
  }),
);

/** How much of a point is line, 0 to 1; `soft` is the width of an edge. */
function cover(x, y, soft) {
  let least = Infinity;
  for (const [px, py] of points) least = Math.min(least, (px - x) ** 2 + (py - y) ** 2);
  return Math.min(1, Math.max(0, (HALF_LINE - Math.sqrt(least)) / soft + 0.5));
}

/** White on the ground; the mark takes `share` of the side, and the corners are round by `radius` of it. */
function draw(size, share, radius) {
  const pixels = Buffer.alloc(size * size * 4);
  const scale = 24 / (size * share);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const ink = cover((x + 0.5 - size / 2) * scale + 12, (y + 0.5 - size / 2) * scale + 11.5, scale);
      const colour = GROUND.map((one) => Math.round(one + (255 - one) * ink));
      pixels.set([...colour, corner(x, y, size, radius * size)], (y * size + x) * 4);
    }
  }
  return png(size, pixels);
}

function corner(x, y, size, radius) {
  if (radius === 0) return 255;
  const inwards = (at) => Math.max(radius - at - 0.5, at + 0.5 - (size - radius), 0);
  return Math.round(255 * Math.min(1, Math.max(0, radius - Math.hypot(inwards(x), inwards(y)) + 0.5)));
}

function png(size, pixels) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const rows = Array.from({ length: size }, (_, y) =>
    Buffer.concat([Buffer.from([0]), pixels.subarray(y * size * 4, (y + 1) * size * 4)]),
  );
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.concat(rows), { level: 9 })), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...parts]);
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

const icons = new URL('../public/icons/', import.meta.url);
writeFileSync(new URL('icon-192.png', icons), draw(192, 0.72, 0.22));
writeFileSync(new URL('icon-512.png', icons), draw(512, 0.72, 0.22));
// Cut to any shape by the system: the mark stays within the inner 80 %.
writeFileSync(new URL('maskable-512.png', icons), draw(512, 0.56, 0));
writeFileSync(new URL('apple-touch-180.png', icons), draw(180, 0.64, 0));
