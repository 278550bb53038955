//! The HTTP entries of a node's modules, by method and path.

use std::{panic::AssertUnwindSafe, pin::pin, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select},
};
use http::{HeaderValue, Method, Uri, header, request::Parts};
use percent_encoding::percent_decode_str;
use veche_protocol::code::ErrorCode;

use super::{Body, Bound, Head, HttpOutcome, HttpResponse, PageRequest, Request, Visitor, body::too_large};
use crate::{
    handler::BoxFuture,
    kernel::Kernel,
    module::{BuildError, DEADLINE},
    reply::{Outcome, Rejection},
};

/// The most bytes of a request's body, unless the entry says otherwise.
pub(crate) const BODY_LIMIT: usize = 1 << 20;

/// How long an entry's handler may take, its reading of the body included, and how much it may read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) deadline: Duration,
    pub(crate) body_limit: usize,
    pub(crate) own_credentials: bool,
    /// A page that shows everybody the same.
    pub(crate) shared: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self { deadline: DEADLINE, body_limit: BODY_LIMIT, own_credentials: false, shared: false }
    }
}

/// An entry of a module before it has its state. A page has no method.
pub(crate) struct Route<S> {
    pub(crate) method: Option<Method>,
    pub(crate) path: String,
    pub(crate) terms: Terms,
    pub(crate) bind: Box<dyn Fn(S) -> Bound + Send + Sync>,
}

/// All of a node's entries.
#[derive(Default)]
pub(crate) struct Table {
    http: Paths<Vec<(Method, Answerer)>>,
    pages: Paths<Answerer>,
}

#[derive(Clone)]
struct Answerer {
    bound: Bound,
    terms: Terms,
}

/// Things by pattern. The patterns of one list are told apart by their text.
struct Paths<T> {
    patterns: Vec<(String, T)>,
    matcher: matchit::Router<usize>,
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { patterns: Vec::new(), matcher: matchit::Router::new() }
    }
}

type Parameters = Vec<(Box<str>, Box<str>)>;

impl<T> Paths<T> {
    fn insert(&mut self, path: &str, value: T) -> Result<(), String> {
        if !path.starts_with('/') {
            return Err("a path begins with /".to_owned());
        }
        self.matcher.insert(path, self.patterns.len()).map_err(|error| error.to_string())?;
        self.patterns.push((path.to_owned(), value));
        Ok(())
    }

    fn known(&mut self, path: &str) -> Option<&mut T> {
        self.patterns.iter_mut().find(|(known, _)| known == path).map(|(_, value)| value)
    }

    /// The parameters are `None` where one of them is no text.
    fn find(&self, path: &str) -> Option<(&T, Option<Parameters>)> {
        let found = self.matcher.at(path).ok()?;
        let decode = |(name, value): (&str, &str)| {
            let value = percent_decode_str(value).decode_utf8().ok()?;
            let is_text = !value.contains(char::is_control);
            is_text.then(|| (name.into(), value.into()))
        };
        let parameters = found.params.iter().map(decode).collect();
        Some((&self.patterns.get(*found.value)?.1, parameters))
    }
}

/// What a node has at a path.
pub enum Mounted {
    /// The entry that answers.
    Entry(HttpEntry),
    /// There are entries for these methods only, as the header `Allow` says it.
    OtherMethod(HeaderValue),
    /// The path would be an entry's, but what stands in the place of a parameter is no text.
    Nothing,
}

/// An entry that answers a request at a certain path.
pub struct HttpEntry {
    answerer: Answerer,
    parameters: Parameters,
}

impl Table {
    pub(crate) fn add(&mut self, route: Route<()>, module: &str) -> Result<(), BuildError> {
        let Route { method, path, terms, bind } = route;
        let invalid = |path, why| BuildError::InvalidPath { path, module: module.into(), why };
        let answerer = Answerer { bound: bind(()), terms };
        let Some(method) = method else {
            if self.pages.known(&path).is_some() {
                return Err(BuildError::DoubledPath { method: "page".into(), path, module: module.into() });
            }
            return self.pages.insert(&path, answerer).map_err(|why| invalid(path, why));
        };
        let Some(known) = self.http.known(&path) else {
            return self.http.insert(&path, vec![(method, answerer)]).map_err(|why| invalid(path, why));
        };
        if known.iter().any(|(taken, _)| *taken == method) {
            let method = method.to_string();
            return Err(BuildError::DoubledPath { method, path, module: module.into() });
        }
        known.push((method, answerer));
        Ok(())
    }

