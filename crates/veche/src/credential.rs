//! Who a request is: by its `Authorization` header, by the cookie of a page that may use one, or by a ticket.
//!
//! Every door asks here, and nowhere else is a credential read from a request. A frame `auth` is the kernel's.

use std::{future::Future, net::IpAddr, sync::Arc};

use http::{Extensions, HeaderMap, Method, Request, StatusCode, Uri, header, request::Parts};
use metrics::counter;
use veche_kernel::{
    Identity, SignedIn,
    web::{Caller, Credential},
};

use crate::{
    door::Door,
    proxies::ClientAddress,
    refusal::Refusal,
    tickets::{Invalid, Purpose},
};

/// What never stands in a URL: addresses are logged, kept and sent on.
const NEVER_IN_URLS: [&str; 6] = ["token", "access_token", "id_token", "jwt", "authorization", "bearer"];
/// Where a stream's ticket stands.
const TICKET: &str = "ticket";

/// The parts of a request that say who it is.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for Head<'a> {
    fn from(request: &'a Request<B>) -> Self {
        let (method, uri) = (request.method(), request.uri());
        Self { method, uri, headers: request.headers(), extensions: request.extensions() }
    }
}

impl<'a> From<&'a Parts> for Head<'a> {
    fn from(parts: &'a Parts) -> Self {
        let Parts { method, uri, headers, extensions, .. } = parts;
        Self { method, uri, headers, extensions }
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A stream, or the ticket of one.
    Stream,
    /// A module's entry. A `GET` there may be somebody's following a link.
    Entry,
}

/// What a request shows, before anybody has looked whether it is good.
enum Shown {
    Nothing,
    Token(String),
    Cookie(Arc<dyn SignedIn>, String),
}

/// Who the request to a module's entry is from; `None` where it shows nothing, or a sign-in that has ended. What
/// is wrong is refused.
pub(crate) fn identify(
    door: &Arc<Door>,
    head: Head<'_>,
) -> impl Future<Output = Result<Option<Caller>, Refusal>> + Send + use<> {
    of(door, head, What::Entry)
}

/// The same for a request that is about streams, which has nothing secret in its URL but a ticket.
pub(crate) async fn identify_strictly(door: &Arc<Door>, head: Head<'_>) -> Result<Option<Caller>, Refusal> {
    refuse_urls(head)?;
    of(door, head, What::Stream).await
}

/// The same for a request that opens a stream, for which a ticket serves too. A ticket is used up by this, or bound
/// to its purpose; without a `purpose`, which is a request that asks for nothing, it is left alone.
pub(crate) async fn identify_for(
    door: &Arc<Door>,
    head: Head<'_>,
    purpose: Option<Purpose<'_>>,
) -> Result<Option<Identity>, Refusal> {
    let Some(ticket) = parameter(head, TICKET) else {
        return Ok(identify_strictly(door, head).await?.map(|caller| caller.identity));
    };
    refuse_urls(head)?;
    if head.headers.contains_key(header::AUTHORIZATION) {
        let message = "show a ticket or the Authorization header, not both";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message).field(TICKET));
    }
    let Some(purpose) = purpose else { return Ok(None) };
    let address = address(head);
    let redeemed = door.tickets.redeem(ticket, purpose, door.kernel.clock().wall_ms());
    let identity = redeemed.map_err(|invalid| match invalid {
        Invalid::Unknown => failed(door, address, "ticket_unknown", &BAD_TICKET),
        Invalid::OtherChannels => failed(door, address, "ticket_channels", &OTHER_CHANNELS),
    })?;
    door.kernel.admit(&identity).map_err(|why| failed(door, address, why, &BAD_TICKET))?;
    Ok(Some(identity))
}

/// Nobody is signed in where somebody must be.
pub(crate) fn missing() -> Refusal {
    let message = "sign in by the header Authorization: Bearer <token>";
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", message);
    refusal.with(Some((header::WWW_AUTHENTICATE, "Bearer")))
}

fn of(
    door: &Arc<Door>,
    head: Head<'_>,
    what: What,
) -> impl Future<Output = Result<Option<Caller>, Refusal>> + Send + use<> {
    // Read at once: the request itself cannot be kept across an await.
    let (shown, address, door) = (Shown::read(door, head, what), address(head), door.clone());
    async move {
        match shown? {
            Shown::Nothing => Ok(None),
            Shown::Token(token) => {
                let verified = door.kernel.verify(&token).await;
                let identity = verified.map_err(|why| failed(&door, address, why, &BAD_TOKEN))?;
                Ok(Some(Caller { identity, by: Credential::Bearer }))
            }
            Shown::Cookie(sign_ins, value) => {
                let found = sign_ins.who(value).await.map_err(|rejection| {
                    tracing::warn!(%rejection, "failed to look up a sign-in");
                    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "try again")
                        .with(Some((header::RETRY_AFTER, "1")))
                })?;
                // One that has ended is shown by every browser that has slept.
                let holds = |identity: &Identity| door.kernel.admit(identity).is_ok();
                Ok(found.filter(holds).map(|identity| Caller { identity, by: Credential::Cookie }))
            }
        }
    }
}

