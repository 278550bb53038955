// A peer to compare with: a server of rooms on Bun, whose server brings WebSockets and topics (it is uWebSockets).
//
// `bun server.js PORT`. It listens on 127.0.0.1 and speaks as `bench/peers/lean` does. Tuned: rooms are Bun's
// topics, so a fan-out never leaves its native code, and the mode of development is off. Everything else is as it
// ships: no compression, and a ping for who is silent for 104 s. (`--smol` took 1,873 B a connection for 1,998, and
// the same time a delivery.)

const port = Number(process.argv[2]);
if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  console.error("usage: bun server.js PORT");
  process.exit(1);
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port,
  development: false,
  fetch(request) {
    return server.upgrade(request) ? undefined : new Response("a WebSocket is wanted", { status: 426 });
  },
  websocket: {
    message(socket, text) {
      const { type, room, data } = JSON.parse(text);
      if (type === "join") {
        socket.subscribe(room);
        socket.send('{"type":"joined"}');
      } else if (type === "pub") {
        server.publish(room, JSON.stringify({ type: "msg", room, data }));
      }
    },
  },
});
