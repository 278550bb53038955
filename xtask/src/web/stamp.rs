//! Whether something that was made is still of its sources.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::{failure::Failure, workspace::file};

/// What is made from the sources, or by a tool for itself; and tests, which no build reads.
const MADE: &[&str] = &["node_modules", "dist", "paraglide", "cache", "tests", "test"];

/// A digest of files and of all files in folders, by their paths and contents. It is compared on this machine only.
pub(crate) fn digest(root: &Path, sources: &[&str]) -> Result<String, Failure> {
    let mut files = Vec::new();
    for source in sources {
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for path in files {
        path.strip_prefix(root).unwrap_or(&path).hash(&mut hasher);
        fs::read(&path).map_err(|source| file(&path, source))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|source| file(path, source))?;
    for entry in entries {
        let path = entry.map_err(|source| file(path, source))?.path();
        let is_made = path.file_name().is_some_and(|name| MADE.iter().any(|made| name == *made));
        if !is_made {
            collect(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::digest;

    #[test]
    fn a_digest_changes_with_a_name_and_a_content_and_with_nothing_else() {
        let root = env::temp_dir().join(format!("xtask-digest-{}", process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("the folder is ours");
            fs::write(path, text).expect("the folder is ours");
        };
        let now = || digest(&root, &["web", "lock"]).expect("they are there");
        write("lock", "1");
        write("web/src/a.ts", "a");
        let first = now();
        write("web/dist/a.js", "made");
        write("web/node_modules/x/y.js", "made");
        write("web/src/a.ts", "a");
        assert_eq!(now(), first);
        write("web/src/a.ts", "b");
        let second = now();
        assert_ne!(second, first);
        write("web/src/b.ts", "b");
        fs::remove_file(root.join("web/src/a.ts")).expect("the file is ours");
        assert_ne!(now(), second);
        assert!(digest(&root, &["nothing"]).is_err());
        fs::remove_dir_all(&root).expect("the folder is ours");
    }
}
