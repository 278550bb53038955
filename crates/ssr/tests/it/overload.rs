//! A full queue refuses at once, and all threads work.

use std::{collections::HashSet, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::task::JoinSet;
use veche_ssr::{RenderError, Renderer, Settings};

use crate::bundles::{PATIENT, act, bundle, renderer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_queue_cannot_hold_is_refused_at_once() {
    // Red: an unbounded channel.
    let settings = Settings {
        threads: NonZeroUsize::MIN,
        queue: 2,
        deadline: Duration::from_millis(500),
        ..Settings::default()
    };
    let renderer = Arc::new(Renderer::start(bundle(), settings).expect("it runs"));
    let mut renders = JoinSet::new();
    // One runs at most and two wait: of eight, five are refused.
    for _ in 0..8 {
        let renderer = renderer.clone();
        renders.spawn(async move { renderer.render(act("loop")).await });
    }
    let outcomes = renders.join_all().await;
    let count =
        |error: &RenderError| outcomes.iter().filter(|outcome| outcome.as_ref() == Err(error)).count();
    let (busy, late) = (count(&RenderError::Busy), count(&RenderError::Late));
    assert!((5..=6).contains(&busy), "{outcomes:?}");
    assert_eq!(busy + late, 8, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_thread_renders() {
    // Red: threads that hold the queue's lock while they render: one engine then counts all renders.
    let renderer = Arc::new(renderer(3, PATIENT));
    let mut engines = HashSet::new();
    // Three that take their time occupy three threads; their engines' counts tell whether they were three.
    while engines.len() < 3 {
        let mut renders = JoinSet::new();
        for _ in 0..3 {
            let renderer = renderer.clone();
            renders.spawn(async move { renderer.render(r#"{"act":"who","turns":200000}"#.to_owned()).await });
        }
        for outcome in renders.join_all().await {
            engines.insert(outcome.expect("it renders").body);
        }
    }
    assert_eq!(engines.len(), 3);
}
