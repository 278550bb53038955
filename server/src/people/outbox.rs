//! `/_dev/outbox`: what was mailed, for whoever tries the server on their own machine.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use mail_parser::MessageParser;

use crate::demo::{CSS, HTML, POLICY, file};

/// Letters that are shown.
const SHOWN: usize = 50;

/// The page, over this folder.
pub(super) fn router(folder: &Path) -> Router {
    let css = async || file(CSS, include_str!("../../assets/outbox.css"));
    Router::new()
        .route("/_dev/outbox", get(outbox))
        .route("/_dev/outbox.css", get(css))
        .with_state(folder.to_owned())
}

async fn outbox(State(folder): State<PathBuf>, headers: HeaderMap) -> Response {
    // A page of the web whose name was rebound to this machine could read it, but for the name.
    if !headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(is_this_machine) {
        return (StatusCode::FORBIDDEN, "open this page under the name localhost").into_response();
    }
    let page = tokio::task::spawn_blocking(move || page(&folder)).await;
    match page {
        Ok(Ok(html)) => {
            let headers: [(HeaderName, &str); 5] = [
                (header::CONTENT_TYPE, HTML),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::REFERRER_POLICY, "no-referrer"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, html).into_response()
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "the folder of letters cannot be read").into_response(),
    }
}

/// Whether a `Host`, with or without a port, is a name of this machine's.
fn is_this_machine(host: &str) -> bool {
    let uri: Option<Uri> = host.parse().ok();
    uri.and_then(|uri| uri.host().map(|name| matches!(name, "localhost" | "127.0.0.1" | "[::1]")))
        == Some(true)
}

/// The latest letters, the newest first.
fn page(folder: &Path) -> io::Result<String> {
    let mut files = match fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    // Their names sort by age.
    files.sort();
    let mut html = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Veche: outbox</title>\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/_try/mark.svg\">\
         <link rel=\"stylesheet\" href=\"/_dev/outbox.css\"></head><body><main><h1>Outbox</h1>",
    );
    if files.is_empty() {
        html.push_str("<p>No letters yet.</p>");
    }
    for path in files.iter().rev().take(SHOWN) {
        let letter = fs::read(path)?;
        let Some(message) = MessageParser::default().parse(&letter) else { continue };
        let to = message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default();
        let subject = escaped(message.subject().unwrap_or_default());
        let text = message.body_text(0).unwrap_or_default();
        let link = text.split_whitespace().find(|word| word.starts_with("http")).map(escaped);
        let link = link
            .map(|link| format!("<p class=\"link\"><a href=\"{link}\">{link}</a></p>"))
            .unwrap_or_default();
        let (to, text) = (escaped(to), escaped(&text));
        // A string never refuses.
        _ = write!(html, "<article><h2>{subject}</h2><p>{to}</p><pre>{text}</pre>{link}</article>");
    }
    html.push_str("</main></body></html>");
    Ok(html)
}

/// Text as HTML shows it, in an element or in an attribute's quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
