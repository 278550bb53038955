//! The folder and the webhook, as post offices: what they write, and what counts as taken. SMTP is proved
//! against a server that is not ours by `cargo xtask test mail`.

use std::{fs, path::Path};

use mail_parser::MessageParser;
use ring::hmac;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use veche_kernel::Clock;
use veche_people::{
    accounts::Email,
    mail::{Folder, Letter, Mail, Mailer as _, Recipient, Webhook},
};

const SECRET: &[u8] = b"a secret of thirty-two bytes, or more";

fn mail(id: &str) -> Mail {
    let email = Email::parse("ann@example.com").expect("an address");
    let to = Recipient { email, name: "Аня".into() };
    let letter = Letter::new(to, "Вход", "Вот ссылка", "<p>Вот ссылка</p>").expect("it is right");
    let letter = letter.unsubscribe("https://veche.example/off").expect("it is right");
    Mail { id: id.into(), written_ms: 1_700_000_000_000, letter }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_folder_has_a_whole_file_for_each_letter() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("deep/mail");
    let post_office = Folder::new(&path, "Veche <no-reply@veche.example>").expect("a sender");
    for id in ["m1", "m2", "m1"] {
        post_office.send(&mail(id)).await.expect("it is taken");
    }
    assert_eq!(names(&path), ["m1.eml", "m2.eml"], "sent twice is one letter");
    let letter = fs::read(path.join("m1.eml")).expect("it is there");
    let letter = MessageParser::default().parse(&letter).expect("a message");
    assert_eq!((letter.subject(), letter.message_id()), (Some("Вход"), Some("m1@veche.example")));
    assert!(Folder::new(&path, "nobody").is_none());
}

/// Takes one request and answers with this status; the head and the body that came.
async fn answer_once(listener: &TcpListener, status: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().await.expect("it connects");
    let mut read = Vec::new();
    let (head, length) = loop {
        stream.read_buf(&mut read).await.expect("it writes");
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.expect("it says so").trim().parse().expect("a number");
        break (head.clone(), head.len() + 4 + length);
    };
    while read.len() < length {
        stream.read_buf(&mut read).await.expect("it writes");
    }
    let answer = format!(
        "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.expect("it reads");
    let body = String::from_utf8(read[head.len() + 4..].to_vec()).expect("UTF-8");
    (head, body)
}

/// Red where the time is not signed, and where any answer counts as taken.
#[tokio::test]
async fn a_webhook_gets_signed_json_and_takes_by_a_status_of_200_to_299() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let url = format!("http://{}/take", listener.local_addr().expect("it is bound"));
    let webhook = Webhook::new(&url, SECRET, Clock::manual()).expect("it is right");
    let letter = mail("m1");
    let (sent, (head, body)) = tokio::join!(webhook.send(&letter), answer_once(&listener, "204 No Content"));
    sent.expect("it is taken");
    assert!(head.starts_with("post /take http/1.1\r\n") && head.contains("content-type: application/json"));
    let said: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&said["id"], &said["to"]["email"], &said["to"]["name"]),
        (&"m1".into(), &"ann@example.com".into(), &"Аня".into())
    );
    assert_eq!(
        (&said["text"], &said["list_unsubscribe"]),
        (&"Вот ссылка".into(), &"https://veche.example/off".into())
    );

    let signature = head.split("veche-signature: t=").nth(1).and_then(|rest| rest.split("\r\n").next());
    let (time, signature) = signature.and_then(|it| it.split_once(",v1=")).expect("it is signed");
    assert_eq!(time, "978307200", "the clock's year 2001");
    let signature = data_encoding::HEXLOWER.decode(signature.as_bytes()).expect("hexadecimal");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    hmac::verify(&key, format!("{time}.{body}").as_bytes(), &signature).expect("it is ours");

    for status in ["302 Found", "400 Bad Request", "503 Service Unavailable"] {
        let (sent, _) = tokio::join!(webhook.send(&letter), answer_once(&listener, status));
        let refused = sent.expect_err("it is not taken").to_string();
        assert!(refused.contains(&status[..3]) && !refused.contains("secret"), "{refused}");
    }
}

#[tokio::test]
async fn a_webhook_that_is_not_there_has_not_taken_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let url = format!("http://{}/take", listener.local_addr().expect("it is bound"));
    drop(listener);
    let webhook = Webhook::new(&url, SECRET, Clock::manual()).expect("it is right");
    assert!(webhook.send(&mail("m1")).await.is_err());
}
