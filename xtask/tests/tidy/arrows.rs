//! Which crate may use which: `server -> veche -> kernel -> protocol`, and nothing upwards.

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::tree::root;

/// A crate's normal dependencies: of ours and of others.
#[derive(Debug, Clone)]
pub(crate) struct Crate {
    name: String,
    uses: Vec<String>,
}

/// Our crates, each with those of ours that it may use. A new arrow comes with an ADR.
const ALLOWED: &[(&str, &[&str])] = &[
    ("veche-protocol", &[]),
    ("veche-kernel", &["veche-protocol"]),
    ("veche-store", &["veche-kernel", "veche-protocol"]),
    ("veche-people", &["veche-kernel", "veche-protocol", "veche-store"]),
    ("veche-desk", &["veche-kernel", "veche-people", "veche-store"]),
    ("veche", &["veche-kernel", "veche-protocol"]),
    ("veche-ssr", &[]),
    ("veche-server", &["veche", "veche-desk", "veche-people", "veche-ssr", "veche-store"]),
    ("veche-bench", &["veche-protocol"]),
    // The bench's peers share nothing with what they are compared with.
    ("veche-bench-axum", &[]),
    ("veche-bench-bare", &[]),
    ("veche-bench-lean", &[]),
    ("veche-bench-sqlite", &[]),
    ("veche-bench-socketioxide", &[]),
    ("veche-fuzz", &["veche-protocol"]),
    ("xtask", &[]),
];

/// What the protocol cannot have: a runtime, sockets, randomness, logs and counters.
const IMPURE: &[&str] =
    &["tokio", "mio", "hyper", "socket2", "getrandom", "rand", "libc", "tracing", "metrics"];

/// Our crates as cargo sees them.
pub(crate) fn of_this_workspace() -> Vec<Crate> {
    let manifest = root().join("Cargo.toml");
    let metadata =
        MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("the workspace is readable");
    let normal = |package: &cargo_metadata::Package| {
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    metadata
        .packages
        .iter()
        .map(|package| Crate { name: package.name.to_string(), uses: normal(package) })
        .collect()
}

/// Arrows that are not allowed, crates that are not listed, and impurities of the protocol.
pub(crate) fn complaints(crates: &[Crate]) -> Vec<String> {
    let is_ours = |name: &str| ALLOWED.iter().any(|(ours, _)| *ours == name);
    let mut complaints = Vec::new();
    for Crate { name, uses } in crates {
        let Some((_, allowed)) = ALLOWED.iter().find(|(listed, _)| listed == name) else {
            complaints.push(format!("{name}: a new crate needs its arrows here and an ADR"));
            continue;
        };
        let upwards = uses.iter().filter(|used| is_ours(used) && !allowed.contains(&used.as_str()));
        complaints.extend(upwards.map(|used| format!("{name} -> {used}: this arrow is not allowed")));
        let impure = uses.iter().filter(|used| name == "veche-protocol" && IMPURE.contains(&used.as_str()));
        complaints.extend(impure.map(|used| format!("{name} -> {used}: the protocol is pure")));
    }
    complaints
}

#[test]
fn an_arrow_upwards_a_new_crate_and_an_impurity_are_refused() {
    let sample = |name: &str, uses: &[&str]| {
        complaints(&[Crate { name: name.into(), uses: uses.iter().map(ToString::to_string).collect() }])
    };
    assert!(sample("veche", &["veche-kernel", "tokio"]).is_empty());
    for (name, uses) in [
        ("veche-protocol", "veche-kernel"),
        ("veche-kernel", "veche"),
        ("veche-server", "veche-kernel"),
        ("veche-bench", "veche"),
        ("xtask", "veche-protocol"),
        ("veche-new", "serde"),
        ("veche-protocol", "tokio"),
    ] {
        assert_eq!(sample(name, &[uses]).len(), 1, "{name} -> {uses}");
    }
}

#[test]
fn all_listed_crates_exist() {
    let crates = of_this_workspace();
    for (listed, _) in ALLOWED {
        assert!(crates.iter().any(|found| found.name == *listed), "{listed}");
    }
}
