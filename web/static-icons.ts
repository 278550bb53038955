import type { Plugin } from 'vite';

/** An icon of Lucide: elements with their attributes. */
interface IconData {
  node: [tag: string, attributes: Record<string, string>][];
}

const ICON = /[\\/]@lucide[\\/]svelte[\\/]dist[\\/]icons[\\/][\w-]+\.svelte$/;
const DATA = /const iconData = (\{.*\});/;

/**
 * Turns Lucide's icons into plain markup. Their own component spreads attributes over dynamic elements, which costs the
 * server's interpreter 0.2 ms an icon, several times a card. Icons are decoration here: what they mean stands beside
 * them as text, so they take a size and nothing else.
 */
export function staticIcons(): Plugin {
  return {
    name: 'veche-static-icons',
    enforce: 'pre',
    transform(code, id) {
      if (!ICON.test(id)) return null;
      const data = DATA.exec(code)?.[1];
      if (!data) throw new Error(`${id} has no icon where one is expected: @lucide/svelte has changed`);
      return { code: component(JSON.parse(data) as IconData), map: null };
    },
  };
}

function component({ node }: IconData): string {
  const parts = node.map(([tag, attributes]) => {
    const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
    return `<${tag}${written.join('')} />`;
  });
  const frame = 'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';
  return `<script>
  let { size = 24 } = $props();
</script>

<svg xmlns="http://www.w3.org/2000/svg" width={size} height={size} ${frame} aria-hidden="true">${parts.join('')}</svg>
`;
}
