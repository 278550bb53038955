//! Files and functions that fit a head.

use crate::tree::{Source, Tree};

/// A file of more lines has to be named below.
const FILE_GOAL: usize = 400;
/// The same of the client and the web UI, whose lines hold more.
const SCRIPT_GOAL: usize = 300;
/// No file has more lines.
const FILE_LIMIT: usize = 800;
/// No function has more lines.
const FUNCTION_LIMIT: usize = 80;

/// Files above the goal, each with the reason why cutting it would make it worse.
const LONG_FILES: &[(&str, &str)] =
    &[("web/src/desk/parts/CardTile.svelte", "a component within it is made for each card of a board")];

/// Files and functions that are too long, and entries of the list that are not needed any more.
pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    complaints_but(tree, LONG_FILES)
}

fn complaints_but(tree: &Tree, long_files: &[(&str, &str)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in tree.sources().iter().filter(|source| source.is_code() && !source.is_generated()) {
        complaints.extend(long_file(source, long_files));
        complaints.extend(long_functions(source));
    }
    let is_long = |path: &str| tree.source(path).is_some_and(|source| source.lines().count() > goal(source));
    let needless = long_files.iter().filter(|(path, _)| !is_long(path));
    complaints.extend(needless.map(|(path, _)| format!("{path}: is not long any more; drop its entry")));
    complaints
}

fn long_file(source: &Source, long_files: &[(&str, &str)]) -> Option<String> {
    let lines = source.lines().count();
    let is_named = long_files.iter().any(|(path, _)| *path == source.path);
    let limit = if is_named { FILE_LIMIT } else { goal(source) };
    (lines > limit).then(|| format!("{}: {lines} lines, at most {limit}", source.path))
}

/// The most lines of a file that is not named.
fn goal(source: &Source) -> usize {
    if source.ends_in(&["ts", "svelte"]) { SCRIPT_GOAL } else { FILE_GOAL }
}

/// Counts by indentation, as the formatters leave it: a function ends at the first line that closes at the
/// column where it began.
fn long_functions(source: &Source) -> Vec<String> {
    let lines: Vec<_> = source.text.lines().collect();
    let mut complaints = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| begins_function(line)) {
        let indentation = &line[..line.len() - line.trim_start().len()];
        let closes = |line: &&str| {
            let rest = line.strip_prefix(indentation);
            // The end of its body, or of a declaration without one.
            rest.is_some_and(|rest| rest.starts_with('}') || (rest.starts_with(')') && rest.ends_with(';')))
        };
        let length = lines.iter().skip(start + 1).take_while(|line| !closes(line)).count() + 2;
        let is_one_line = line.ends_with('}') || line.ends_with(';');
        if !is_one_line && length > FUNCTION_LIMIT {
            let path = &source.path;
            complaints.push(format!(
                "{path}:{}: a function of {length} lines, at most {FUNCTION_LIMIT}",
                start + 1
            ));
        }
    }
    complaints
}

fn begins_function(line: &str) -> bool {
    const BEFORE: &[&str] =
        &["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "export", "default"];
    let mut words = line.split_whitespace().skip_while(|word| BEFORE.contains(word));
    words.next().is_some_and(|word| word == "fn" || word == "function")
}

#[test]
fn long_files_are_refused_unless_they_are_named() {
    let sample = |lines: usize, named: &[(&str, &str)]| {
        complaints_but(&Tree::sample(&[("crates/a/src/lib.rs", &"//\n".repeat(lines))]), named).len()
    };
    let named = [("crates/a/src/lib.rs", "one table")];
    assert_eq!(sample(400, &[]), 0);
    assert_eq!(sample(401, &[]), 1);
    assert_eq!(sample(401, &named), 0);
    assert_eq!(sample(801, &named), 1);
    assert_eq!(sample(400, &named), 1, "the entry is stale");
}

#[test]
fn a_script_is_shorter_and_a_generated_one_is_as_long_as_it_is() {
    let sample =
        |path: &str, lines: usize| complaints_but(&Tree::sample(&[(path, &"//\n".repeat(lines))]), &[]).len();
    assert_eq!((sample("web/src/a.ts", 300), sample("web/src/a.ts", 301)), (0, 1));
    assert_eq!((sample("web/src/A.svelte", 300), sample("web/src/A.svelte", 301)), (0, 1));
    assert_eq!(sample("web/src/desk/generated/a.ts", 900), 0);
}

#[test]
fn long_functions_are_refused() {
    let sample = |head: &str, body: usize| {
        let text = format!("impl A {{\n    {head} {{\n{}    }}\n}}\n", "        x();\n".repeat(body));
        complaints_but(&Tree::sample(&[("crates/a/src/lib.rs", &text)]), &[]).len()
    };
    for head in ["fn f()", "pub(crate) async fn f()", "pub const fn f()", "export async function f()"] {
        assert_eq!((sample(head, 78), sample(head, 79)), (0, 1), "{head}");
    }
    assert_eq!(sample("mod tests", 100), 0);
}

#[test]
fn a_declaration_without_a_body_has_no_length() {
    let text =
        format!("trait A {{\n    fn f(\n        x: u8,\n    ) -> u8;\n{}}}\n", "    // x\n".repeat(100));
    assert!(complaints_but(&Tree::sample(&[("crates/a/src/lib.rs", &text)]), &[]).is_empty());
}
