import type { ServerResponse } from 'node:http';
import type { Connect, Plugin, ViteDevServer } from 'vite';
import type { Boot } from './src/app/boot.ts';
import type { Page } from './src/entry-server.ts';

/** In development: the Rust server's sequence of boot, render and template, through Vite, for hot reload. */
export function devSsr(api: string): Plugin {
  return {
    name: 'veche-dev-ssr',
    apply: 'serve',
    configureServer(server) {
      // After Vite's own middlewares, so that modules and files come first.
      return () => {
        server.middlewares.use((request, response, next) => {
          const isPage = request.method === 'GET' && request.headers.accept?.includes('text/html');
          if (!isPage) return next();
          respond(server, api, request, response).catch((error: Error) => {
            server.ssrFixStacktrace(error);
            next(error);
          });
        });
      };
    },
  };
}

async function respond(server: ViteDevServer, api: string, request: Connect.IncomingMessage, response: ServerResponse) {
  const url = request.originalUrl ?? '/';
  const boot = await bootOf(api, url, request);
  await server.ssrLoadModule('/src/entry-server.ts');
  const render = (globalThis as { __ssr?: (json: string) => [page: string, body: string] }).__ssr;
  if (!render) throw new Error('the entry did not define __ssr');
  const [json, body] = render(JSON.stringify(boot));
  const rendered = { ...(JSON.parse(json) as Page), body };
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.statusCode = rendered.status;
  response.end(await server.transformIndexHtml(url, page(boot, rendered)));
}

/** The page's data from the server, as this browser would be given them. */
async function bootOf(api: string, url: string, request: Connect.IncomingMessage): Promise<Boot> {
  const headers = new Headers();
  for (const name of ['cookie', 'accept-language', 'user-agent']) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  headers.set('sec-fetch-site', 'same-origin');
  const answer = await fetch(`${api}/api/boot?path=${encodeURIComponent(url)}`, { headers });
  if (!answer.headers.get('content-type')?.includes('json')) {
    throw new Error(`${api} gave no page data for ${url} (${answer.status}); is the server running?`);
  }
  return (await answer.json()) as Boot;
}

function page(boot: Boot, rendered: Page & { body: string }): string {
  const classes = `theme-${boot.theme}${boot.contrast ? ' contrast-more' : ''} density-${boot.density}`;
  return `<!doctype html>
<html lang="${boot.locale}" class="${classes}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="manifest" href="/manifest.webmanifest">
${rendered.head}
</head>
<body>
<div id="app">${rendered.body}</div>
<script type="application/json" id="boot">${JSON.stringify(boot).replace(/</g, '\\u003c')}</script>
<script type="module" src="/src/entry-client.ts"></script>
</body>
</html>`;
}
