// A peer to compare with: a server of rooms on `ws`, the WebSocket library of Node.
//
// `node server.mjs PORT`. It listens on 127.0.0.1 and speaks as `bench/peers/lean` does. Tuned: a publication is
// encoded once, as a buffer that is sent to everyone; the handlers are shared by all connections, and the library
// keeps no list of clients beside the rooms. To frame it once as well, by the library's private parts, made no
// difference (14.4 and 15.9 µs a delivery, against 15.1 and 17.7). Compression is off, as it ships. The library
// brings no heartbeats.

import { WebSocketServer } from "ws";

/** Connections that wait to be accepted. */
const ACCEPT_QUEUE = 4096;
/** How a publication is sent: as text, although it is a buffer. */
const AS_TEXT = { binary: false };

const port = Number(process.argv[2]);
if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  console.error("usage: node server.mjs PORT");
  process.exit(1);
}

/** @type {Map<string, Set<import("ws").WebSocket>>} */
const rooms = new Map();

function join(socket, name) {
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(socket));
  socket.send('{"type":"joined"}');
}

function publish(name, data) {
  const frame = Buffer.from(JSON.stringify({ type: "msg", room: name, data }));
  for (const socket of rooms.get(name) ?? []) {
    socket.send(frame, AS_TEXT);
  }
}

function take(text) {
  const { type, room, data } = JSON.parse(text);
  if (type === "join") {
    join(this, room);
  } else if (type === "pub") {
    publish(room, data);
  }
}

function leave() {
  for (const room of rooms.values()) {
    room.delete(this);
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port, backlog: ACCEPT_QUEUE, clientTracking: false });
server.on("connection", (socket) => {
  socket.on("message", take);
  socket.on("close", leave);
  // The connection is closed behind it.
  socket.on("error", console.error);
});
