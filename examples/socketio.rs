//! An application as Node servers of Socket.IO are, for clients of any language: rooms, acknowledgements, namespaces,
//! middleware, recovery. `cargo run -p veche --example socketio -- --port 9002`, and then in a browser's console or in
//! Node: `io('http://localhost:9002').emit('join', { room: 'tea' }, console.log)`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use veche::{
    Args, BoxFuture, BuildError, Call, Class, Data, Kernel, Limits, Listen, Middleware, Module, Next,
    Origins, Outcome, Rejection, SessionId, State,
    socket_io::{Ack, ConnectRefused, Namespace, Socket, SocketIo, answers},
};

/// The names of the events that went out to each client.
type Outgoing = Arc<Mutex<HashMap<SessionId, Vec<String>>>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outgoing = Outgoing::default();
    let kernel = Kernel::builder().shards(2).guests(true).limits(Limits {
        frames_per_second: 0,
        calls_per_second: 0,
        ..Limits::default()
    });
    // What a client that comes back has missed is read from the rooms' memory.
    let kernel = ["", "/", "/chat", "/private"].into_iter().fold(kernel, |kernel, name| {
        kernel.namespace(veche::Namespace { class: Class::Memory, ..veche::Namespace::new(name) })
    });
    let mut listen = Listen::on(format!("127.0.0.1:{}", port()?))
        .origins(Origins::of(["http://allowed.test".to_owned()]))
        .connections_per_address(0);
    // A client's first packet tells which parser it has; the second path is for those who look for one there.
    for path in ["/socket.io/", "/msgpack/"] {
        let private = namespace(&outgoing)?.admit(async |handshake| {
            #[derive(Deserialize)]
            struct Auth {
                token: String,
            }
            match handshake.auth_as::<Auth>() {
                Some(Auth { token }) if token == "let me in" => Ok(()),
                _ => Err(ConnectRefused::new("not authorized").data(json!({ "code": "E_AUTH" }))),
            }
        });
        let is_room = |name: &str| {
            name.strip_prefix("/room-")
                .is_some_and(|id| !id.is_empty() && id.bytes().all(|it| it.is_ascii_digit()))
        };
        let door = SocketIo::at(path)
            .allow_eio3(true)
            .cookie("io")
            .recovery(Duration::from_mins(2))
            .namespace("/", namespace(&outgoing)?)
            .namespace("/chat", namespace(&outgoing)?)
            .namespace("/private", private)
            .namespaces(is_room, namespace(&outgoing)?);
        listen = listen.socket_io(door);
    }
    Ok(veche::serve(kernel.build()?, listen).await?)
}

/// What every namespace does.
fn namespace(outgoing: &Outgoing) -> Result<Namespace, BuildError> {
    let module = [about_oneself, about_rooms, about_telling, about_load, about_asking, about_ending]
        .into_iter()
        .fold(Module::new("app"), |module, more| more(module))
        .with_state(outgoing.clone());
    let heard = outgoing.clone();
    Ok(Namespace::of(module)?
        .otherwise(async |socket: Socket, call: Call, Args(args): Args<Vec<Value>>| {
            let all: Vec<Value> = std::iter::once(call.event().into()).chain(args).collect();
            socket.emit("any", &(all,));
        })
        .middleware(vec![Arc::new(Forbidding)])
        .on_outgoing(move |client, event| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.entry(client).or_default().push(event.to_owned());
        }))
}

/// Refuses one event, whoever it is from.
struct Forbidding;

impl Middleware for Forbidding {
    fn around(&self, call: Call, next: Next) -> BoxFuture<Outcome> {
        if call.event() == "forbidden" {
            return Box::pin(async { Err(Rejection::forbidden()) });
        }
        next.run(call)
    }
}

type App = Module<Outgoing>;
type Done = Result<(), Rejection>;

#[derive(Deserialize)]
struct Room {
    room: String,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    room: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    except: String,
    text: String,
}

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    room: String,
    #[serde(rename = "question")]
    words: Value,
    #[serde(default)]
    timeout: u64,
}