/// What a failed credential is answered with.
struct Failure {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    field: Option<&'static str>,
}

const BAD_TOKEN: Failure = Failure {
    status: StatusCode::UNAUTHORIZED,
    code: "unauthorized",
    message: "the Authorization header holds no valid token",
    field: None,
};
const BAD_TICKET: Failure = Failure {
    status: StatusCode::UNAUTHORIZED,
    code: "unauthorized",
    message: "the ticket was used, or its time is over: ask for another by POST",
    field: Some(TICKET),
};
const OTHER_CHANNELS: Failure = Failure {
    status: StatusCode::FORBIDDEN,
    code: "forbidden",
    message: "the ticket was used for other channels",
    field: Some(TICKET),
};

/// Counts a failure against its address, and says so.
fn failed(door: &Door, address: IpAddr, why: &'static str, failure: &Failure) -> Refusal {
    counter!("veche_refused_total", "reason" => why).increment(1);
    if let Some(refusal) = one_failure_more(door, address) {
        return refusal;
    }
    let refusal = Refusal::new(failure.status, failure.code, failure.message);
    let challenge =
        (failure.status == StatusCode::UNAUTHORIZED).then_some((header::WWW_AUTHENTICATE, "Bearer"));
    let refusal = refusal.with(challenge);
    match failure.field {
        Some(field) => refusal.field(field),
        None => refusal,
    }
}

/// Counts a wrong credential of an address; the refusal is for one that shows too many. Also for credentials
/// that are read elsewhere.
pub(crate) fn one_failure_more(door: &Door, address: IpAddr) -> Option<Refusal> {
    if !door.failures.one_more(address, door.kernel.clock().now_ms()) {
        return None;
    }
    counter!("veche_refused_total", "reason" => "authentication_failures").increment(1);
    let message = "too many credentials of this address were wrong";
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
    Some(refusal.with(Some((header::RETRY_AFTER, "60"))))
}

impl Shown {
    fn read(door: &Door, head: Head<'_>, what: What) -> Result<Self, Refusal> {
        let mut credentials = head.headers.get_all(header::AUTHORIZATION).iter();
        let Some(credential) = credentials.next() else { return Self::of_cookie(door, head, what) };
        let failed = |why| Err(failed(door, address(head), why, &BAD_TOKEN));
        if credentials.next().is_some() {
            return failed("token_doubled");
        }
        match credential.to_str().ok().and_then(|value| value.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Self::Token(token.trim().to_owned()))
            }
            _ => failed("token_scheme"),
        }
    }

    /// A browser shows its cookies to whoever asks for the page that asks us: the page's origin decides.
    fn of_cookie(door: &Door, head: Head<'_>, what: What) -> Result<Self, Refusal> {
        let Some(sign_ins) = &door.sign_ins else { return Ok(Self::Nothing) };
        let Some(value) = cookie(head.headers, sign_ins.cookie()) else { return Ok(Self::Nothing) };
        let counts = match what {
            What::Stream => door.origins.vouch(head.method, head.headers),
            What::Entry => door.origins.vouch_for_reading(head.method, head.headers),
        };
        if counts {
            return Ok(Self::Cookie(sign_ins.clone(), value.to_owned()));
        }
        if what == What::Entry && matches!(*head.method, Method::GET | Method::HEAD) {
            // Whoever only reads may be nobody.
            return Ok(Self::Nothing);
        }
        counter!("veche_refused_total", "reason" => "cookie_without_origin").increment(1);
        let message = "a cookie counts only with an allowed Origin";
        Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message))
    }
}

/// A token in a URL is refused even where nobody would look at it, so that whoever wrote it there finds out.
fn refuse_urls(head: Head<'_>) -> Result<(), Refusal> {
    let Some(field) = NEVER_IN_URLS.into_iter().find(|name| parameter(head, name).is_some()) else {
        return Ok(());
    };
    counter!("veche_refused_total", "reason" => "token_in_url").increment(1);
    let message = "a token never stands in a URL: use the header Authorization, a frame auth, or a ticket";
    Err(Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message).field(field))
}

/// The first of this name in the query.
fn parameter<'a>(head: Head<'a>, name: &str) -> Option<&'a str> {
    let query = head.uri.query()?;
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (found == name).then_some(value)
    })
}

/// The first cookie of this name (RFC 6265, 4.2.1).
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Where the request comes from, as far as proxies are to be believed.
pub(crate) fn address(head: Head<'_>) -> IpAddr {
    // Every request of ours has it; a router's own test may not.
    head.extensions.get::<ClientAddress>().map_or(IpAddr::from([0, 0, 0, 0]), |it| it.client)
}
