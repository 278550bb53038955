//! A module in 30 lines: one event that answers, one that tells a room.

use serde::{Deserialize, Serialize};
use veche::{Data, Event, Kernel, Listen, Module, Rejection, Session};

#[derive(Deserialize)]
struct Greet {
    name: String,
}

#[derive(Serialize)]
struct Greeted {
    text: String,
}

impl Event for Greeted {
    const NAME: &'static str = "greeted";
}

async fn greet(session: Session, Data(Greet { name }): Data<Greet>) -> Result<String, Rejection> {
    session.join("hall").await?;
    session.to("hall").publish(&Greeted { text: format!("{name} came in") }).await?;
    Ok(format!("Hello, {name}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kernel = Kernel::builder().guests(true).mount(Module::new("hello").on("greet", greet)).build()?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    Ok(veche::serve(kernel, Listen::on(format!("127.0.0.1:{port}")).websocket("/realtime")).await?)
}
