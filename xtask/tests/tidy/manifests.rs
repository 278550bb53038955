//! What each member's `Cargo.toml` takes from the workspace: lints, and the versions of what it uses.

use crate::tree::{Source, Tree};

/// Complaints about the members' manifests.
pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    // cargo-fuzz keeps a workspace of its own, which is no member of ours.
    let is_member =
        |source: &&Source| source.path.ends_with("/Cargo.toml") && !source.text.contains("[workspace]");
    let members = tree.sources().iter().filter(is_member);
    members.flat_map(|manifest| own_lints(manifest).into_iter().chain(own_versions(manifest))).collect()
}

fn own_lints(manifest: &Source) -> Option<String> {
    let inherits = manifest.text.contains("[lints]\nworkspace = true");
    (!inherits).then(|| format!("{}: `[lints] workspace = true` is missing", manifest.path))
}

fn own_versions(manifest: &Source) -> Vec<String> {
    let mut in_dependencies = false;
    let mut complaints = Vec::new();
    for (number, line) in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.trim_end().ends_with("dependencies]");
        } else if in_dependencies
            && line.contains('=')
            && !line.trim_start().starts_with('#')
            && !["workspace = true", "path = "].iter().any(|shared| line.contains(shared))
        {
            let path = &manifest.path;
            complaints.push(format!("{path}:{number}: versions belong into the workspace's manifest"));
        }
    }
    complaints
}

#[test]
fn a_version_of_its_own_and_missing_lints_are_refused() {
    let sample = |text: &str| complaints(&Tree::sample(&[("crates/a/Cargo.toml", text)])).len();
    let good = "[dependencies]\nbytes.workspace = true\nfoo = { workspace = true, features = [\"x\"] }\n\n[lints]\nworkspace = true\n";
    assert_eq!(sample(good), 0);
    assert_eq!(sample(&good.replace("bytes.workspace = true", "bytes = \"1\"")), 1);
    assert_eq!(sample(&good.replace("[lints]", "[lints.rust]")), 1);
}
