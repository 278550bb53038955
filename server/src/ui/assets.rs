//! The browser's files over HTTP: hashed ones for ever, all others asked for again each time.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header},
    routing::get,
};
use ring::digest::{SHA256, digest};

use super::{
    embedded::File,
    encoding::{Coding, takes},
};

/// Below it Vite puts what has a digest of its content in its name.
const HASHED: &str = "/assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// The files by path.
#[derive(Debug, Clone)]
pub(super) struct Assets(Arc<Files>);

#[derive(Debug)]
struct Files {
    by_path: HashMap<&'static str, Asset>,
    /// Of the documents among them, as of all pages.
    policy: HeaderValue,
}

#[derive(Debug)]
struct Asset {
    file: &'static File,
    etag: HeaderValue,
}

impl Assets {
    pub(super) fn new(files: &'static [File], policy: HeaderValue) -> Self {
        let asset = |file: &'static File| (file.path, Asset { file, etag: etag(file.plain) });
        Self(Arc::new(Files { by_path: files.iter().map(asset).collect(), policy }))
    }

    /// A route for each file, and one for hashed files that are not there: an old page asks for an old file, and
    /// must not be answered by a page.
    pub(super) fn router(&self) -> Router {
        let mut router = Router::new().route("/assets/{*name}", get(serve));
        for path in self.0.by_path.keys().filter(|path| !path.starts_with(HASHED)) {
            router = router.route(path, get(serve));
        }
        router.with_state(self.clone())
    }

    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response<Body>> {
        let Asset { file, etag } = self.0.by_path.get(uri.path())?;
        let (bytes, coding) = match (file.brotli, file.gzip) {
            (Some(bytes), _) if takes(headers, Coding::Brotli) => (bytes, Some(Coding::Brotli)),
            (_, Some(bytes)) if takes(headers, Coding::Gzip) => (bytes, Some(Coding::Gzip)),
            _ => (file.plain, None),
        };
        let is_known = is_known(headers, etag);
        let body = if is_known { Body::empty() } else { Body::from(bytes) };
        let mut response = Response::new(body);
        let fields = response.headers_mut();
        let kept = if file.path.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        fields.insert(header::ETAG, etag.clone());
        fields.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Some(response);
        }
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
        fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if file.kind.starts_with("text/html") {
            fields.insert(header::CONTENT_SECURITY_POLICY, self.0.policy.clone());
        }
        if let Some(coding) = coding {
            fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        Some(response)
    }
}

async fn serve(State(assets): State<Assets>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    assets.answer(&uri, &headers).unwrap_or_else(|| {
        let mut nothing = Response::new(Body::from("there is no such file\n"));
        *nothing.status_mut() = StatusCode::NOT_FOUND;
        nothing.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        nothing
    })
}

/// A weak tag of this content: the compressed forms have the same one.
pub(super) fn etag(content: &[u8]) -> HeaderValue {
    let tag = format!("W/\"{}\"", hex(&digest(&SHA256, content).as_ref()[..12]));
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Whether the client has this content already.
pub(super) fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Ok(etag) = etag.to_str() else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(','));
    tags.any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        // A string never refuses.
        _ = write!(text, "{byte:02x}");
        text
    })
}