fn about_oneself(app: App) -> App {
    app.on("whoami", async |socket: Socket, ack: Ack| {
        let handshake = socket.handshake();
        let query: HashMap<_, _> =
            handshake.into_iter().flat_map(veche::socket_io::Handshake::parameters).collect();
        let auth: Value = handshake.and_then(veche::socket_io::Handshake::auth_as).unwrap_or_default();
        ack.send(&(json!({
            "id": socket.id().to_string(),
            "nsp": handshake.map(veche::socket_io::Handshake::namespace),
            "query": query,
            "auth": auth,
            "header": handshake.and_then(|it| it.header("x-test")),
            "recovered": socket.recovered(),
        }),));
    })
    .on("echo", async |ack: Ack| ack.echo())
    .on("bounce", async |socket: Socket, Args(args): Args<Vec<Box<RawValue>>>| socket.emit("bounce", &args))
    .on("remember", async |socket: Socket, Data(more): Data<serde_json::Map<String, Value>>, ack: Ack| {
        let mut data = socket.data();
        if !data.is_object() {
            data = json!({});
        }
        data.as_object_mut().into_iter().for_each(|data| data.extend(more.clone()));
        socket.set_data(data);
        ack.send(&());
    })
    .on("outgoing", async |socket: Socket, State(heard): State<Outgoing>, ack: Ack| {
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        ack.send(&(heard.get(&socket.id()).cloned().unwrap_or_default(),));
    })
}

fn about_rooms(app: App) -> App {
    #[derive(Deserialize)]
    struct Move {
        from: String,
        to: String,
    }
    app.on("join", async |socket: Socket, Data(Room { room }): Data<Room>, ack: Ack| -> Done {
        socket.join(&room).await?;
        ack.send(&(rooms_of(&socket).await,));
        Ok(())
    })
    .on("leave", async |socket: Socket, Data(Room { room }): Data<Room>, ack: Ack| {
        socket.leave(&room);
        ack.send(&(rooms_of(&socket).await,));
    })
    .on("fetch", async |socket: Socket, Data(Room { room }): Data<Room>, ack: Ack| {
        let mut found = Vec::new();
        for one in socket.namespace().to(&room).fetch_sockets().await {
            let data = if one.data().is_null() { json!({}) } else { one.data() };
            found.push((one.id().to_string(), rooms_of(&one).await, data));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let found: Vec<_> = found
            .into_iter()
            .map(|(id, rooms, data)| json!({ "id": id, "rooms": rooms, "data": data }))
            .collect();
        ack.send(&(found,));
    })
    .on("move", async |socket: Socket, Data(Move { from, to }): Data<Move>, ack: Ack| -> Done {
        let there = socket.namespace().to(&from);
        let moving = there.fetch_sockets().await;
        there.sockets_join(&[&to]).await?;
        moving.iter().for_each(|one| one.leave(&from));
        ack.send(&());
        Ok(())
    })
}

/// A client's rooms, with the one of its own, sorted.
async fn rooms_of(socket: &Socket) -> Vec<String> {
    let mut rooms = socket.rooms().await;
    rooms.push(socket.id().to_string());
    rooms.sort();
    rooms
}

fn about_telling(app: App) -> App {
    fn said(socket: &Socket, text: &str) -> (Value,) {
        (json!({ "from": socket.id().to_string(), "text": text }),)
    }
    app.on("say", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        socket.to(&words.room).emit("said", &said(&socket, &words.text)).await?;
        ack.send(&());
        Ok(())
    })
    .on("say_all", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        socket.namespace().to(&words.room).emit("said", &said(&socket, &words.text)).await?;
        ack.send(&());
        Ok(())
    })
    .on("say_local", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        socket.namespace().to(&words.room).emit("said", &said(&socket, &words.text)).await?;
        ack.send(&());
        Ok(())
    })
    .on("say_id", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        socket.namespace().to(&words.id).emit("said", &said(&socket, &words.text)).await?;
        ack.send(&());
        Ok(())
    })
    .on("except", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        let target = socket.namespace().to(&words.room).except(&words.except);
        target.emit("said", &said(&socket, &words.text)).await?;
        ack.send(&());
        Ok(())
    })
    .on("broadcast", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        socket.broadcast().emit("said", &said(&socket, &words.text)).await?;
        ack.send(&());
        Ok(())
    })
    .on("everyone", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        socket.namespace().emit("said", &said(&socket, &words.text)).await?;
        ack.send(&());
        Ok(())
    })
    .on("volatile", async |socket: Socket, Data(words): Data<Words>, ack: Ack| -> Done {
        socket.namespace().to(&words.room).volatile().emit("note", &(words.text,)).await?;
        ack.send(&());
        Ok(())
    })
    .on("compressed", async |socket: Socket, Data(words): Data<Words>| {
        socket.emit("said", &said(&socket, &words.text));
    })
}

