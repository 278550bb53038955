//! Writes every target's corpus as files for libFuzzer: `cargo run -p veche-fuzz --example write_corpus -- DIR`.

use std::{env, fs, io, path::PathBuf};

use veche_fuzz::{TARGETS, corpus};

fn main() -> io::Result<()> {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("corpus"), PathBuf::from);
    for (name, _) in TARGETS {
        let folder = root.join(name);
        fs::create_dir_all(&folder)?;
        for (at, input) in corpus(name).iter().enumerate() {
            fs::write(folder.join(format!("{at:03}")), input)?;
        }
    }
    Ok(())
}
