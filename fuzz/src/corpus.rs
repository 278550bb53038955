//! What the targets start from: the protocol's vectors in each target's own shape.

use serde_json::Value;

const WS: &str = include_str!("../../protocol-vectors/ws.json");
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
        _ => Vec::new(),
    }
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
