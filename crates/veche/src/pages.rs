//! Pages for browsers: which requests are for one, who asks, and what the module has to show. The HTML is made by
//! whoever implements [`Pages`].

use std::sync::Arc;

use axum::body::Body as AxumBody;
use http::{HeaderMap, Method, Response, Uri, header, request::Parts};
use veche_kernel::{
    BoxFuture, Outcome, Rejection,
    web::{Caller, HttpResponse, Visitor},
};

use crate::{credential, door::Door, mounted::to_axum};

/// What programs ask for begins so; an unknown address there is no page.
const PROGRAMS: [&str; 2] = ["/api/", "/realtime/"];

/// Makes what browsers show, from what modules tell ([`Module::page`](crate::Module::page)).
///
/// ```
/// use std::sync::Arc;
/// use veche::{BoxFuture, Listen, Pages, Visit, web::HttpResponse};
///
/// struct Plain;
///
/// impl Pages for Plain {
///     fn answer(&self, visit: Visit) -> BoxFuture<HttpResponse> {
///         let text = visit.outcome.map_or_else(|why| why.message().to_owned(), |_| "here".to_owned());
///         Box::pin(async move { HttpResponse::new(text.into()) })
///     }
/// }
///
/// let listen = Listen::on("localhost:3000").pages(Arc::new(Plain));
/// # let _ = listen;
/// ```
pub trait Pages: Send + Sync + 'static {
    /// Answers a browser that asks for a page, or for an address of nobody's. The body of an answer to `HEAD` is
    /// left out by the door.
    fn answer(&self, visit: Visit) -> BoxFuture<HttpResponse>;
}

/// A browser's request for a page.
#[derive(Debug)]
pub struct Visit {
    /// `GET` or `HEAD`.
    pub method: Method,
    /// Path and query as they were sent.
    pub uri: Uri,
    /// The headers. Credentials stand in them: they belong into no log.
    pub headers: HeaderMap,
    /// Who asks; `None` for a guest, and for everybody where the page is shared.
    pub caller: Option<Caller>,
    /// Whether the page shows everybody the same, and was made without a look at who asks.
    pub shared: bool,
    /// The page's boot data as JSON, or why there are none: `not_found` where no module has such a page.
    pub outcome: Outcome,
}

/// Whether a browser asks for a page: it reads, and takes HTML.
pub(crate) fn is_wanted(head: &Parts) -> bool {
    let path = head.uri.path();
    matches!(head.method, Method::GET | Method::HEAD)
        && !PROGRAMS.iter().any(|prefix| path.starts_with(prefix))
        && takes_html(&head.headers)
        && is_for_reading(&head.headers)
}

/// Whether the browser says nothing of what it is for, or wants a document: an image that is not there is no page,
/// though browsers take anything for one.
fn is_for_reading(headers: &HeaderMap) -> bool {
    let readable = ["document", "iframe", "frame", "empty"];
    headers.get("sec-fetch-dest").is_none_or(|dest| readable.iter().any(|readable| dest == readable))
}

/// Whether `Accept` allows `text/html`; without one everything is allowed.
fn takes_html(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).iter().peekable();
    if lines.peek().is_none() {
        return true;
    }
    let mut ranges = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    ranges.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        let is_html = ["text/html", "text/*", "*/*"].iter().any(|html| kind.eq_ignore_ascii_case(html));
        is_html && !refused
    })
}

/// Finds out who asks and what the page shows, and lets the page be made.
pub(crate) async fn answer(door: &Arc<Door>, pages: &dyn Pages, head: Parts) -> Response<AxumBody> {
    let shared = door.kernel.is_shared_page(head.uri.path());
    let peer = credential::address((&head).into());
    let identified = if shared { Ok(None) } else { credential::identify(door, (&head).into()).await };
    let Parts { method, uri, headers, .. } = head;
    let (caller, outcome) = match identified {
        Ok(caller) => {
            let visitor = Visitor { peer, caller: caller.clone() };
            let outcome = door.kernel.boot(uri.clone(), headers.clone(), visitor).await;
            (caller, outcome)
        }
        // Nobody can be asked at the moment: that is the page's news, not the end of it.
        Err(refusal) if refusal.is_passing() => (None, Err(Rejection::unavailable("try again"))),
        Err(refusal) => return refusal.into_response(),
    };
    pages.answer(Visit { method, uri, headers, caller, shared, outcome }).await.map(to_axum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_takes_html_wants_a_page() {
        // Red: `takes_html` that looks for the word alone; `is_wanted` without the method or the prefixes.
        let asked = |fields: &[(&str, &str)]| {
            let mut request = http::Request::builder().uri("/nothing");
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            is_wanted(&request.body(()).expect("a request").into_parts().0)
        };
        assert!(asked(&[("sec-fetch-dest", "document")]) && asked(&[("sec-fetch-dest", "empty")]));
        assert!(!asked(&[("sec-fetch-dest", "image"), ("accept", "image/avif,image/*,*/*;q=0.8")]));
        let check = |method: Method, path: &str, accept: Option<&str>, expected: bool| {
            let mut request = http::Request::builder().method(method.clone()).uri(path);
            if let Some(accept) = accept {
                request = request.header(header::ACCEPT, accept);
            }
            let (head, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(is_wanted(&head), expected, "{method} {path} {accept:?}");
        };
        let browser = Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        check(Method::GET, "/desk", browser, true);
        check(Method::HEAD, "/", browser, true);
        check(Method::GET, "/", None, true);
        check(Method::GET, "/", Some("*/*"), true);
        check(Method::GET, "/", Some("TEXT/HTML"), true);
        check(Method::GET, "/", Some("application/json"), false);
        check(Method::GET, "/", Some("text/html;q=0, application/json"), false);
        check(Method::GET, "/", Some("image/avif, image/*"), false);
        check(Method::POST, "/desk", browser, false);
        check(Method::GET, "/api/nothing", browser, false);
        check(Method::GET, "/realtime/ws/x", browser, false);
        check(Method::GET, "/apiary", browser, true);
    }
}