    fn entry(&self, method: &Method, path: &str) -> Option<Mounted> {
        let (methods, parameters) = self.http.find(path)?;
        let Some(parameters) = parameters else { return Some(Mounted::Nothing) };
        let of = |method: &Method| methods.iter().find(|(known, _)| known == method);
        // The body of an answer to HEAD is left out by whoever writes it.
        let found = of(method).or_else(|| of(&Method::GET).filter(|_| method == Method::HEAD));
        Some(match found {
            Some((_, answerer)) => Mounted::Entry(HttpEntry { answerer: answerer.clone(), parameters }),
            None => Mounted::OtherMethod(allow(methods.iter().map(|(method, _)| method.as_str()))),
        })
    }
}

fn allow<'a>(methods: impl Iterator<Item = &'a str>) -> HeaderValue {
    let methods = methods.collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(methods).unwrap_or(HeaderValue::from_static(""))
}

impl Kernel {
    /// What the modules have for a request at this path; `None` if it is none of theirs.
    pub fn http(&self, method: &Method, path: &str) -> Option<Mounted> {
        self.node.registry.table.entry(method, path)
    }

    /// Whether the page at this path shows everybody the same: it was declared
    /// [`shared`](crate::Module::shared).
    pub fn is_shared_page(&self, path: &str) -> bool {
        self.node.registry.table.pages.find(path).is_some_and(|(page, _)| page.terms.shared)
    }

    /// The boot data of the page at this path and query, raw JSON; `not_found` where no page is. A shared page's
    /// handler is told neither the caller nor any credential.
    pub async fn boot(&self, uri: Uri, mut headers: http::HeaderMap, mut visitor: Visitor) -> Outcome {
        let nothing = || Rejection::new(ErrorCode::NotFound, "there is no such page").field("path");
        let (answerer, parameters) = self.node.registry.table.pages.find(uri.path()).ok_or_else(nothing)?;
        let (Bound::Page(page), Some(parameters)) = (&answerer.bound, parameters) else {
            return Err(nothing());
        };
        if answerer.terms.shared {
            visitor.caller = None;
            headers.remove(header::COOKIE);
            headers.remove(header::AUTHORIZATION);
        }
        let (method, kernel) = (Method::GET, self.clone());
        let head = Head { method, uri, headers, parameters, visitor, kernel };
        let request: PageRequest = Request { head, body: () };
        self.guarded(answerer.terms.deadline, || page(request)).await
    }

    /// Runs a handler until it is done, panics, or has had its time.
    pub(crate) async fn guarded<T>(
        &self,
        deadline: Duration,
        handler: impl FnOnce() -> BoxFuture<Result<T, Rejection>>,
    ) -> Result<T, Rejection> {
        let running = AssertUnwindSafe(async { handler().await }).catch_unwind();
        match select(pin!(running), pin!(self.clock().sleep(deadline))).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_), _)) => Err(Rejection::new(ErrorCode::Internal, "the handler panicked")),
            Either::Right(_) => Err(Rejection::new(ErrorCode::Timeout, "the handler did not answer in time")),
        }
    }
}

impl HttpEntry {
    /// Whether the entry reads credentials itself, and must not be told a caller.
    pub fn has_own_credentials(&self) -> bool {
        self.answerer.terms.own_credentials
    }

    /// Answers the request whose method and path the entry was found by. What the handler refuses, and what
    /// becomes of a handler that panics or takes too long, is an answer too.
    pub async fn answer(
        self,
        kernel: &Kernel,
        request: http::Request<Body>,
        visitor: Visitor,
    ) -> HttpResponse {
        self.outcome(kernel, request, visitor).await.unwrap_or_else(Rejection::into_response)
    }

    async fn outcome(self, kernel: &Kernel, request: http::Request<Body>, visitor: Visitor) -> HttpOutcome {
        let Terms { deadline, body_limit, .. } = self.answerer.terms;
        let (Parts { method, uri, headers, .. }, body) = request.into_parts();
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > body_limit as u64) {
            return Err(too_large(body_limit));
        }
        let clock = kernel.clock().clone();
        // Earlier than the handler's own end, so that it can still say what is wrong.
        let body = body.bounded(body_limit, async move { clock.sleep(deadline / 10 * 9).await });
        let Bound::Http(handler) = &self.answerer.bound else {
            return Err(Rejection::new(ErrorCode::NotFound, "nothing is here"));
        };
        let (parameters, kernel) = (self.parameters, kernel.clone());
        let node = kernel.clone();
        let head = Head { method, uri, headers, parameters, visitor, kernel };
        node.guarded(deadline, || handler(Request { head, body })).await
    }
}
