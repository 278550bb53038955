//! Files: what comes in, who gets it out, and what the folder holds afterwards.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all, stream};
use http::{Method, Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use veche_kernel::{Clock, Kernel, testing::TestNode, web::Body};
use veche_people::files::{Ask, FileLimits, Files, FilesError, find};
use veche_store::{Options, Store};

/// How long a test waits, in real time, for what should happen at once.
pub(crate) const GUARD: Duration = Duration::from_secs(10);

/// A node with files. Whoever is called `friend…` may see all of them.
struct Cabinet {
    folder: TempDir,
    store: Store,
    files: Files,
    node: TestNode,
}

impl Cabinet {
    async fn new(limits: FileLimits) -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = Store::open(folder.path(), Options::new(Clock::manual())).await.expect("opens");
        let is_friend = async |ask: Ask| Ok(ask.user.is_some_and(|user| user.as_str().starts_with("friend")));
        let files = Files::open(&store, folder.path(), limits).await.expect("opens").allow(is_friend);
        let node = TestNode::start(Kernel::builder().log(Arc::new(store.clone())).mount(files.module()));
        Self { folder, store, files, node }
    }

    async fn ask(&self, request: Request<Body>, user: Option<&str>) -> Response<Bytes> {
        self.node.ask_http(request, user).await
    }

    /// Sends a file.
    async fn send(&self, user: &str, name: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = request(Method::POST, &format!("/api/files?name={name}"), &[], body);
        let response = self.ask(request, Some(user)).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).expect("it is JSON"))
    }

    /// Sends a file that is taken; its id.
    async fn keep(&self, user: &str, body: impl Into<Body>) -> String {
        let (status, file) = self.send(user, "a", body).await;
        assert_eq!(status, 201, "{file}");
        file["id"].as_str().expect("it has an id").to_owned()
    }

    async fn fetch(&self, user: &str, id: &str, headers: &[(&'static str, &str)]) -> Response<Bytes> {
        self.ask(request(Method::GET, &format!("/api/files/{id}"), headers, Body::empty()), Some(user)).await
    }

    async fn remove(&self, user: &str, id: &str) -> u16 {
        let request = request(Method::DELETE, &format!("/api/files/{id}"), &[], Body::empty());
        self.ask(request, Some(user)).await.status().as_u16()
    }

    /// What lies in the folder.
    fn contents(&self) -> BTreeSet<String> {
        contents(self.folder.path())
    }
}

pub(crate) fn contents(data: &Path) -> BTreeSet<String> {
    let folders = fs::read_dir(data.join("files")).expect("there is a folder");
    let files =
        folders.flat_map(|folder| fs::read_dir(folder.expect("reads").path()).expect("it is a folder"));
    files.map(|file| file.expect("reads").file_name().into_string().expect("a name of ours")).collect()
}

fn request(
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).expect("a request")
}

fn pieces(pieces: Vec<Result<&'static [u8], &'static str>>) -> Body {
    Body::stream(stream::iter(pieces.into_iter().map(|piece| piece.map(Bytes::from_static))))
}

/// A body that never ends.
fn endless() -> Body {
    use futures_util::StreamExt;
    Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"and"))]).chain(stream::pending()))
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("it is text"))
}

/// Red where a header was left out, and where folders stayed in a name.
#[tokio::test]
async fn a_file_comes_back_as_what_it_is() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let page = "<script>alert(1)</script>";
    for (name, content, kind, disposition) in [
        (
            "%D0%B6.png",
            &b"\x89PNG\r\n\x1a\n..."[..],
            "image/png",
            "inline; filename=\"_.png\"; filename*=UTF-8''%D0%B6.png",
        ),
        ("a.png", page.as_bytes(), "text/plain; charset=utf-8", "inline; filename=\"a.png\""),
        ("a.pdf", b"%PDF-1.7", "application/pdf", "attachment; filename=\"a.pdf\""),
        ("a.txt", b"\0\x01", "application/octet-stream", "attachment; filename=\"a.txt\""),
        ("a%0D%0AX:%20y%22.txt", b"x", "text/plain; charset=utf-8", "inline; filename=\"a__X_ y_.txt\""),
        ("..%2F..%2Fveche.db", b"y", "text/plain; charset=utf-8", "inline; filename=\"veche.db\""),
        ("", b"", "text/plain; charset=utf-8", "inline; filename=\"file\""),
    ] {
        let (status, file) = cabinet.send("ann", name, content.to_vec()).await;
        assert_eq!(
            (status, &file["type"], &file["size"]),
            (201, &json!(kind), &json!(content.len())),
            "{file}"
        );
        let response = cabinet.fetch("ann", file["id"].as_str().expect("it has an id"), &[]).await;
        assert_eq!((response.status().as_u16(), &response.body()[..]), (200, content));
        for (header_name, expected) in [
            ("content-type", kind),
            ("content-disposition", disposition),
            ("content-length", &*content.len().to_string()),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "private, max-age=31536000, immutable"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(header(&response, header_name), expected, "{name}: {header_name}");
        }
        assert!(response.headers().get("x").is_none());
    }
    let saved = format!("/api/files/{}?download", cabinet.keep("ann", "x").await);
    let saved = cabinet.ask(request(Method::GET, &saved, &[], Body::empty()), Some("ann")).await;
    assert_eq!(header(&saved, "content-disposition"), "attachment; filename=\"a\"");
}

