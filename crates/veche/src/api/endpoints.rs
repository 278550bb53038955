//! The entries of `/api/v1/*`: whose key, which request, which answer.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use veche_kernel::{
    ErrorCode, Module, Quota, Rejection, State,
    web::{HttpOutcome, HttpRequest, HttpResponse, Json, json_response},
};

use super::{
    Key, KeyError, KeyId, Keys, Right, audit, document,
    grant::{Grant, Meters},
    kept::{self, Found, Kept, Place},
    operations::{Answer, json, limit, read_object, wrong},
    page,
    requests::{Batch, MakeKey, Operation, PAGE_MAX, TTL_MAX_S},
    responses::{KeyView, KeysPage, Revoked},
};

/// The most bytes of a request's body.
const BODY_BYTES: usize = 1 << 20;
/// Keys of one page, unless the request says so.
const KEYS_PAGE: usize = 100;

/// The HTTP door for servers.
///
/// ```
/// use std::{future::Future, sync::Arc};
/// use veche::{Kernel, api::{Api, MemoryKeys}};
///
/// # fn main() -> Result<(), veche::BuildError> {
/// let keys = Arc::new(MemoryKeys::default());
/// let kernel = Kernel::builder().shards(1).mount(Api::new(keys).module()).build()?;
/// # drop(kernel);
/// # Ok(())
/// # }
/// ```
pub struct Api {
    keys: Arc<dyn Keys>,
    quota: Quota,
}

/// What the entries share.
struct Desk {
    keys: Arc<dyn Keys>,
    quota: Quota,
    meters: Meters,
    kept: Arc<Kept>,
}

type Shared = State<Arc<Desk>>;

impl Api {
    /// A door for the bearers of these keys.
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self { keys, quota: Quota { count: 1_000, period_ms: 1_000, burst: 2_000 } }
    }

    /// How many requests each key may make; 1,000 a second and 2,000 at once unless said. Each operation of
    /// a batch and each channel of a broadcast counts.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// The door as a module, to be mounted.
    pub fn module(self) -> Module {
        let Self { keys, quota } = self;
        let desk = Desk { keys, quota, meters: Meters::default(), kept: Arc::default() };
        let module = shown(Module::new("api"), "/api/v1/openapi.json", document::response);
        let module = shown(module, "/api/docs", page::html);
        let module = shown(module, "/api/docs/docs.css", page::css);
        let module = shown(module, "/api/docs/docs.js", page::script);
        let module = operation(module, "/api/v1/publish", Operation::Publish);
        let module = operation(module, "/api/v1/broadcast", Operation::Broadcast);
        let module = operation(module, "/api/v1/presence", Operation::Presence);
        let module = operation(module, "/api/v1/history", Operation::History);
        let module = operation(module, "/api/v1/disconnect", Operation::Disconnect);
        let module = operation(module, "/api/v1/revoke", Operation::Revoke);
        let module = operation(module, "/api/v1/subscribe", Operation::Subscribe);
        let module = operation(module, "/api/v1/unsubscribe", Operation::Unsubscribe);
        let module = operation(module, "/api/v1/channels", Operation::Channels);
        let module = operation(module, "/api/v1/info", Operation::Info);
        module
            .http(Method::POST, "/api/v1/batch", batch)
            .own_credentials()
            .http(Method::POST, "/api/v1/keys", make_key)
            .own_credentials()
            .http(Method::GET, "/api/v1/keys", list_keys)
            .own_credentials()
            .http(Method::DELETE, "/api/v1/keys/{id}", revoke_key)
            .own_credentials()
            .with_state(Arc::new(desk))
    }
}

/// An entry that answers everybody the same.
fn shown(module: Module<Arc<Desk>>, path: &'static str, file: fn() -> HttpResponse) -> Module<Arc<Desk>> {
    module.http(Method::GET, path, move |_: HttpRequest| async move { file() }).own_credentials()
}

