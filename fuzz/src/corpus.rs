//! What the targets start from: the protocol's vectors in each target's own shape.

use serde_json::Value;

const WS: &str = include_str!("../../protocol-vectors/ws.json");
const SOCKETIO: &str = include_str!("../../protocol-vectors/socketio.json");
const FRAMES: &str = include_str!("../../protocol-vectors/frames.json");

const UPGRADES: [&str; 8] = [
    "\x1f",
    "\x1fsec-websocket-extensions: permessage-deflate; client_max_window_bits\nsec-websocket-protocol: chat",
    "\x1fsec-websocket-extensions: permessage-deflate; server_max_window_bits=\"15\", x; y=\"a\\b\"",
    "\x1fsec-websocket-extensions: permessage-deflate; server_max_window_bits=8, permessage-deflate",
    "\x07connection: keep-alive, Upgrade\nsec-websocket-version: 13\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    "\x0fsec-websocket-version: 8",
    "\x1forigin: https://example.org\ncontent-length: 0\ncookie: a=b",
    "\x00host: a\nupgrade: h2c, WebSocket\nconnection: upgrade",
];

/// Steps of `engine_session`: by hand, an upgrade, one that fails, heartbeats, and both ways to close.
const WALKS: [&[u8]; 5] = [
    &[0x1f, 0x03, 0x01, 0x04, 0x08, 0x02, 0x09, 0x03, 0x00, 0x5a, 0x4b, 0x01, 0x03],
    &[0x1f, 0x03, 0x08, 0x09, 0x1a, 0x03, 0x08, 0x2e, 0x08, 0xfc, 0xfc, 0x0d, 0x03],
    &[0x1e, 0xfc, 0xfc, 0x0d, 0x05, 0x36, 0x07, 0xfc, 0xfc, 0xfc, 0x0d, 0xfc, 0xfc, 0x0d, 0x03],
    &[0x1f, 0x00, 0xff, 0x05, 0x46, 0x07, 0x03],
    &[0x1d, 0x26, 0x05, 0x26, 0x26, 0x16, 0x07, 0x03],
];

/// The inputs that a target starts from; none for a name that is no target's.
///
/// # Panics
/// If a file of vectors is not in its shape.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    match target {
        "ws_server" => streams("server"),
        "ws_client" => streams("client"),
        "ws_round_trip" => vec![
            vec![],
            [&[0, 0, 5, 0][..], b"Hello", &[1, 3, 255, 1, 2, 3, 2, 0, 0, 3, 2, 99, 7, 7]].concat(),
            [&[200, 0, 12, 200][..], "κόσμε €".as_bytes(), &[1, 200, 9, 1, 2]].concat(),
            [&[7, 1, 255, 255][..], &[b'z'; 255]].concat(),
        ],
        "upgrade" => UPGRADES.iter().map(|lines| lines.as_bytes().to_vec()).collect(),
        "client_frames" => {
            array(&parsed(FRAMES), "client").iter().map(|case| text(case, "text").into()).collect()
        }
        "engine_payload" => payloads(),
        "engine_session" => WALKS.iter().map(|walk| walk.to_vec()).collect(),
        "socket_packets" => packets("default"),
        "socket_msgpack" => packets("msgpack"),
        _ => Vec::new(),
    }
}

/// Each body behind the byte that chooses its format.
fn payloads() -> Vec<Vec<u8>> {
    let vectors = parsed(SOCKETIO);
    let input = |case: &Value| match case["text"].as_str() {
        Some(body) => [&[u8::from(case["revision"] == 3)][..], body.as_bytes()].concat(),
        None => [vec![2], bytes(text(case, "binary"))].concat(),
    };
    array(&vectors, "payloads").iter().map(input).collect()
}

/// Each case's messages as the targets take them: one message of msgpack, or several with `fe` between
/// them, behind a CONNECT, and `ff` before a binary one.
fn packets(parser: &str) -> Vec<Vec<u8>> {
    let vectors = parsed(SOCKETIO);
    let message = |message: &Value| match message.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None if parser == "default" => [vec![0xff], bytes(text(message, "binary"))].concat(),
        None => bytes(text(message, "binary")),
    };
    let input = |case: &Value| {
        let messages: Vec<_> = array(case, "messages").iter().map(message).collect();
        if parser == "default" { [vec![b'0'], messages.join(&0xfe)].join(&0xfe) } else { messages.concat() }
    };
    array(&vectors, "packets").iter().filter(|case| case["parser"] == parser).map(input).collect()
}

/// Each case's stream behind the four bytes that `ws_server` and `ws_client` read first.
fn streams(role: &str) -> Vec<Vec<u8>> {
    let cases = parsed(WS);
    let of_role = array(&cases, "cases").iter().filter(|case| case["role"] == role);
    let input = |case: &Value| {
        let deflate = u8::from(case["deflate"] == true);
        let hex: String = array(case, "reads").iter().filter_map(Value::as_str).collect();
        [vec![0xfe | deflate, 6, 2, 0], bytes(&hex)].concat()
    };
    of_role.map(input).collect()
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("the vectors are JSON")
}

fn array<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().expect("the vectors have this list")
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().expect("the vectors have this text")
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("the vectors' bytes are hex") as u8;
    hex.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | digit(*half))).collect()
}
