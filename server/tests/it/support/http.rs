//! Requests over a connection of their own.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use super::NEVER;

/// Posts JSON with a key or a token; the answer's status and body.
pub(crate) fn post(address: SocketAddr, path: &str, bearer: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    ask(address, &format!("POST {path} HTTP/1.1\r\n{head}"), bearer, &body)
}

/// Gets JSON with a key or a token; the answer's status and body.
pub(crate) fn get(address: SocketAddr, path: &str, bearer: &str) -> (u16, Value) {
    ask(address, &format!("GET {path} HTTP/1.1\r\n"), bearer, "")
}

fn ask(address: SocketAddr, head: &str, bearer: &str, body: &str) -> (u16, Value) {
    let request =
        format!("{head}Host: localhost\r\nConnection: close\r\nAuthorization: Bearer {bearer}\r\n\r\n{body}");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(NEVER)).expect("a socket");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}
