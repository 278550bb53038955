//! Responses that are kept by their request's `Idempotency-Key`: a request that is sent again is answered by
//! them, and does nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ring::digest::{SHA256, digest};
use veche_kernel::{ErrorCode, Rejection};

use super::KeyId;

/// The header.
pub(super) const HEADER: &str = "idempotency-key";
/// How long a response is kept.
const KEPT_MS: u64 = 24 * 3_600 * 1_000;
/// The most responses, and their bytes; the oldest go first.
const ENTRIES_MAX: usize = 100_000;
const BYTES_MAX: usize = 16 << 20;
/// What an entry takes beside its body.
const OVERHEAD: usize = 256;

/// Whose request, where, under which name.
pub(super) type Request = (KeyId, &'static str, Box<str>);

/// All that is kept.
#[derive(Default)]
pub(super) struct Kept(Mutex<Table>);

#[derive(Default)]
struct Table {
    entries: HashMap<Request, Entry>,
    /// By age.
    order: VecDeque<(u64, Request)>,
    bytes: usize,
}

struct Entry {
    body: [u8; 32],
    /// `None` while the request is under way.
    response: Option<Bytes>,
}

/// What a request finds.
pub(super) enum Found {
    /// It was answered so.
    Response(Bytes),
    /// It is the first of its name.
    Place(Place),
}

/// The place of a request under way. If it goes without a response, the next of its name is the first.
pub(super) struct Place {
    kept: Arc<Kept>,
    request: Option<Request>,
}

/// The name in the headers, if there is one.
pub(super) fn name(headers: &HeaderMap) -> Result<Option<Box<str>>, Rejection> {
    let wrong = |why: &'static str| Rejection::new(ErrorCode::BadRequest, why).field(HEADER);
    let mut names = headers.get_all(HEADER).iter();
    let Some(name) = names.next() else { return Ok(None) };
    if names.next().is_some() {
        return Err(wrong("the header stands twice"));
    }
    let fits =
        |name: &&str| (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    let text = name.to_str().ok().filter(fits);
    text.map(|text| Some(text.into())).ok_or_else(|| wrong("it has 1 to 255 visible ASCII characters"))
}

impl Kept {
    /// Looks for a response to this request, and takes its place if there is none.
    pub(super) fn enter(
        self: &Arc<Self>,
        request: Request,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Found, Rejection> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, body).as_ref());
        let mut table = self.table();
        table.expire(now_ms);
        match table.entries.get(&request) {
            Some(entry) if entry.body != hash => {
                let other = "this Idempotency-Key was used with another body";
                let conflict = Rejection::new(ErrorCode::Conflict, other).field(HEADER);
                Err(conflict.status(StatusCode::UNPROCESSABLE_ENTITY))
            }
            Some(Entry { response: Some(response), .. }) => Ok(Found::Response(response.clone())),
            Some(_) => {
                let busy =
                    Rejection::new(ErrorCode::Conflict, "a request with this Idempotency-Key is under way");
                Err(busy.field(HEADER).retry_after_ms(1_000))
            }
            None => {
                table.entries.insert(request.clone(), Entry { body: hash, response: None });
                Ok(Found::Place(Place { kept: self.clone(), request: Some(request) }))
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Keeps the response.
    pub(super) fn keep(mut self, response: Bytes, now_ms: u64) {
        let Some(request) = self.request.take() else { return };
        let mut table = self.kept.table();
        if let Some(entry) = table.entries.get_mut(&request) {
            let bytes = OVERHEAD + response.len();
            entry.response = Some(response);
            table.bytes += bytes;
            table.order.push_back((now_ms, request));
            table.expire(now_ms);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.kept.table().entries.remove(&request);
        }
    }
}

impl Table {
    fn expire(&mut self, now_ms: u64) {
        let is_over = |table: &Self| {
            let old = table.order.front().is_some_and(|(at, _)| now_ms.saturating_sub(*at) >= KEPT_MS);
            old || table.order.len() > ENTRIES_MAX || table.bytes > BYTES_MAX
        };
        while is_over(self) {
            let Some((_, request)) = self.order.pop_front() else { return };
            let gone = self.entries.remove(&request);
            let bytes = gone.and_then(|entry| entry.response).map_or(0, |body| OVERHEAD + body.len());
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str) -> Request {
        ("0123456789abcdef".parse().expect("an id"), "publish", name.into())
    }

    fn look(kept: &Arc<Kept>, name: &str, body: &str, now_ms: u64) -> Result<Found, u16> {
        kept.enter(request(name), body.as_bytes(), now_ms).map_err(|no| no.http_status().as_u16())
    }

    fn keep(kept: &Arc<Kept>, name: &str, response: &[u8], now_ms: u64) {
        match look(kept, name, "body", now_ms) {
            Ok(Found::Place(place)) => place.keep(Bytes::copy_from_slice(response), now_ms),
            _ => panic!("{name} was there before"),
        }
    }

    fn is_kept(kept: &Arc<Kept>, name: &str, now_ms: u64) -> bool {
        matches!(look(kept, name, "body", now_ms), Ok(Found::Response(_)))
    }

    #[test]
    fn a_response_is_kept_for_its_request_and_no_other() {
        // Red: `enter` that does not compare bodies; `Place` without its `drop`.
        let kept = Arc::new(Kept::default());
        let place = look(&kept, "a", "body", 0);
        assert!(matches!(place, Ok(Found::Place(_))));
        assert_eq!(look(&kept, "a", "body", 0).err(), Some(409), "it is under way");
        drop(place);
        keep(&kept, "a", b"response", 0);
        assert!(is_kept(&kept, "a", KEPT_MS - 1));
        assert_eq!(look(&kept, "a", "other", 0).err(), Some(422));
        assert!(!is_kept(&kept, "b", 0));
        assert!(!is_kept(&kept, "a", KEPT_MS));
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes() {
        // Red: `is_over` without the bytes.
        let kept = Arc::new(Kept::default());
        let big = vec![b'x'; BYTES_MAX / 2];
        keep(&kept, "a", &big, 0);
        keep(&kept, "b", &[], 1);
        keep(&kept, "c", &big, 2);
        assert!(!is_kept(&kept, "a", 2) && is_kept(&kept, "b", 2) && is_kept(&kept, "c", 2));
        assert!(kept.table().bytes <= BYTES_MAX);
    }
}
