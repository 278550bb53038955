//! Documents: links that resolve, decisions that are short, two READMEs that agree.

use crate::tree::{Source, Tree};

/// The most of a decision record: a page.
const DECISION_LINES: usize = 60;
const DECISION_WORDS: usize = 500;
const DECISIONS: &str = "docs/adr/";

/// Links to files of the repository that are not there.
pub(crate) fn broken_links(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in tree.sources().iter().filter(|source| source.ends_in(&["md"])) {
        let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in prose(source) {
            let broken = links(line).filter(|link| !tree.has(&format!("{folder}/{link}")));
            complaints.extend(broken.map(|link| format!("{}:{number}: no such file: {link}", source.path)));
        }
    }
    complaints
}

/// The local targets of a line's Markdown links, without their fragments.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    local.filter_map(|target| target.split('#').next()).filter(|path| !path.is_empty())
}

/// The lines outside of fenced code.
fn prose(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    source.lines().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Decision records that are too long, not listed, or not numbered in a row.
pub(crate) fn decisions(tree: &Tree) -> Vec<String> {
    let is_record = |source: &&Source| {
        source.ends_in(&["md"]) && source.path.strip_prefix(DECISIONS).is_some_and(|name| name != "README.md")
    };
    let mut records: Vec<_> = tree.sources().iter().filter(is_record).collect();
    records.sort_by(|a, b| a.path.cmp(&b.path));
    let list = tree.source("docs/adr/README.md").map_or("", |list| list.text.as_str());
    let mut complaints = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        let name = &record.path[DECISIONS.len()..];
        let (lines, words) = (record.lines().count(), record.text.split_whitespace().count());
        if lines > DECISION_LINES || words > DECISION_WORDS {
            complaints.push(format!("{name}: {lines} lines and {words} words; a page has fewer"));
        }
        if !list.contains(&format!("({name})")) {
            complaints.push(format!("{name}: docs/adr/README.md does not list it"));
        }
        if !name.starts_with(&format!("{:04}-", index + 1)) {
            complaints
                .push(format!("{name}: the numbers have no hole and no double; expected {:04}", index + 1));
        }
    }
    complaints
}

/// READMEs that are not there or whose headings differ in number or level.
pub(crate) fn readmes(tree: &Tree) -> Vec<String> {
    let headings = |name| {
        let source = tree.source(name).ok_or_else(|| format!("{name}: is missing"))?;
        let level = |line: &str| line.bytes().take_while(|byte| *byte == b'#').count();
        Ok(prose(source).map(|(_, line)| level(line)).filter(|level| *level > 0).collect::<Vec<_>>())
    };
    match (headings("README.md"), headings("README.ru.md")) {
        (Ok(english), Ok(russian)) if english == russian => Vec::new(),
        (Ok(english), Ok(russian)) => {
            vec![format!("the READMEs' headings differ: {english:?} and {russian:?}")]
        }
        (english, russian) => [english, russian].into_iter().filter_map(Result::err).collect(),
    }
}

#[test]
fn a_link_to_nowhere_is_refused() {
    let count = |text| {
        let files = [("docs/a.md", text), ("docs/b.md", ""), ("README.md", "")];
        broken_links(&Tree::sample(&files)).len()
    };
    assert_eq!(count("[b](b.md#part), [up](../README.md), [web](https://example.org), [here](#a)"), 0);
    assert_eq!(count("[b](c.md) and [d](d.md)"), 2);
    assert_eq!(count("[up](../NOTHING.md)"), 1);
    assert_eq!(count("```\n[b](c.md)\n```\n"), 0);
}

#[test]
fn a_decision_that_is_long_unlisted_or_misnumbered_is_refused() {
    let count = |name: &str, text: &str, list: &str| {
        decisions(&Tree::sample(&[(&format!("docs/adr/{name}"), text), ("docs/adr/README.md", list)])).len()
    };
    assert_eq!(count("0001-a.md", "short", "[a](0001-a.md)"), 0);
    assert_eq!(count("0001-a.md", &"line\n".repeat(61), "[a](0001-a.md)"), 1);
    assert_eq!(count("0001-a.md", &"word ".repeat(501), "[a](0001-a.md)"), 1);
    assert_eq!(count("0001-a.md", "short", ""), 1);
    assert_eq!(count("0002-a.md", "short", "[a](0002-a.md)"), 1);
}

#[test]
fn readmes_that_differ_are_refused() {
    let count =
        |english, russian| readmes(&Tree::sample(&[("README.md", english), ("README.ru.md", russian)])).len();
    assert_eq!(count("# A\n## B\n```\n# x\n```\n", "# А\n## Б\n"), 0);
    assert_eq!(count("# A\n## B\n", "# А\n"), 1);
    assert_eq!(count("# A\n## B\n", "# А\n### Б\n"), 1);
    assert_eq!(readmes(&Tree::default()).len(), 2);
}
