//! The repository's text files, or a sample of them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Endings of the files that are read; others are only known to exist.
const TEXT: &[&str] =
    &["rs", "toml", "md", "mjs", "js", "ts", "py", "svelte", "html", "css", "sh", "json", "txt", "yml"];
/// Text files without an ending.
const TEXT_NAMES: &[&str] = &[".ci/run", ".gitignore", ".gitattributes"];
/// Folders that hold what a build or a tool made.
const SKIPPED: &[&str] = &["target", "node_modules", ".git", "veche-data", "dist", "paraglide", "cache"];

/// One text file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the repository's root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether the path ends in one of these, written without a dot.
    pub(crate) fn ends_in(&self, endings: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
    }

    /// Whether it is program text.
    pub(crate) fn is_code(&self) -> bool {
        self.ends_in(&["rs", "ts", "mjs", "js", "py", "svelte", "html"])
    }

    /// Whether a program of ours wrote it.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.contains("/generated/")
    }

    /// Whether it only runs as a test, where a line says what a failure needs to be repeated.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.contains("/simulation")
    }

    /// Lines with their numbers from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The files of a repository.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    sources: Vec<Source>,
    /// Every file and folder, the unread ones too.
    known: BTreeSet<String>,
}

impl Tree {
    /// What is in this repository now, committed or not.
    pub(crate) fn of_this_repository() -> Self {
        let root = root();
        let mut tree = Self::default();
        tree.walk(&root, &root);
        tree
    }

    /// A sample: paths with their texts.
    pub(crate) fn sample(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.known.extend(Path::new(path).ancestors().map(|path| path.display().to_string()));
            tree.sources.push(Source { path: (*path).into(), text: (*text).into() });
        }
        tree
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    pub(crate) fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    /// Whether a file or folder is there; the path may hold `.` and `..`.
    pub(crate) fn has(&self, path: &str) -> bool {
        let mut parts = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.is_empty() || self.known.contains(&parts.join("/"))
    }

    fn walk(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).expect("the repository is readable") {
            let path = entry.expect("the repository is readable").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let below = path.strip_prefix(root).expect("the walk starts at the root");
            let relative = below.to_string_lossy().replace('\\', "/");
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                self.walk(root, &path);
            } else if is_text(&relative) {
                let text = fs::read_to_string(&path).expect("a text file is UTF-8");
                self.sources.push(Source { path: relative.clone(), text });
            }
            self.known.insert(relative);
        }
    }
}

/// The repository's root, by the environment that cargo gives a test.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs this test");
    Path::new(&manifest).parent().expect("xtask lies in the workspace").to_path_buf()
}

fn is_text(path: &str) -> bool {
    TEXT_NAMES.contains(&path) || path.rsplit_once('.').is_some_and(|(_, ending)| TEXT.contains(&ending))
}

#[test]
fn a_path_is_found_from_another_folder() {
    let tree = Tree::sample(&[("docs/adr/0001-x.md", "")]);
    for path in ["docs/adr/0001-x.md", "docs/./adr/../adr/0001-x.md", "docs/adr", "docs/.."] {
        assert!(tree.has(path), "{path}");
    }
    assert!(!tree.has("docs/adr/0002-y.md"));
}

#[test]
fn this_repository_is_walked() {
    let tree = Tree::of_this_repository();
    assert!(tree.source("xtask/tests/tidy/tree.rs").is_some_and(Source::is_code));
    assert!(tree.has("Cargo.toml") && !tree.has("target"));
}
