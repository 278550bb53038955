//! How long a board of 5,000 cards takes: its page, all of it, and a move on it.
//!
//! `cargo run --release -p veche-desk --example measure`

use std::{sync::Arc, time::Instant};

use serde_json::json;
use veche_desk::Desk;
use veche_kernel::{Clock, Kernel, Limits, testing::TestNode, web::Body};
use veche_store::{Options, Store};

const TIMES: usize = 41;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), Options::new(Clock::real())).await?;
    let desk = Desk::open(&store).await?;
    let start = Instant::now();
    desk.demonstrate().await?;
    println!("{:40} {:8.2} ms", "the demonstration's boards are made", start.elapsed().as_secs_f64() * 1e3);
    let limits = Limits { frames_per_second: 0, calls_per_second: 0, ..Limits::default() };
    let builder = Kernel::builder().log(Arc::new(store)).limits(limits).mount(desk.module());
    let node = TestNode::start_in_real_time(builder);
    for path in ["/desk", "/desk/welcome", "/desk/sprint", "/desk/big"] {
        let page = async || node.boot(path, Some("pasha")).await.map(drop);
        report(path, page).await?;
    }
    let all = async || {
        let request = http::Request::get("/api/desk/boards/big").body(Body::default())?;
        let response = node.ask_http(request, Some("pasha")).await;
        assert_eq!(response.status(), 200);
        Ok::<_, http::Error>(())
    };
    report("GET /api/desk/boards/big", all).await?;
    let mut client = node.client("pasha").await;
    let mut spent = Vec::new();
    for turn in 0..400 {
        let data = json!({"card": format!("c{}", turn % 300 + 1), "to_list": "l7", "after": "c3001"});
        let frame =
            json!({"type": "card.move", "channel": "board:big", "op_id": format!("op{turn}"), "data": data});
        let start = Instant::now();
        client.request(frame).await.map_err(|refused| refused.message)?;
        spent.push(start.elapsed().as_secs_f64() * 1e3);
    }
    print("card.move, one client that waits", spent);
    Ok(())
}

async fn report<E>(name: &str, work: impl AsyncFn() -> Result<(), E>) -> Result<(), E> {
    let mut spent = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        work().await?;
        spent.push(start.elapsed().as_secs_f64() * 1e3);
    }
    print(name, spent);
    Ok(())
}

fn print(name: &str, mut spent: Vec<f64>) {
    spent.sort_unstable_by(f64::total_cmp);
    let (best, median) = (spent[0], spent[spent.len() / 2]);
    println!("{name:40} {median:8.2} ms, at best {best:.2} ms");
}
