//! How much JavaScript a first visit may cost: the entry, its imports, and one part's chunk, compressed by gzip.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

use crate::{failure::Failure, process, workspace::file};

const ENTRY: &str = "src/entry-client.ts";
/// Bytes of the first visit to any part.
const MOST: u64 = 120_000;
/// Writes the sum of the compressed sizes of the files that it is given.
const SIZES: &str = "const {gzipSync} = require('zlib'); const {readFileSync} = require('fs'); \
    console.log(process.argv.slice(1).reduce((sum, file) => sum + gzipSync(readFileSync(file), {level: 9}).length, 0))";

/// Measures every part of the manifest; returns a note of the largest. One above the bound is a failure.
pub(super) fn check(client: &Path) -> Result<String, Failure> {
    let path = client.join(".vite/manifest.json");
    let text = fs::read_to_string(&path).map_err(|source| file(&path, source))?;
    let manifest: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::Unmet(format!("{}: {error}", path.display())))?;
    let mut sizes = Vec::new();
    for part in parts(&manifest) {
        let mut node = Command::new("node");
        node.args(["-e", SIZES]);
        node.args(first_visit(&manifest, &part).iter().map(|script| client.join(script)));
        let bytes: u64 = process::capture(&mut node)?.trim().parse().unwrap_or(u64::MAX);
        sizes.push((bytes, part));
    }
    sizes.sort();
    let Some((most, part)) = sizes.last() else {
        return Err(Failure::Unmet("the manifest names no part of the UI".into()));
    };
    if *most > MOST {
        let message = format!("the first visit to {part} costs {most} bytes of JavaScript, at most {MOST}");
        return Err(Failure::Unmet(message));
    }
    Ok(format!("{} KB of JavaScript, gzip, at most ({part})", most.div_ceil(1_000)))
}

/// The lazily loaded chunks of the UI's own sources.
fn parts(manifest: &Value) -> Vec<String> {
    let chunks = manifest.as_object().into_iter().flatten();
    let is_part = |chunk: &Value| chunk["isDynamicEntry"] == true;
    chunks.filter(|(_, chunk)| is_part(chunk)).map(|(name, _)| name.clone()).collect()
}

/// The scripts of the entry and of one part, with all that they import.
fn first_visit(manifest: &Value, part: &str) -> BTreeSet<String> {
    let (mut scripts, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut waiting = vec![ENTRY.to_owned(), part.to_owned()];
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let chunk = &manifest[&name];
        scripts.extend(chunk["file"].as_str().map(str::to_owned));
        let imports = chunk["imports"].as_array().into_iter().flatten();
        waiting.extend(imports.filter_map(|import| import.as_str().map(str::to_owned)));
    }
    scripts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{first_visit, parts};

    #[test]
    fn a_first_visit_loads_the_entry_and_the_part_with_all_that_they_import() {
        let manifest = json!({
            "src/entry-client.ts": {"file": "entry.js", "imports": ["_a.js"]},
            "_a.js": {"file": "a.js", "imports": ["_b.js"]},
            "_b.js": {"file": "b.js", "imports": ["_a.js"]},
            "src/desk/pages.ts": {"file": "desk.js", "imports": ["_a.js", "_c.js"], "isDynamicEntry": true},
            "_c.js": {"file": "c.js"},
            "src/home/pages.ts": {"file": "home.js", "isDynamicEntry": true},
        });
        assert_eq!(parts(&manifest), ["src/desk/pages.ts", "src/home/pages.ts"]);
        let desk = first_visit(&manifest, "src/desk/pages.ts");
        assert_eq!(desk.into_iter().collect::<Vec<_>>(), ["a.js", "b.js", "c.js", "desk.js", "entry.js"]);
        let home = first_visit(&manifest, "src/home/pages.ts");
        assert_eq!(home.into_iter().collect::<Vec<_>>(), ["a.js", "b.js", "entry.js", "home.js"]);
    }
}