/// An entry for one operation.
fn operation<T: DeserializeOwned + Send + 'static>(
    module: Module<Arc<Desk>>,
    path: &'static str,
    make: fn(T) -> Operation,
) -> Module<Arc<Desk>> {
    let entry = move |request: HttpRequest, State(desk): Shared| async move {
        let perform = move |grant: Grant, body: T| async move { make(body).perform(&grant).await };
        desk.answer(request, path, perform).await
    };
    module.http(Method::POST, path, entry).own_credentials()
}

async fn batch(request: HttpRequest, State(desk): Shared) -> HttpOutcome {
    let perform = |grant: Grant, batch: Batch| async move { json(&batch.perform(&grant).await?) };
    desk.answer(request, "/api/v1/batch", perform).await
}

impl Desk {
    async fn grant(&self, request: &HttpRequest) -> Result<Grant, Rejection> {
        let grant =
            Grant::of(request.headers(), request.kernel(), &*self.keys, &self.meters, self.quota).await?;
        grant.take()?;
        Ok(grant)
    }

    /// Answers a request with a body: once, where it has an `Idempotency-Key`.
    async fn answer<T: DeserializeOwned, Fut: Future<Output = Answer> + Send + 'static>(
        &self,
        mut request: HttpRequest,
        path: &'static str,
        perform: impl FnOnce(Grant, T) -> Fut,
    ) -> HttpOutcome {
        let grant = self.grant(&request).await?;
        let (body, place) = match self.enter(&grant, &mut request, path).await? {
            Entered::Answered(response) => return Ok(response),
            Entered::First { body, place } => (body, place),
        };
        let kernel = grant.kernel.clone();
        let performing = perform(grant, read_object(&body)?);
        let performing =
            async { Ok::<_, Rejection>(Bytes::from(String::from(Box::<str>::from(performing.await?)))) };
        let Some(place) = place else { return Ok(json_response(StatusCode::OK, performing.await?)) };
        // What was begun is done to its end and remembered: whoever named it asks again when the answer is lost.
        let clock = kernel.clock().clone();
        let remembering = kernel.handlers().spawn(async move {
            let response = performing.await?;
            place.keep(response.clone(), clock.now_ms());
            Ok::<_, Rejection>(response)
        });
        let panicked = |_| Rejection::new(ErrorCode::Internal, "the operation panicked");
        Ok(json_response(StatusCode::OK, remembering.await.map_err(panicked)??))
    }

    /// Reads a request's body, and looks whether the request was answered before.
    async fn enter(
        &self,
        grant: &Grant,
        request: &mut HttpRequest,
        path: &'static str,
    ) -> Result<Entered, Rejection> {
        let name = kept::name(request.headers())?;
        let body = request.take_json_text(BODY_BYTES).await?;
        let Some(name) = name else { return Ok(Entered::First { body, place: None }) };
        let now_ms = grant.kernel.clock().now_ms();
        Ok(match self.kept.enter((grant.key.id.clone(), path, name), &body, now_ms)? {
            Found::Response(response) => Entered::Answered(again(response)),
            Found::Place(place) => Entered::First { body, place: Some(place) },
        })
    }
}

/// What becomes of a request with a body.
enum Entered {
    /// It was answered before, and is answered by the same.
    Answered(HttpResponse),
    /// It is to be done, and its response to be kept in the place, if it has one.
    First { body: Bytes, place: Option<Place> },
}

/// The response that was kept.
fn again(response: Bytes) -> HttpResponse {
    let mut response = json_response(StatusCode::OK, response);
    response.headers_mut().insert("idempotency-hit", HeaderValue::from_static("true"));
    response
}

