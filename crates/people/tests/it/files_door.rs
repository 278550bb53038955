//! Files over real sockets: a body in pieces, a line that is cut, and answers without a body.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use veche::{Listen, Server, Verifier};
use veche_kernel::{Clock, Kernel};
use veche_people::files::{FileLimits, Files};
use veche_store::{Options, Store};

use crate::files::{GUARD, contents};

/// A server with files, and a token of Ann's.
struct Site {
    folder: TempDir,
    server: Server,
    token: String,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = Store::open(folder.path(), Options::new(Clock::real())).await.expect("opens");
        let files = Files::open(&store, folder.path(), FileLimits::default()).await.expect("opens");
        let verifier =
            Verifier::hs256(b"a secret of the tests, 32 bytes or more").expect("it is long enough");
        let token = verifier.sign("ann", Duration::from_hours(1), Clock::real().wall_ms()).expect("a token");
        let kernel = Kernel::builder().shards(1).authenticator(Arc::new(verifier)).log(Arc::new(store));
        let kernel = kernel.mount(files.module()).build().expect("the node is sound");
        let server = Server::start(kernel, Listen::on("127.0.0.1:0")).expect("a free port");
        Self { folder, server, token }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn connect(&self) -> Line {
        let address: SocketAddr = *self.server.addresses().first().expect("it listens somewhere");
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        Line { stream, token: self.token.clone(), unread: Vec::new() }
    }
}

/// A connection.
struct Line {
    stream: TcpStream,
    token: String,
    unread: Vec<u8>,
}

impl Line {
    async fn send(&mut self, what: &str, headers: &str) {
        let token = &self.token;
        let head = format!(
            "{what} HTTP/1.1\r\nHost: veche.example\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
        );
        self.write(head.as_bytes()).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server reads");
    }

    /// Reads until there is what `find` looks for.
    async fn until<T>(&mut self, find: impl Fn(&[u8]) -> Option<T>) -> T {
        let reading = async {
            loop {
                if let Some(found) = find(&self.unread) {
                    return found;
                }
                let read = self.stream.read_buf(&mut self.unread).await.expect("the server writes");
                assert!(read > 0, "the connection ended after {:?}", String::from_utf8_lossy(&self.unread));
            }
        };
        tokio::time::timeout(GUARD, reading).await.expect("it comes")
    }

    /// The head of the next answer.
    async fn head(&mut self) -> String {
        let end = self.until(|bytes| bytes.windows(4).position(|end| end == b"\r\n\r\n")).await;
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        String::from_utf8(head).expect("a head is text").to_ascii_lowercase()
    }

    /// The next answer, as long as it says.
    async fn answer(&mut self) -> (String, Vec<u8>) {
        let head = self.head().await;
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
        self.until(|bytes| (bytes.len() >= length).then_some(())).await;
        (head, self.unread.drain(..length).collect())
    }
}

/// Red where the length of an answer to HEAD was left out, and where a part was sent without its length.
#[tokio::test]
async fn a_file_goes_in_by_pieces_and_comes_out_by_parts() {
    let site = Site::new().await;
    let mut line = site.connect().await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    line.send("POST /api/files?name=a.bin", "Transfer-Encoding: chunked\r\n").await;
    for piece in content.chunks(100_000) {
        line.write(format!("{:x}\r\n", piece.len()).as_bytes()).await;
        line.write(piece).await;
        line.write(b"\r\n").await;
    }
    line.write(b"0\r\n\r\n").await;
    let (head, body) = line.answer().await;
    assert!(head.starts_with("http/1.1 201"), "{head}");
    let file: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
    let path = format!("/api/files/{}", file["id"].as_str().expect("it has an id"));
    assert!(head.contains(&format!("location: {path}\r\n")), "{head}");

    line.send(&format!("HEAD {path}"), "").await;
    let head = line.head().await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 3000000\r\n"), "{head}");
    line.send(&format!("GET {path}"), "Range: bytes=1000000-1000009\r\n").await;
    let (head, part) = line.answer().await;
    assert!(head.starts_with("http/1.1 206"), "{head}");
    assert_eq!(part, &content[1_000_000..1_000_010], "and HEAD had no body");
    line.send(&format!("GET {path}"), "").await;
    assert!(line.answer().await.1 == content, "all of it comes back");
}

/// Red where the draft stayed when the client was gone.
#[tokio::test]
async fn a_cut_line_leaves_nothing() {
    let site = Site::new().await;
    let mut line = site.connect().await;
    line.send("POST /api/files", "Content-Length: 1000000\r\n").await;
    line.write(&vec![7; 500_000]).await;
    let has = async |something: bool| {
        let looking = async {
            while contents(site.folder()).is_empty() == something {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(GUARD, looking).await.is_ok()
    };
    assert!(has(true).await, "a draft is there");
    drop(line);
    assert!(has(false).await, "nothing is left");

    let mut line = site.connect().await;
    line.send("POST /api/files", "Content-Length: 10485761\r\n").await;
    let (head, body) = line.answer().await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("too_large"));
}
