//! `veche`, the binary.

use std::{error::Error, process::ExitCode};

use clap::Parser as _;
use serde_json::json;
use veche_server::{
    cli::{Cli, Command, KeyCommand, KeyCreate, KeyList, KeyRevoke, Revoke, Serve, StoreCommand, Token},
    config, control, key, log, serve, store,
    token::{self, Issued},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(flags) => run_serve(&flags),
        Command::Token(flags) => run_token(&flags),
        Command::Revoke(flags) => run_revoke(&flags),
        Command::Key(command) => run_key(&command),
        Command::Store(command) => run_store(&command),
        Command::Config => {
            print(config::DOCUMENT);
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("veche: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run_serve(flags: &Serve) -> Result<(), Box<dyn Error>> {
    let config = config::load(&flags.overrides())?;
    log::install(&config.log);
    serve::run(config, flags.demo)?;
    Ok(())
}

fn run_token(flags: &Token) -> Result<(), Box<dyn Error>> {
    let config = config::load(&flags.overrides())?;
    let Issued { token, id, expires_ms, warning } = token::issue(&config, &flags.wanted())?;
    if let Some(warning) = warning {
        eprintln!("veche: {warning}");
    }
    if flags.json {
        print(&format!("{}\n", json!({ "token": token, "id": id, "expires_ms": expires_ms })));
    } else {
        print(&format!("{token}\n"));
    }
    Ok(())
}

fn run_revoke(flags: &Revoke) -> Result<(), Box<dyn Error>> {
    let config = config::load(&flags.sources.overrides())?;
    let whose = flags.whose().expect("clap demands one of the two");
    control::revoke(&config, &whose)?;
    Ok(())
}

fn run_key(command: &KeyCommand) -> Result<(), Box<dyn Error>> {
    let (KeyCommand::Create(KeyCreate { sources, .. })
    | KeyCommand::List(KeyList { sources })
    | KeyCommand::Revoke(KeyRevoke { sources, .. })) = command;
    let config = config::load(&sources.overrides())?;
    match command {
        KeyCommand::Create(wanted) => {
            let (id, text) = key::create(&config, &wanted.name, &wanted.scopes, wanted.ttl)?;
            eprintln!("veche: the key {id} is shown this once");
            print(&format!("{text}\n"));
        }
        KeyCommand::List(_) => print(&key::list(&config)?),
        KeyCommand::Revoke(KeyRevoke { id, .. }) => key::revoke(&config, id)?,
    }
    Ok(())
}

fn run_store(command: &StoreCommand) -> Result<(), Box<dyn Error>> {
    let (StoreCommand::Backup(target) | StoreCommand::Restore(target)) = command;
    let config = config::load(&target.sources.overrides())?;
    match command {
        StoreCommand::Backup(_) => store::backup(&config, &target.file)?,
        StoreCommand::Restore(_) => store::restore(&config, &target.file)?,
    }
    Ok(())
}

/// Writes to standard output. A reader that is gone (`veche config | head`) is no failure of ours.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
