//! A data folder belongs to one process.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use veche_kernel::{Namespace, Publication};
use veche_store::Error;

use crate::support::{append, log, open, publication};

const CHILD: &str = "VECHE_STORE_FOLDER_CHILD";

/// Red where the lock file was not locked: SQLite lets two processes write in turn.
#[tokio::test]
async fn a_second_process_is_refused_with_advice() {
    if let Some(folder) = env::var_os(CHILD) {
        let store = open(folder.as_ref()).await.expect("the folder is free");
        append(&store, "1").await.expect("appends");
        println!("\nopened");
        std::future::pending::<()>().await;
    }
    let folder = tempfile::tempdir().expect("makes a folder");
    let mut child = Command::new(env::current_exe().expect("it is known"))
        .args(["folder::a_second_process_is_refused_with_advice", "--exact", "--nocapture"])
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts itself");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    assert!(output.lines().any(|line| line.is_ok_and(|line| line == "opened")), "the child failed");

    let refused = open(folder.path()).await.expect_err("it is in use");
    assert!(matches!(refused, Error::InUse { .. }));
    let message = refused.to_string();
    assert!(message.contains("stop it, or give this one a folder of its own"), "{message}");

    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    let store = open(folder.path()).await.expect("the system has released it");
    assert_eq!(log(&store).await.0, ["1"]);
    let again = open(folder.path()).await.expect_err("it is in use by this process");
    assert!(matches!(again, Error::InUse { .. }));
    store.close().await;
}

#[tokio::test]
async fn closing_leaves_one_whole_file() {
    let folder = tempfile::tempdir().expect("makes a folder");
    for n in 1..=3 {
        let store = open(folder.path()).await.expect("it was closed");
        assert_eq!(append(&store, &n.to_string()).await, Ok(n));
        store.close().await;
        assert!(!folder.path().join("veche.db-wal").exists(), "the log was not folded in");
        assert_eq!(fs::read_to_string(folder.path().join("veche.lock")).expect("reads"), "clean\n");
    }
}

/// Red where operations were remembered by the process and not by the database.
#[tokio::test]
async fn an_operation_counts_once_across_restarts() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let operation = Publication { op_id: Some("op".into()), ..publication("1") };
    let rules = Namespace::new("room");
    let mut first = None;
    for restart in 0..4 {
        let store = open(folder.path()).await.expect("opens");
        let published = store.append(operation.clone(), &rules).await.expect("appends");
        assert_eq!(published.duplicate, restart > 0);
        assert_eq!(*first.get_or_insert(published.position), published.position);
        assert_eq!(log(&store).await.0, ["1"]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("writes");
    let message = open(&file).await.expect_err("it is no folder").to_string();
    assert!(message.contains("failed to open the data folder"), "{message}");
}
