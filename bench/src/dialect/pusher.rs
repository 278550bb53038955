//! The Pusher protocol: clients publish only in private channels, which they have to have joined themselves,
//! each with a signature for its connection.

use data_encoding::HEXLOWER;
use ring::hmac;

/// The app, as in `bench/peers/sockudo`, and the version of the protocol that its stock clients speak.
pub(crate) const PATH: &str = "/app/bench-key?protocol=7";
const KEY: &str = "bench-key";
const SECRET: &str = "bench-secret";

/// The frame that joins a channel; `greeting` names the connection.
pub(crate) fn join(channel: &str, greeting: &[u8]) -> String {
    let signature = signature(SECRET, socket_id(greeting).unwrap_or_default(), channel);
    format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}","auth":"{KEY}:{signature}"}}}}"#)
}

/// The connection's name in `"data":"{\"socket_id\":\"1.2\",…}"`: JSON in a string of JSON.
fn socket_id(greeting: &[u8]) -> Option<&str> {
    let (_, behind) = str::from_utf8(greeting).ok()?.split_once(r#"socket_id\":\""#)?;
    behind.split('\\').next()
}

fn signature(secret: &str, socket: &str, channel: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    HEXLOWER.encode(hmac::sign(&key, format!("{socket}:{channel}").as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_protocols_documentation() {
        assert_eq!(
            signature("7ad3773142a6692b25b8", "1234.1234", "private-foobar"),
            "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
        );
    }

    #[test]
    fn a_greeting_names_the_connection() {
        for (data, expected) in [
            (r#"{\"socket_id\":\"123.456\",\"activity_timeout\":120}"#, Some("123.456")),
            (r#"{\"activity_timeout\":120,\"socket_id\":\"1.2\"}"#, Some("1.2")),
            (r#"{\"activity_timeout\":120}"#, None),
        ] {
            let greeting = format!(r#"{{"event":"pusher:connection_established","data":"{data}"}}"#);
            assert_eq!(socket_id(greeting.as_bytes()), expected, "{data}");
        }
    }
}