/// Red where a range began one byte late, where another tag's range was served, and where HEAD had parts.
#[tokio::test]
async fn a_part_and_an_unchanged_file_are_answered_as_such() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let id = cabinet.keep("ann", content.clone()).await;
    let whole = cabinet.fetch("ann", &id, &[]).await;
    assert!(whole.body() == &content, "all of it comes back");
    let tag = header(&whole, "etag").to_owned();
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=65535-131072", 65_535..131_073),
        ("bytes=199990-", 199_990..200_000),
        ("bytes=-7", 199_993..200_000),
    ] {
        let part = cabinet.fetch("ann", &id, &[("range", range), ("if-range", &tag)]).await;
        let content_range = format!("bytes {}-{}/200000", expected.start, expected.end - 1);
        assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, &*content_range));
        assert_eq!(header(&part, "content-length"), expected.len().to_string());
        assert!(part.body() == &content[expected], "{range}");
    }
    for headers in
        [[("range", "bytes=0-1"), ("if-range", "\"another\"")], [("range", "bytes=0-1,3-4"), ("x", "y")]]
    {
        let response = cabinet.fetch("ann", &id, &headers).await;
        assert_eq!((response.status().as_u16(), response.body().len()), (200, content.len()));
    }
    let path = format!("/api/files/{id}");
    let head = cabinet
        .ask(request(Method::HEAD, &path, &[("range", "bytes=0-1")], Body::empty()), Some("ann"))
        .await;
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, "200000"),
        "only GET has parts"
    );
    let beyond = cabinet.fetch("ann", &id, &[("range", "bytes=200000-")]).await;
    assert_eq!((beyond.status().as_u16(), header(&beyond, "content-range")), (416, "bytes */200000"));
    for tags in [&*tag, "*", &format!("\"x\", W/{tag}")] {
        let unchanged = cabinet.fetch("ann", &id, &[("if-none-match", tags)]).await;
        assert_eq!((unchanged.status().as_u16(), unchanged.body().len()), (304, 0), "{tags}");
        assert_eq!(header(&unchanged, "etag"), tag);
    }
    assert_eq!(cabinet.fetch("ann", &id, &[("if-none-match", "\"x\"")]).await.status(), 200);
}

/// Red where a stranger was told `forbidden`, where the rule was not asked, and where whoever sees a file may
/// remove it.
#[tokio::test]
async fn strangers_cannot_tell_a_file_from_none() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let id = cabinet.keep("ann", "secret").await;
    assert_eq!(cabinet.fetch("friend", &id, &[]).await.body(), "secret");
    let nothing = cabinet.fetch("eve", "00000000000000000000000000000000", &[]).await;
    assert_eq!(nothing.status(), 404);
    let database = "..%2F..%2Fveche.db";
    for id in [&*id, "x", database, &id.to_uppercase(), &id[1..]] {
        for headers in [&[][..], &[("if-none-match", "*")], &[("range", "bytes=0-0")]] {
            let found = cabinet.fetch("eve", id, headers).await;
            assert_eq!((found.status(), found.body()), (nothing.status(), nothing.body()), "{id}");
        }
    }
    let path = format!("/api/files/{id}");
    let guest = cabinet.ask(request(Method::GET, &path, &[], Body::empty()), None).await;
    assert_eq!((guest.status(), guest.body()), (nothing.status(), nothing.body()));
    assert_eq!(cabinet.ask(request(Method::POST, "/api/files", &[], "x"), None).await.status(), 401);
    assert_eq!(cabinet.ask(request(Method::DELETE, &path, &[], Body::empty()), None).await.status(), 401);
    for user in ["eve", "friend"] {
        assert_eq!(cabinet.remove(user, &id).await, 404, "{user}");
    }
    assert_eq!((cabinet.remove("ann", &id).await, cabinet.remove("ann", &id).await), (204, 404));
    assert_eq!(cabinet.fetch("ann", &id, &[]).await.status(), 404);
    assert!(cabinet.contents().is_empty());
}

