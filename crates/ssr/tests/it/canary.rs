//! Two users at one address: what is made for one of them is never the other's.

use std::{collections::HashSet, sync::Arc};

use tokio::task::JoinSet;
use veche_ssr::{Cache, Key, RenderError, Weigh};

use crate::bundles::{PATIENT, renderer};

struct Html(String);

impl Weigh for Html {
    fn weight(&self) -> usize {
        self.0.len()
    }
}

/// A key that has its viewer in it, as every key must.
fn key(viewer: u8) -> Key {
    let mut key = [7; 32];
    key[0] = viewer;
    key
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_in_one_users_boot_reaches_no_other() {
    // Red: a `key` without its viewer.
    let renderer = Arc::new(renderer(2, PATIENT));
    let cache = Cache::<Html, RenderError>::new(1 << 20);
    let mut visits = JoinSet::new();
    for visit in 0..64_u8 {
        let (renderer, cache, viewer) = (renderer.clone(), cache.clone(), visit % 2);
        visits.spawn(async move {
            let make = async || {
                let boot = format!(r#"{{"act":"hello","name":"canary-of-{viewer}"}}"#);
                Ok(Html(renderer.render(boot).await?.body))
            };
            (viewer, cache.get(key(viewer), make).await.map(|html| html.0.clone()))
        });
    }
    let mut seen = HashSet::new();
    for (viewer, html) in visits.join_all().await {
        // The queue is shorter than a crowd; who is refused sees nothing at all.
        let html = html.expect("64 fit");
        assert_eq!(html, format!("<p>canary-of-{viewer}</p>"));
        seen.insert(html);
    }
    assert_eq!(seen.len(), 2);
}
