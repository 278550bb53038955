// How the service worker reads and writes pages. Texts only, so that it is tested without one.

import type { Boot } from './app/boot';

export type KeptBoot = Boot;

const SCRIPT = /(<script type="application\/json" id="boot">)([\s\S]*?)(<\/script>)/;
const APP_OPENS = '<div id="app">';

/** The boot data of a page, or `null` where it is not one of ours. */
export function bootIn(html: string): KeptBoot | null {
  const text = SCRIPT.exec(html)?.[2];
  if (text === undefined) return null;
  try {
    const boot = JSON.parse(text) as KeptBoot | null;
    return typeof boot?.build === 'string' ? boot : null;
  } catch {
    return null;
  }
}

/** A page with other boot data and an empty place for the app, which the browser mounts. */
export function pageWith(template: string, boot: KeptBoot): string {
  const opens = template.indexOf(APP_OPENS);
  const script = SCRIPT.exec(template);
  if (opens < 0 || !script) return template;
  const data = JSON.stringify(boot).replace(/</g, '\\u003c');
  const after = template.slice(script.index + script[0].length);
  return `${template.slice(0, opens + APP_OPENS.length)}</div>${script[1]}${data}${script[3]}${after}`;
}

/** The offline page with links to the pages that are kept. */
export function offlinePage(html: string, pages: KeptBoot[]): string {
  const links = pages.map(({ url }) => `<li><a href="${escape(url)}">${escape(nameOf(url))}</a></li>`);
  return html.replace('<!--kept-->', links.length > 0 ? `<ul>${links.join('')}</ul>` : '');
}

function nameOf(url: string): string {
  try {
    return decodeURI(url);
  } catch {
    return url;
  }
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
