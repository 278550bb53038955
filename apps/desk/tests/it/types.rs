//! The TypeScript that the web UI reads is that of the types here.

use std::{fs, path::Path};

use veche_desk::types::{FOLDER, typescript};

/// Red where a field was renamed and the files were not written anew.
#[test]
fn the_committed_typescript_is_that_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
    for (name, expected) in typescript() {
        let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            committed, expected,
            "{FOLDER}/{name} is stale: `cargo run -p veche-desk --example types`"
        );
    }
}
