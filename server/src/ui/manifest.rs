//! Vite's manifest: which files a page needs first.

use std::collections::HashMap;

use serde::Deserialize;

/// The entry of the browser's files.
const ENTRY: &str = "src/entry-client.ts";

/// Chunks by their source.
#[derive(Debug, Clone, Default)]
pub(super) struct Manifest(HashMap<String, Chunk>);

#[derive(Debug, Clone, Deserialize)]
struct Chunk {
    file: String,
    #[serde(default)]
    css: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
}

/// Paths of files, without the first `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needed {
    /// The script that begins it all.
    pub(super) entry: String,
    /// Styles that block the first paint.
    pub(super) styles: Vec<String>,
    /// Scripts that the first one will ask for.
    pub(super) scripts: Vec<String>,
}

impl Manifest {
    /// Reads it. An error is told as text.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let chunks: HashMap<String, Chunk> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if !chunks.contains_key(ENTRY) {
            return Err(format!("the manifest has no {ENTRY}"));
        }
        Ok(Self(chunks))
    }

    /// What a page of this chunk needs: the entry's files and the chunk's, each once.
    pub(super) fn needed(&self, chunk: Option<&str>) -> Needed {
        let mut needed = Needed::default();
        let mut seen = Vec::new();
        for name in [Some(ENTRY), chunk].into_iter().flatten() {
            self.add(name, &mut needed, &mut seen);
        }
        if let Some(entry) = self.0.get(ENTRY) {
            needed.entry.clone_from(&entry.file);
            needed.scripts.retain(|script| *script != entry.file);
        }
        needed
    }

    fn add<'a>(&'a self, name: &'a str, needed: &mut Needed, seen: &mut Vec<&'a str>) {
        let Some(chunk) = self.0.get(name).filter(|_| !seen.contains(&name)) else { return };
        seen.push(name);
        for import in &chunk.imports {
            self.add(import, needed, seen);
        }
        needed.scripts.push(chunk.file.clone());
        for style in &chunk.css {
            if !needed.styles.contains(style) {
                needed.styles.push(style.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{
        "src/entry-client.ts": {"file": "assets/entry.js", "css": ["assets/entry.css"], "imports": ["_shared.js"]},
        "_shared.js": {"file": "assets/shared.js", "imports": ["_deep.js"]},
        "_deep.js": {"file": "assets/deep.js", "css": ["assets/deep.css"], "imports": ["_shared.js"]},
        "src/desk/pages.ts": {"file": "assets/desk.js", "css": ["assets/entry.css", "assets/desk.css"],
            "imports": ["_shared.js"], "isDynamicEntry": true}
    }"#;

    #[test]
    fn a_page_needs_its_chunks_files_once_and_the_deepest_first() {
        // Red: `add` without `seen`, which goes round for ever; `needed` with the entry among the preloads.
        let manifest = Manifest::parse(JSON).expect("a manifest");
        let board = manifest.needed(Some("src/desk/pages.ts"));
        assert_eq!(board.entry, "assets/entry.js");
        assert_eq!(board.styles, ["assets/deep.css", "assets/entry.css", "assets/desk.css"]);
        assert_eq!(board.scripts, ["assets/deep.js", "assets/shared.js", "assets/desk.js"]);
        let shell = manifest.needed(None);
        assert_eq!(shell.scripts, ["assets/deep.js", "assets/shared.js"]);
        assert_eq!(manifest.needed(Some("src/unknown.ts")), shell);
    }

    #[test]
    fn a_manifest_without_the_entry_is_none() {
        assert!(Manifest::parse("{}").is_err() && Manifest::parse("").is_err());
    }
}
