//! Whose key a request holds, and what it may.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderMap, header};
use metrics::counter;
use veche_kernel::{ErrorCode, Kernel, Quota, Rejection, RetryAfter, SharedGcra};

use super::{Key, KeyId, KeyText, Keys, KeysError, Right};

/// A key that was shown, in the hands of one request.
pub(super) struct Grant {
    pub(super) key: Arc<Key>,
    meter: Arc<SharedGcra>,
    quota: Quota,
    pub(super) kernel: Kernel,
}

/// How much each key has used.
#[derive(Default)]
pub(super) struct Meters(Mutex<HashMap<KeyId, Arc<SharedGcra>>>);

impl Meters {
    fn of(&self, id: &KeyId, now_ms: u64) -> Arc<SharedGcra> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = meters.get(id) {
            return meter.clone();
        }
        // Keys come and go; their meters are kept only as long as they count.
        meters.retain(|_, meter| !meter.is_idle(now_ms));
        meters.entry(id.clone()).or_default().clone()
    }
}

impl From<KeysError> for Rejection {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Full => Self::new(ErrorCode::Conflict, error.to_string()),
            KeysError::Unavailable(_) => {
                tracing::error!(%error, "the keys are out of reach");
                Self::unavailable("the keys are out of reach").retry_after_ms(1_000)
            }
        }
    }
}

impl Grant {
    /// Reads the key of `Authorization: Bearer vk_…`, and finds out whether it holds.
    pub(super) async fn of(
        headers: &HeaderMap,
        kernel: &Kernel,
        keys: &dyn Keys,
        meters: &Meters,
        quota: Quota,
    ) -> Result<Self, Rejection> {
        let text = shown(headers).ok_or_else(|| refused("api_key_missing"))?;
        let found = keys.find(text.id()).await?.filter(|key| key.opens(&text));
        let key = found.ok_or_else(|| refused("api_key_unknown"))?;
        if key.is_over(kernel.clock().wall_ms()) {
            return Err(refused("api_key_expired"));
        }
        let meter = meters.of(&key.id, kernel.clock().now_ms());
        Ok(Self { key, meter, quota, kernel: kernel.clone() })
    }

    /// Takes one request of the key's quota.
    pub(super) fn take(&self) -> Result<(), Rejection> {
        self.meter.take(self.kernel.clock().now_ms(), self.quota).map_err(|RetryAfter(ms)| {
            counter!("veche_refused_total", "reason" => "api_key_rate").increment(1);
            Rejection::new(ErrorCode::RateLimited, "this key makes too many requests").retry_after_ms(ms)
        })
    }

    /// Whether a scope allows this; it does not matter what exists.
    pub(super) fn may(&self, right: Right, channel: Option<&str>) -> Result<(), Rejection> {
        if self.key.allows(right, channel) {
            return Ok(());
        }
        counter!("veche_refused_total", "reason" => "api_key_scope").increment(1);
        Err(Rejection::new(ErrorCode::Forbidden, format!("this key has no scope for it: {}", right.as_str())))
    }
}

/// One answer for all that is wrong with a key: who guesses learns nothing.
fn refused(why: &'static str) -> Rejection {
    counter!("veche_refused_total", "reason" => why).increment(1);
    Rejection::new(ErrorCode::Unauthorized, "show a key of this server: Authorization: Bearer vk_…")
}

fn shown(headers: &HeaderMap) -> Option<KeyText> {
    let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(credential), None) = (credentials.next(), credentials.next()) else { return None };
    let (scheme, text) = credential.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim().parse().ok()).flatten()
}
