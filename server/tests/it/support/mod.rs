//! What the tests of durable channels stand on: a server that is killed and started again, and clients over
//! bare sockets.

pub(crate) mod client;
pub(crate) mod http;
pub(crate) mod process;
#[path = "../../../../crates/veche/tests/it/support/proxy.rs"]
pub(crate) mod proxy;

use std::time::{Duration, Instant};

/// Ends a wait that would never end. Nothing is measured by it.
pub(crate) const NEVER: Duration = Duration::from_mins(1);

/// Waits for what nobody tells, by looking again and again.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < NEVER, "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}
