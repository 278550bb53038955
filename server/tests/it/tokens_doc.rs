//! The commands of docs/tokens.md, run as they are written against a server of the tests.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::process::Veche;

const DOCUMENT: &str = include_str!("../../../docs/tokens.md");

/// What each block of commands answers, in the order of the document; empty for those that say nothing.
const ANSWERS: [&str; 4] = ["\"token\":\"eyJ", "\"field\":\"token\"", "retry: ", ""];

#[test]
fn the_commands_of_the_document_work_as_they_are_written() {
    // Red: with another path, flag or field in the document.
    let server = Veche::start();
    let blocks: Vec<&str> =
        DOCUMENT.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), ANSWERS.len());
    for (block, answer) in blocks.iter().zip(ANSWERS) {
        let script = block.replace("localhost:3000", &server.address().to_string());
        let binaries = Path::new(env!("CARGO_BIN_EXE_veche")).parent().expect("it is in a folder");
        let mut child = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(server.folder())
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", binaries.display()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let stdout = child.stdout.take().expect("it is piped");
        if answer.is_empty() {
            assert!(child.wait().expect("it is ours").success(), "{block}");
            continue;
        }
        let found = BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.contains(answer));
        // One that has ended cannot be killed, and need not be.
        let _ = child.kill();
        child.wait().expect("it is ours");
        assert!(found.is_some(), "{block} does not answer {answer}");
    }
}
