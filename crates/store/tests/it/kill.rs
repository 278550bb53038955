//! What was acknowledged survives SIGKILL.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{append, assert_whole, log, open};

const CHILD: &str = "VECHE_STORE_KILL_CHILD";
const WRITERS: usize = 4;
const ROUNDS: usize = 5;
/// After so many acknowledgements a round's process is killed.
const ACKNOWLEDGED: usize = 200;

/// Red where writes were answered before their commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    if let Some(folder) = env::var_os(CHILD) {
        write_for_ever(folder.as_ref()).await;
    }
    let folder = tempfile::tempdir().expect("makes a folder");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(run_and_kill(folder.path(), round));
        let store = open(folder.path()).await.expect("it starts");
        assert_whole(&store).await;
        let (found, _) = log(&store).await;
        for (offset, data) in &acknowledged {
            assert_eq!(found.get(offset - 1), Some(data), "acknowledged as {offset}, and lost");
        }
        let mut texts = found.clone();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), found.len(), "something was published twice");
        store.close().await;
    }
    assert!(acknowledged.len() >= ROUNDS * ACKNOWLEDGED);
}

/// Starts this test as a process that writes, kills it, and returns what it said was acknowledged.
fn run_and_kill(folder: &Path, round: usize) -> Vec<(usize, String)> {
    let mut child = Command::new(env::current_exe().expect("it is known"))
        .args(["kill::what_was_acknowledged_survives_a_kill", "--exact", "--nocapture"])
        .env(CHILD, folder)
        .env("VECHE_STORE_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts itself");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < ACKNOWLEDGED {
        let line = lines.next().expect("the child failed").expect("reads");
        acknowledged.extend(parse(&line));
    }
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    // What it had written into the pipe counts; its last line may be half of one.
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    acknowledged.extend(rest.iter().filter_map(|line| parse(line)));
    acknowledged
}

/// `ack <offset> <data>.`
fn parse(line: &str) -> Option<(usize, String)> {
    let (offset, data) = line.strip_prefix("ack ")?.strip_suffix('.')?.split_once(' ')?;
    Some((offset.parse().ok()?, data.to_owned()))
}

async fn write_for_ever(folder: &Path) -> ! {
    let round = env::var("VECHE_STORE_ROUND").expect("it is given");
    let store = open(folder).await.expect("opens");
    println!();
    for writer in 0..WRITERS {
        let (store, round) = (store.clone(), round.clone());
        tokio::spawn(async move {
            for n in 0.. {
                let data = format!("[{round},{writer},{n}]");
                let offset = append(&store, &data).await.expect("appends");
                let line = format!("ack {offset} {data}.\n");
                std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
            }
        });
    }
    std::future::pending().await
}