/// Much at once.
fn about_load(app: App) -> App {
    #[derive(Deserialize)]
    struct Items {
        room: String,
        from: u64,
        to: u64,
        #[serde(default)]
        binary: bool,
    }
    #[derive(Deserialize)]
    struct Flood {
        room: String,
        count: usize,
        bytes: usize,
    }
    app.on("publish", async |socket: Socket, Data(items): Data<Items>, ack: Ack| -> Done {
        for n in items.from..=items.to {
            let room = socket.namespace().to(&items.room);
            if items.binary {
                let bytes = json!({ "$binary": base64_of([n as u8, 0, 255]) });
                room.emit("item", &(json!({ "n": n, "bytes": bytes }),)).await?;
            } else {
                room.emit("item", &(n,)).await?;
            }
        }
        ack.send(&());
        Ok(())
    })
    .on("flood", async |socket: Socket, Data(flood): Data<Flood>, ack: Ack| -> Done {
        let bulk = "x".repeat(flood.bytes);
        for _ in 0..flood.count {
            socket.namespace().to(&flood.room).emit("bulk", &(&bulk,)).await?;
        }
        ack.send(&());
        Ok(())
    })
    .deadline(Duration::from_mins(1))
}

fn about_asking(app: App) -> App {
    app.on("ask_me", async |socket: Socket, Data(asked): Data<Question>, ack: Ack| {
        let answer = socket.ask::<Vec<Value>>("question", &(asked.words,), Duration::from_secs(1)).await;
        ack.send(&(match answer {
            Ok(args) => args.into_iter().next().unwrap_or_default(),
            Err(_) => "timeout".into(),
        },));
    })
    // While it asks its own client, the client's other events go on.
    .concurrent()
    .on("ask_room", async |socket: Socket, Data(asked): Data<Question>, ack: Ack| {
        let room = socket.namespace().to(&asked.room).timeout(Duration::from_millis(asked.timeout));
        let (came, missing) =
            answers::<Vec<Value>>(room.emit_with_ack("question", &(asked.words,)).await).await;
        let came: Vec<Value> =
            came.into_iter().map(|args| args.into_iter().next().unwrap_or_default()).collect();
        ack.send(&(json!({ "answers": came, "missing": missing }),));
    })
    .concurrent()
}

fn about_ending(app: App) -> App {
    #[derive(Deserialize)]
    struct Close {
        #[serde(default)]
        room: String,
        #[serde(default)]
        close: bool,
    }
    app.on("disconnect_me", async |socket: Socket, Data(Close { close, .. }): Data<Close>| {
        socket.disconnect(close);
    })
    .on("close_engine", async |socket: Socket| socket.close_transport())
    .on("kick_room", async |socket: Socket, Data(Close { room, close }): Data<Close>, ack: Ack| {
        ack.send(&());
        socket.namespace().to(&room).disconnect_sockets(close).await;
    })
}

fn base64_of(bytes: [u8; 3]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let all = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
    (0..4).map(|place| char::from(DIGITS[(all >> (18 - 6 * place)) as usize & 63])).collect()
}

fn port() -> Result<u16, String> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(9002),
        (Some("--port"), Some(port)) => port.parse().map_err(|_| format!("--port: {port:?} is no port")),
        _ => Err("usage: socketio [--port N]".to_owned()),
    }
}
