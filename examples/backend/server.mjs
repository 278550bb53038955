// A small back end that keeps its own data and API, and tells clients through Veche what has happened.
//
//   VECHE_KEY=$(veche key create --name backend --scope 'publish:circle:*' --scope 'publish:user:*') \
//     node examples/backend/server.mjs
//   curl -X POST localhost:4000/circles/tea/posts -d '{"author":"ann","text":"Oolong","mentions":["bob"]}'

import { createServer } from "node:http";
import { sendToChannel, sendToUser } from "./veche.mjs";

const posts = [];

/** What this back end did before there was Veche, and two lines more. */
async function addPost(circleId, { author, text, mentions = [] }) {
  const post = { id: posts.length + 1, circleId, author, text };
  posts.push(post);
  await sendToChannel(`circle:${circleId}`, { type: "new_post", data: post });
  const notification = { kind: "mention", from: author, post: post.id };
  await Promise.all(mentions.map((user) => sendToUser(user, { type: "notification", data: notification })));
  return post;
}

async function answer(request) {
  const [, circleId] = /^\/circles\/([a-z0-9-]{1,64})\/posts$/.exec(request.url) ?? [];
  if (!circleId) return [404, { error: "no such path" }];
  if (request.method === "GET") return [200, posts.filter((post) => post.circleId === circleId)];
  if (request.method !== "POST") return [405, { error: "GET or POST" }];
  let body = "";
  for await (const piece of request) {
    body += piece;
    if (body.length > 65_536) return [413, { error: "too large" }];
  }
  return [201, await addPost(circleId, JSON.parse(body))];
}

const server = createServer((request, response) => {
  answer(request)
    .catch((error) => [error instanceof SyntaxError ? 400 : 502, { error: error.message }])
    .then(([status, body]) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
});

server.listen(Number(process.env.PORT ?? 4000), "127.0.0.1");