/// Red where the draft stayed, and where a cut body counted as an end.
#[tokio::test]
async fn what_does_not_come_to_its_end_leaves_nothing() {
    let limits = FileLimits { file_bytes: 8, ..FileLimits::default() };
    let cabinet = Cabinet::new(limits).await;
    let (status, error) = cabinet.send("ann", "a", pieces(vec![Ok(b"half"), Err("the line is cut")])).await;
    assert_eq!((status, &error["error"]["code"]), (400, &json!("bad_request")));
    let (status, error) = cabinet.send("ann", "a", pieces(vec![Ok(b"12345678"), Ok(b"9")])).await;
    assert_eq!((status, &error["error"]["code"]), (413, &json!("too_large")));
    assert!(cabinet.contents().is_empty());

    let mut dropped = Box::pin(cabinet.send("ann", "a", endless()));
    while cabinet.contents().is_empty() {
        assert!((&mut dropped).now_or_never().is_none(), "it never ends");
        tokio::task::yield_now().await;
    }
    drop(dropped);
    // A draft that was just being made goes a moment later.
    let is_gone = async {
        while !cabinet.contents().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(GUARD, is_gone).await.expect("nothing is left");
    assert_eq!(cabinet.send("ann", "a", "12345678").await.0, 201);
}

/// Red where a refused file kept its content, where a removed one still weighed, and where what is said to
/// come was not looked at.
#[tokio::test]
async fn a_users_files_have_a_bound_together() {
    let limits = FileLimits { user_bytes: 20_000, ..FileLimits::default() };
    let cabinet = Cabinet::new(limits).await;
    let first = cabinet.keep("ann", vec![1; 10_000]).await;
    cabinet.keep("ann", "small").await;
    let before = cabinet.contents();
    let (status, error) = cabinet.send("ann", "a", vec![2; 6_000]).await;
    assert_eq!((status, &error["error"]["code"]), (413, &json!("over_quota")));
    assert_eq!(error["error"]["message"], "your files may have 20000 bytes together, and have 14096");
    assert_eq!(cabinet.contents(), before);
    let unread =
        stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, &str>>> { panic!("it is read") });
    let told = request(Method::POST, "/api/files", &[("content-length", "6000")], Body::stream(unread));
    assert_eq!(cabinet.ask(told, Some("ann")).await.status(), 413, "it need not be sent");
    cabinet.keep("bob", vec![2; 6_000]).await;
    assert_eq!(cabinet.remove("ann", &first).await, 204);
    cabinet.keep("ann", vec![2; 6_000]).await;
}

/// Red where the seat was not given back.
#[tokio::test]
async fn few_files_of_a_user_are_on_their_way_at_once() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let mut coming = Vec::new();
    for _ in 0..4 {
        let mut upload = Box::pin(cabinet.send("ann", "a", endless()));
        let sent = cabinet.contents().len();
        while cabinet.contents().len() == sent {
            assert!((&mut upload).now_or_never().is_none(), "it never ends");
            tokio::task::yield_now().await;
        }
        coming.push(upload);
    }
    let (status, error) = cabinet.send("ann", "a", "one more").await;
    assert_eq!((status, &error["error"]["code"]), (429, &json!("rate_limited")));
    assert_eq!(cabinet.send("bob", "a", "another's").await.0, 201);
    coming.pop();
    assert_eq!(cabinet.send("ann", "a", "one more").await.0, 201);
}

/// Red without the meter.
#[tokio::test]
async fn files_in_a_row_are_slowed_down() {
    let limits = FileLimits { uploads_per_minute: 2, ..FileLimits::default() };
    let cabinet = Cabinet::new(limits).await;
    cabinet.keep("ann", "1").await;
    cabinet.keep("ann", "2").await;
    assert_eq!(cabinet.send("ann", "a", "3").await.1["error"]["retry_after_ms"], 30_000);
    cabinet.keep("bob", "3").await;
    cabinet.store.clock().advance(Duration::from_secs(30));
    cabinet.keep("ann", "3").await;
}

