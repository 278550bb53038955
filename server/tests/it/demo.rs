//! The page of `--demo` needs nothing but its own files.

use axum::http::StatusCode;
use veche_server::demo::router;

use crate::health::ask;

#[test]
fn the_page_and_its_files_are_served_under_a_strict_policy() {
    let files = [
        ("/_try", "text/html"),
        ("/_try/try.css", "text/css"),
        ("/_try/try.js", "text/javascript"),
        ("/_try/link.js", "text/javascript"),
        ("/_try/words.js", "text/javascript"),
        ("/_try/mark.svg", "image/svg+xml"),
    ];
    for (path, kind) in files {
        let answer = ask(router(), path);
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let header = |name: &str| answer.headers[name].to_str().expect("ASCII").to_owned();
        assert!(header("content-type").starts_with(kind), "{path}");
        assert!(
            header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
    assert_eq!(ask(router(), "/_try/secret").status, StatusCode::NOT_FOUND);
}

#[test]
fn the_page_keeps_its_own_policy() {
    let page = ask(router(), "/_try").body;
    for forbidden in
        ["<script>", " onclick=", " onload=", " style=", "<style", "javascript:", "data:", "http://"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for script in ["/_try/try.js", "/_try/link.js", "/_try/words.js"] {
        let script = ask(router(), script).body;
        for forbidden in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!script.contains(forbidden), "{forbidden}");
        }
    }
}
