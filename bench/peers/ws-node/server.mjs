// A peer to compare with: a server of rooms on `ws`, the WebSocket library of Node.
//
// `node server.mjs PORT`. It listens on 127.0.0.1 and speaks as `bench/peers/lean` does. Tuned: a publication is
// encoded once, as a buffer that is sent to everyone, and what one turn of the event loop publishes goes out with one
// write a subscriber, by the `cork` of Node's sockets (with 4 under way 5.4 and 5.9 µs a delivery, without it 18.7 and
// 19.6). The library keeps no list of clients beside the rooms. To frame once as well, by its private parts, made no
// difference. Compression is off, as it ships. The library brings no heartbeats.

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

/** Who hears what is published to a room: each WebSocket with the stream below it. */
const rooms = new Map();
/** Rooms whose streams hold back what is sent until the end of this turn. */
const corked = new Set();

function join(socket, stream, name) {
  const room = rooms.get(name) ?? new Map();
  rooms.set(name, room.set(socket, stream));
  socket.send('{"type":"joined"}');
}

function publish(name, data) {
  const room = rooms.get(name) ?? new Map();
  cork(room);
  const frame = Buffer.from(JSON.stringify({ type: "msg", room: name, data }));
  for (const socket of room.keys()) {
    socket.send(frame, AS_TEXT);
  }
}

function cork(room) {
  if (corked.has(room)) {
    return;
  }
  corked.add(room);
  const streams = [...room.values()];
  streams.forEach((stream) => stream.cork());
  process.nextTick(() => {
    corked.delete(room);
    streams.forEach((stream) => stream.uncork());
  });
}

function leave() {
  for (const room of rooms.values()) {
    room.delete(this);
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port, backlog: ACCEPT_QUEUE, clientTracking: false });
server.on("connection", (socket, { socket: stream }) => {
  socket.on("message", (text) => {
    const { type, room, data } = JSON.parse(text);
    if (type === "join") {
      join(socket, stream, room);
    } else if (type === "pub") {
      publish(room, data);
    }
  });
  socket.on("close", leave);
  // The connection is closed behind it.
  socket.on("error", console.error);
});
