//! What the TypeScript client knows of the protocol's words and numbers is written from the constants here.

use std::{env, fmt::Write, fs, path::Path};

use veche_protocol::{
    client::{BATCH_MAX, CLIENT_TYPES, HISTORY_MAX, META_MAX, OP_ID_MAX, SERVER_TYPES},
    code::{CloseCode, ErrorCode},
    name::{CHANNEL_MAX, EVENT_MAX},
    position::OFFSET_END,
    sse::CHANNELS_MAX,
};

/// Names a run that writes the file instead of comparing it.
const WRITE: &str = "VECHE_WRITE";
const FILE: &str = "../../clients/ts/src/generated/protocol.ts";
const HEAD: &str = "\
// Written from the constants of crates/protocol by its test `typescript`; do not edit. To write it again:
//
//   VECHE_WRITE=1 cargo test -p veche-protocol --test it typescript
";

#[test]
fn the_typescript_constants_are_those_of_the_protocol() {
    let due = typescript();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if env::var_os(WRITE).is_some() {
        fs::write(&path, &due).expect("the client's sources are there");
    }
    let there = fs::read_to_string(&path).expect("the client's sources are there");
    assert!(there == due, "{FILE} is stale: run this test with {WRITE}=1, and commit what it writes");
}

fn typescript() -> String {
    let errors = ErrorCode::ALL.map(|code| format!("  '{code}',\n"));
    let retryable: Vec<_> = ErrorCode::ALL.into_iter().filter(|code| code.retryable()).collect();
    let retryable: String = retryable.iter().fold(String::new(), |out, code| out + &format!("  '{code}',\n"));
    let closes = CloseCode::ALL.map(|code| format!("  {}: {},\n", code.reason(), code.number()));
    let list = |names: &[&str]| names.iter().fold(String::new(), |out, name| out + &format!("  '{name}',\n"));
    let limits = [
        ("channelBytes", "The most bytes of a channel's name.", CHANNEL_MAX as u64),
        ("eventBytes", "The most bytes of an event's name.", EVENT_MAX as u64),
        ("opIdBytes", "The most bytes of an `op_id`.", OP_ID_MAX as u64),
        ("metaBytes", "The most bytes of what a member says of itself.", META_MAX as u64),
        ("batch", "The most frames of a batch.", BATCH_MAX as u64),
        ("history", "The most publications of a page of history.", u64::from(HISTORY_MAX)),
        ("streamChannels", "The most channels of one stream of events.", CHANNELS_MAX as u64),
        ("offsetEnd", "Every offset is below this.", OFFSET_END),
    ];
    let limits = limits.map(|(name, about, value)| format!("  /** {about} */\n  {name}: {value},\n"));
    let mut out = HEAD.to_owned();
    let mut section = |about: &str, name: &str, open: char, body: &str, close: char| {
        write!(out, "\n/** {about} */\nexport const {name} = {open}\n{body}{close} as const;\n")
            .expect("a String takes everything");
    };
    let errors = errors.concat();
    section(
        "The protocol's own error codes. An application brings further ones.",
        "ERROR_CODES",
        '[',
        &errors,
        ']',
    );
    section("Those after which the same request may succeed.", "RETRYABLE_CODES", '[', &retryable, ']');
    section("Why the server ends a connection.", "CLOSE_CODES", '{', &closes.concat(), '}');
    section("Types of frames that clients send.", "CLIENT_TYPES", '[', &list(&CLIENT_TYPES), ']');
    section("Types of frames that only the server sends.", "SERVER_TYPES", '[', &list(&SERVER_TYPES), ']');
    section("Bounds that no configuration changes.", "LIMITS", '{', &limits.concat(), '}');
    out
}