async fn make_key(mut request: HttpRequest, State(desk): Shared) -> HttpOutcome {
    let grant = desk.grant(&request).await?;
    let (body, place) = match desk.enter(&grant, &mut request, "/api/v1/keys").await? {
        Entered::Answered(response) => return Ok(response),
        Entered::First { body, place } => (body, place),
    };
    let made = desk.make(&grant, read_object(&body)?).await;
    audit::line(&grant.key.id, "make_key", made.as_ref().map_or("", |(key, _)| key.id.as_str()), &made);
    let (key, view) = made?;
    if let Some(place) = place {
        // Without the secret: it is shown once.
        let kept = Bytes::from(encode(&KeyView::of(&key, None))?);
        place.keep(kept, grant.kernel.clock().now_ms());
    }
    Ok(json_response(StatusCode::OK, encode(&view)?))
}

impl Desk {
    async fn make(&self, grant: &Grant, wanted: MakeKey) -> Result<(Key, KeyView), Rejection> {
        grant.may(Right::Keys, None)?;
        let MakeKey { name, scopes, ttl_s } = wanted;
        if !grant.key.covers(&scopes) {
            let message = "a key makes no key that may do more than itself";
            return Err(Rejection::new(ErrorCode::Forbidden, message).field("scopes"));
        }
        let now_ms = grant.kernel.clock().wall_ms();
        let expires_ms = match ttl_s {
            None => 0,
            Some(seconds @ 1..=TTL_MAX_S) => now_ms + seconds * 1_000,
            Some(_) => return Err(wrong("ttl_s", format!("it is 1 to {TTL_MAX_S} seconds"))),
        };
        let (key, text) = Key::issue(&name, scopes, now_ms, expires_ms).map_err(unfit)?;
        self.keys.add(key.clone()).await?;
        let view = KeyView::of(&key, Some(&text));
        Ok((key, view))
    }
}

fn unfit(error: KeyError) -> Rejection {
    match error {
        KeyError::Name => wrong("name", error.to_string()),
        KeyError::Scopes => wrong("scopes", error.to_string()),
        KeyError::Random(_) => Rejection::unavailable(error.to_string()),
    }
}

async fn list_keys(request: HttpRequest, State(desk): Shared) -> HttpOutcome {
    let grant = desk.grant(&request).await?;
    let page = async {
        grant.may(Right::Keys, None)?;
        let asked = request.query("limit").map(|limit| limit.parse().unwrap_or(u64::MAX));
        let limit = limit(asked, PAGE_MAX, KEYS_PAGE)?;
        let cursor = request.query("cursor").map(|cursor| cursor.parse::<KeyId>());
        let cursor = cursor.transpose().map_err(|_| wrong("cursor", "it is no cursor of this list"))?;
        let mut keys = desk.keys.list().await?;
        keys.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        let from =
            cursor.and_then(|cursor| keys.iter().position(|key| key.id == cursor)).map_or(0, |at| at + 1);
        let views: Vec<_> = keys[from..].iter().take(limit).map(|key| KeyView::of(key, None)).collect();
        let more = from + views.len() < keys.len();
        let cursor = views.last().filter(|_| more).map(|last| last.id.clone());
        Ok::<_, Rejection>(KeysPage { keys: views, cursor })
    };
    let page = page.await;
    audit::line(&grant.key.id, "list_keys", "", &page);
    Ok(json_response(StatusCode::OK, encode(&page?)?))
}

async fn revoke_key(request: HttpRequest, State(desk): Shared) -> Result<Json<Revoked>, Rejection> {
    let grant = desk.grant(&request).await?;
    let id: KeyId = request.parameter("id")?;
    let revoked = async {
        grant.may(Right::Keys, None)?;
        Ok::<_, Rejection>(desk.keys.revoke(&id).await?)
    };
    let revoked = revoked.await;
    audit::line(&grant.key.id, "revoke_key", id.as_str(), &revoked);
    if revoked? {
        return Ok(Json(Revoked { revoked: true }));
    }
    Err(Rejection::new(ErrorCode::NotFound, "there is no such key").field("id"))
}

fn encode<T: Serialize>(value: &T) -> Result<String, Rejection> {
    Ok(String::from(Box::<str>::from(json(value)?)))
}
