//! `api.*`: what back ends may do.

use veche::Quota;

use super::reader::Reader;

/// What back ends may do by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Requests of one key in a second; 0 = no limit.
    pub requests_per_second: u32,
    /// How many of them at once.
    pub requests_burst: u32,
}

impl Default for Api {
    fn default() -> Self {
        Self { requests_per_second: 1_000, requests_burst: 2_000 }
    }
}

impl Api {
    /// Both as a quota.
    pub fn quota(&self) -> Quota {
        Quota { count: self.requests_per_second, period_ms: 1_000, burst: self.requests_burst }
    }
}

impl Reader<'_> {
    pub(super) fn api(&mut self) -> Api {
        let default = Api::default();
        Api {
            requests_per_second: self.count("api.requests_per_second", default.requests_per_second),
            requests_burst: self.count("api.requests_burst", default.requests_burst),
        }
    }
}
