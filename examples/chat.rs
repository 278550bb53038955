//! A chat in one handler: whoever says something is in the room, and the others hear it.
//!
//! `cargo run --example chat`, then connect any WebSocket client to `ws://localhost:8080/realtime` and send
//! `{"type":"chat:message","data":{"body":"Hello","room":"tea"}}`.

use serde::{Deserialize, Serialize};
use veche::{Data, Event, Kernel, Listen, Module, Rejection, Session};

#[derive(Deserialize)]
struct Say {
    body: String,
    room: Option<String>,
}

#[derive(Serialize)]
struct Said<'a> {
    from: String,
    body: String,
    room: &'a str,
}

impl Event for Said<'_> {
    const NAME: &'static str = "chat:message";
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let chat = Module::new("chat").on(
        "chat:message",
        async |session: Session, Data(say): Data<Say>| -> Result<(), Rejection> {
            let room = say.room.as_deref().unwrap_or("lobby");
            session.join(room).await?;
            // All of the room but this session.
            let said = Said { from: session.id().to_string(), body: say.body, room };
            session.to(room).publish(&said).await?;
            Ok(())
        },
    );
    let kernel = Kernel::builder().guests(true).mount(chat).build()?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    Ok(veche::serve(kernel, Listen::on(format!("0.0.0.0:{port}")).websocket("/realtime")).await?)
}
