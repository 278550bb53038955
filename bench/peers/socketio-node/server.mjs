// A peer to compare with: the reference server of Socket.IO, as its documentation sets it up.
//
// `node server.mjs PORT`. It listens on 127.0.0.1, only for WebSockets and with the engine `ws`, which is the
// default. `subscribe` joins a room, and `message` is passed on to everyone in one; both are acknowledged.

import { createServer } from "node:http";
import { Server } from "socket.io";

/** Connections that wait to be accepted. */
const ACCEPT_QUEUE = 4096;

const port = Number(process.argv[2]);
if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  console.error("usage: node server.mjs PORT");
  process.exit(1);
}

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  socket.on("subscribe", ({ channel }, acknowledge) => {
    socket.join(channel);
    acknowledge({ type: "subscribed" });
  });
  socket.on("message", ({ channel, data }, acknowledge) => {
    io.to(channel).emit("message", data);
    acknowledge({ type: "reply" });
  });
});

http.listen(port, "127.0.0.1", ACCEPT_QUEUE);
