//! Writes the TypeScript of the wire's types to where the web UI reads it.

use std::{fs, io, path::Path};

use veche_desk::types::{FOLDER, typescript};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
    fs::create_dir_all(&folder)?;
    for (name, text) in typescript() {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
