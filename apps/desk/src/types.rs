//! TypeScript of everything that goes over the wire, in files that are committed and that nobody writes by hand.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

use crate::wire::{
    BoardId, CardId, LabelId, ListId,
    calls::{self, Applied, CardRead, CardSeen, Field, ListSeen, Old, Overwritten, Place},
    events::{self, DeskBoards},
    parts::{
        Archive, Board, BoardEntry, Boards, Card, CardVersions, Label, List, ListVersions, Member, Position,
        Role, Snapshot,
    },
};

/// The folder of the files, from the repository's root.
pub const FOLDER: &str = "web/src/desk/generated";

const HEAD: &str =
    "// Made from the types of apps/desk by `cargo run -p veche-desk --example types`. Do not edit.\n";

macro_rules! declared {
    ($config:expr, $($name:ident)*) => { vec![$((stringify!($name), declare::<$name>($config)),)*] };
}

/// A type's name and its declaration.
pub(crate) type Declared = (&'static str, String);

/// The files: their names and what they have to say.
pub fn typescript() -> [(&'static str, String); 3] {
    let config = &Config::new().with_large_int("number");
    let parts = declared!(config, BoardId ListId CardId LabelId Role Position CardVersions ListVersions Card List
        Label Member Board Snapshot Archive BoardEntry Boards);
    let mut calls = declared!(config, Applied Overwritten Field Old Place CardRead CardSeen ListSeen);
    calls.extend(calls::typescript(config));
    let mut events = events::typescript(config);
    events.extend(declared!(config, DeskBoards));
    let mut call_map =
        "\n/** What each call takes and answers. */\nexport interface DeskCalls {\n".to_owned();
    for (name, data, reply) in calls::CALLS {
        _ = writeln!(call_map, "  '{name}': {{ data: {data}; reply: {reply} }};");
    }
    let mut event_map = "\n/** What each event carries. */\nexport interface DeskEvents {\n".to_owned();
    for (name, data) in events::EVENTS.iter().chain(&[("desk.boards", "DeskBoards")]) {
        _ = writeln!(event_map, "  '{name}': {data};");
    }
    [
        ("parts.ts", file(&parts, &[], "")),
        ("calls.ts", file(&calls, &parts, &(call_map + "}\n"))),
        ("events.ts", file(&events, &parts, &(event_map + "}\n"))),
    ]
}

/// A file of these declarations, which uses some of the parts.
fn file(declared: &[Declared], parts: &[Declared], map: &str) -> String {
    let mut body = String::new();
    declared.iter().for_each(|(_, declaration)| _ = write!(body, "\n{declaration}\n"));
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let uses = |name: &str| body.split(|c| !is_part(c)).any(|word| word == name);
    let used: Vec<_> = parts.iter().map(|(name, _)| *name).filter(|name| uses(name)).collect();
    let imports = match used[..] {
        [] => String::new(),
        _ => format!("import type {{ {} }} from './parts';\n", used.join(", ")),
    };
    format!("{HEAD}{imports}{body}{map}")
}

/// A type's declaration, each field and each comment on a line.
pub(crate) fn declare<T: TS>(config: &Config) -> String {
    let raw = format!("{}export {}", T::docs().unwrap_or_default(), T::decl(config));
    let mut text = String::new();
    let mut comment: Option<Vec<&str>> = None;
    for line in raw.lines().map(str::trim_end) {
        match (line, &mut comment) {
            ("/**", _) => comment = Some(Vec::new()),
            (" */", Some(words)) => {
                let indent = if text.is_empty() { "" } else { "  " };
                _ = writeln!(text, "{indent}/** {} */", words.join(" "));
                comment = None;
            }
            (line, Some(words)) => words.push(line.trim_start_matches(" * ")),
            (line, None) if text.is_empty() || line.starts_with("export ") => _ = writeln!(text, "{line}"),
            (line, None) => text.push_str(&field(line)),
        }
    }
    text.trim_end().to_owned()
}

/// A field, or the last one with the end of its type.
fn field(line: &str) -> String {
    match line.strip_suffix(", };") {
        Some(last) => format!("  {last};\n}};\n"),
        None => format!("  {};\n", line.trim_end_matches(',')),
    }
}
