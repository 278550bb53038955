//! What no source may say.

use crate::tree::{Source, Tree};

/// A word that a folder's sources may not hold.
struct Ban {
    /// Where it holds; all of them begin with one of these.
    folders: &'static [&'static str],
    /// The one file in which it is right, if any.
    except: &'static str,
    words: &'static [&'static str],
    why: &'static str,
}

const PURITY: &[Ban] = &[
    Ban {
        folders: &["crates/protocol/src/"],
        except: "",
        words: &[
            "std::net",
            "std::time",
            "std::thread",
            "std::env",
            "std::fs",
            "Instant",
            "time::Instant",
            "SystemTime",
        ],
        why: "the protocol is pure: `now` and bytes are its arguments",
    },
    Ban {
        folders: &["crates/kernel/src/"],
        except: "crates/kernel/src/clock.rs",
        // Tokio's clock is right for waits in real time, such as the drain's: its tests can pause it.
        words: &["Instant::now", "std::time::Instant::now", "SystemTime::now", "std::time::SystemTime::now"],
        why: "the kernel's time comes from its Clock",
    },
];

/// Sources outside of the protocol's and the clock's bounds.
pub(crate) fn impurities(tree: &Tree) -> Vec<String> {
    let judge = |ban: &Ban| {
        let bound = |source: &&Source| {
            ban.folders.iter().any(|folder| source.path.starts_with(folder)) && source.path != ban.except
        };
        let sources = tree.sources().iter().filter(bound);
        sources.flat_map(|source| hits(source, ban.words, ban.why)).collect::<Vec<_>>()
    };
    PURITY.iter().flat_map(judge).collect()
}

/// Written in two halves, so that this file does not complain about itself.
const NOWHERE: &[(&str, &str)] = &[
    (concat!("to", "do!"), "finish it"),
    (concat!("unimpl", "emented!"), "finish it"),
    (concat!("#[ig", "nore"), "a test runs, or goes"),
    (concat!("[al", "low("), "use #[expect(lint, reason = \"…\")]"),
    (concat!("TO", "DO"), "an open end belongs into the tracker"),
    (concat!("FIX", "ME"), "an open end belongs into the tracker"),
    (concat!("XX", "X"), "an open end belongs into the tracker"),
    (concat!("db", "g!("), "left over from debugging"),
];
/// What switches the compiler, a test or the escaping of a page off.
const SCRIPTS: &[(&str, &str)] = &[
    (concat!(": a", "ny"), "name the type, or `unknown`"),
    (concat!("as a", "ny"), "name the type, or `unknown`"),
    (concat!("<a", "ny>"), "name the type, or `unknown`"),
    (concat!("@ts-ig", "nore"), "mend the type"),
    (concat!("@ts-noc", "heck"), "mend the types"),
    (concat!("{@ht", "ml"), "text goes into text nodes"),
    (concat!(".sk", "ip("), "a test runs, or goes"),
    (concat!(".on", "ly("), "a test runs, or goes"),
];
/// Words of programs with a terminal, and where those live.
const TERMINAL: &[&str] = &[concat!("print", "ln!("), concat!("pri", "nt!("), concat!("eprint", "ln!(")];
const PROGRAMS: &[&str] = &[
    "server/",
    "bench/",
    "xtask/",
    "examples/",
    "apps/desk/examples/",
    "crates/veche/examples/",
    "crates/ssr/examples/",
];

/// Left-overs, silenced lints, and output of libraries.
pub(crate) fn forbidden_words(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in tree.sources().iter().filter(|source| source.is_code()) {
        for (word, why) in NOWHERE {
            complaints.extend(hits(source, &[word], why));
        }
        if source.ends_in(&["ts", "svelte"]) && !source.is_generated() {
            SCRIPTS.iter().for_each(|(word, why)| complaints.extend(hits(source, &[word], why)));
        }
        let talks = PROGRAMS.iter().any(|folder| source.path.starts_with(folder)) || source.is_test();
        if source.ends_in(&["rs"]) && !talks {
            complaints.extend(hits(source, TERMINAL, "a library logs by `tracing`"));
        }
    }
    complaints
}