/// Red where a content went with the first of its files.
#[tokio::test]
async fn the_same_content_lies_there_once_until_its_last_file_goes() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let (one, other) = (cabinet.keep("ann", "same").await, cabinet.keep("bob", "same").await);
    assert_ne!(one, other);
    assert_eq!(cabinet.contents().len(), 1);
    assert_eq!(cabinet.remove("ann", &one).await, 204);
    assert_eq!(cabinet.fetch("bob", &other, &[]).await.body(), "same");
    assert_eq!(cabinet.remove("bob", &other).await, 204);
    assert!(cabinet.contents().is_empty());
}

/// Red without the locks: a content went between its place and its row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_content_that_comes_while_it_goes_is_there() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let mut last = cabinet.keep("ann", "same").await;
    for _ in 0..50 {
        let (removed, kept) = tokio::join!(cabinet.remove("ann", &last), cabinet.keep("ann", "same"));
        assert_eq!(removed, 204);
        assert_eq!(cabinet.fetch("ann", &kept, &[]).await.status(), 200);
        last = kept;
    }
    let many = join_all((0..8).map(|user| {
        let cabinet = &cabinet;
        async move { cabinet.keep(&format!("u{user}"), "same").await }
    }));
    assert_eq!((many.await.len(), cabinet.contents().len()), (8, 1));
}

/// Red without the sweep, and where it took what a row knows.
#[tokio::test]
async fn a_start_removes_what_nobody_knows() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let id = cabinet.keep("ann", "known").await;
    let known = cabinet.contents();
    let folder = cabinet.folder.path().join("files");
    let orphan = "ab".repeat(32);
    fs::write(folder.join("ab").join(&orphan), "unknown").expect("writes");
    fs::write(folder.join("incoming").join("1"), "half").expect("writes");
    fs::write(folder.join("ab").join("of_somebody_else"), "stays").expect("writes");
    assert_eq!(cabinet.contents().len(), 4);
    Files::open(&cabinet.store, cabinet.folder.path(), FileLimits::default()).await.expect("opens");
    let mut expected = known;
    expected.insert("of_somebody_else".into());
    assert_eq!(cabinet.contents(), expected);
    assert_eq!(cabinet.fetch("ann", &id, &[]).await.body(), "known");
}

/// Red where a page began at its `before`.
#[tokio::test]
async fn an_owner_lists_files_and_an_application_finds_and_removes_them() {
    let cabinet = Cabinet::new(FileLimits::default()).await;
    let mut ids = Vec::new();
    for n in 0..3_u8 {
        ids.push(cabinet.keep("ann", vec![n]).await);
        cabinet.store.clock().advance(Duration::from_millis(1));
    }
    cabinet.keep("bob", "another's").await;
    let mut ann = cabinet.node.client("ann").await;
    let first = ann.call("files.list", json!({"limit": 2})).await.expect("it is listed");
    let listed = |page: &Value| {
        let items = page["items"].as_array().expect("it has items").clone();
        items.into_iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&first), [&*ids[2], &ids[1]]);
    assert_eq!((&first["used_bytes"], &first["most_bytes"]), (&json!(3 * 4_096), &json!(1 << 30)));
    let rest = ann.call("files.list", json!({"before": first["next"]})).await.expect("it is listed");
    assert_eq!((listed(&rest), rest.get("next")), (vec![ids[0].clone()], None));
    let refused = ann.call("files.list", json!({"before": "x"})).await.expect_err("it is no place");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("bad_request", Some("data.before")));

    let id = ids[0].parse().expect("it is an id");
    let file = cabinet.store.read(async |tx| find(tx, id).await).await.expect("reads").expect("it is there");
    assert_eq!((file.owner.as_str(), file.size), ("ann", 1));
    cabinet.files.remove(&file).await.expect("it goes");
    assert!(matches!(cabinet.files.remove(&file).await, Err(FilesError::Missing)));
    let page = ann.call("files.list", json!({})).await.expect("it is listed");
    assert_eq!((listed(&page).len(), &page["used_bytes"]), (2, &json!(2 * 4_096)));
}
