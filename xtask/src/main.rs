//! The repository's own commands: `cargo xtask run` starts the server, `cargo xtask test` proves the tree.

mod bench;
mod e2e;
mod failure;
mod install;
mod process;
mod run;
mod test;
mod web;
mod workspace;

use std::{env, process::ExitCode};

use crate::{failure::Failure, workspace::Workspace};

const USAGE: &str = "\
Usage:
  cargo xtask run [-- FLAG…]    builds the web UI and the server and runs `veche serve --demo FLAG…`
  cargo xtask test [STEP…]      runs the named steps, or all of them; `--list` names them
  cargo xtask bench [SCENARIO] [FLAG…]
                                measures the server beside its peers; `--help` names the scenarios
";

fn main() -> ExitCode {
    match dispatch(env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let workspace = Workspace::of_this_program()?;
    match arguments.split_first() {
        Some((command, flags)) if command == "run" => run::run(&workspace, flags),
        Some((command, filters)) if command == "test" => test::test(&workspace, filters),
        Some((command, arguments)) if command == "bench" => bench::bench(&workspace, arguments),
        Some((command, _)) if command == "help" || command == "--help" => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(Failure::Usage(USAGE)),
    }
}