/// Absolute paths that exist on one machine only.
const MACHINE: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/t", "mp/"),
    concat!("/Us", "ers/"),
    concat!("C:\\", "Users\\"),
];

/// Files that name a path of one machine.
pub(crate) fn machine_paths(tree: &Tree) -> Vec<String> {
    tree.sources().iter().flat_map(|source| hits(source, MACHINE, "a path of one machine")).collect()
}

/// The lines that hold one of the words as a word of its own; a Rust comment may show a call's name.
fn hits(source: &Source, words: &[&str], why: &str) -> Vec<String> {
    let in_line = |(number, line): (usize, &str)| {
        let is_comment = line.trim_start().starts_with("//");
        let found = |word: &&&str| holds(line, word) && !(is_comment && word.ends_with('('));
        words.iter().find(found).map(|word| format!("{}:{number}: `{word}`: {why}", source.path))
    };
    source.lines().filter_map(in_line).collect()
}

/// Whether a line holds the word with no letter before or after it that would make it another word.
fn holds(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts =
            !before.is_some_and(is_part) || !word.starts_with(|c: char| c.is_alphanumeric() || c == '/');
        let ends =
            !after.is_some_and(|c| c.is_ascii_alphanumeric()) || !word.ends_with(char::is_alphanumeric);
        starts && ends
    })
}

#[test]
fn words_are_found_as_words() {
    for (line, word, expected) in [
        ("let now = Instant::now();", "Instant::now", true),
        ("let now = tokio::time::Instant::now();", "Instant::now", false),
        ("the Instantiation", "Instant", false),
        ("use std::{net, time}", "std::net", false),
        ("a TO-DOs list", "DO", false),
        (&format!("see https://example.org{}x", MACHINE[0]), MACHINE[0], false),
        (&format!("cd {}ann", MACHINE[0]), MACHINE[0], true),
        (&format!("({}ann)", MACHINE[0]), MACHINE[0], true),
    ] {
        assert_eq!(holds(line, word), expected, "{line}");
    }
}

#[test]
fn an_impure_protocol_and_a_second_clock_are_refused() {
    let count = |path, text| impurities(&Tree::sample(&[(path, text)])).len();
    assert_eq!(count("crates/protocol/src/a.rs", "use std::net::SocketAddr;"), 1);
    assert_eq!(count("crates/protocol/src/a.rs", "fn f(now: Instant) {}"), 1);
    assert_eq!(count("crates/protocol/tests/a.rs", "use std::net::SocketAddr;"), 0);
    assert_eq!(count("crates/kernel/src/a.rs", "let now = Instant::now();"), 1);
    assert_eq!(count("crates/kernel/src/clock.rs", "let now = Instant::now();"), 0);
}

#[test]
fn each_forbidden_word_is_refused() {
    let count = |path, text: &str| forbidden_words(&Tree::sample(&[(path, text)])).len();
    for (word, _) in NOWHERE {
        assert_eq!(count("crates/kernel/src/a.rs", &format!("    {word} ")), 1, "{word}");
    }
    for (word, _) in SCRIPTS {
        assert_eq!(count("web/src/a.ts", &format!("x {word} ")), 1, "{word}");
        assert_eq!(count("web/src/A.svelte", &format!("x {word} ")), 1, "{word}");
        assert_eq!(count("crates/kernel/src/a.rs", &format!("x{word} ")), 0, "{word} in Rust");
    }
    for word in TERMINAL {
        assert_eq!(count("crates/kernel/src/a.rs", &format!("    {word}\"\");")), 1, "{word}");
        assert_eq!(count("crates/kernel/src/a.rs", &format!("/// {word}\"\");")), 0, "{word} in a doc");
        assert_eq!(count("server/src/main.rs", &format!("    {word}\"\");")), 0, "{word} in a program");
    }
}

#[test]
fn a_path_of_one_machine_is_refused() {
    for path in MACHINE {
        assert_eq!(
            machine_paths(&Tree::sample(&[("docs/a.md", &format!("see {path}x"))])).len(),
            1,
            "{path}"
        );
    }
}
