//! What many ask for at once is made once, and what is kept is bounded.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::Notify, task::JoinSet};
use veche_ssr::{Cache, Key, Weigh};

#[derive(Debug, PartialEq)]
struct Text(String);

impl Weigh for Text {
    fn weight(&self) -> usize {
        self.0.len()
    }
}

fn key(number: u8) -> Key {
    [number; 32]
}

async fn put(cache: &Cache<Text, String>, number: u8, text: &str) -> Arc<Text> {
    cache.get(key(number), async || Ok(Text(text.to_owned()))).await.expect("it is made")
}

#[tokio::test]
async fn askers_of_one_key_wait_for_one_making() {
    // Red: `find` that never says `Making`.
    let (cache, makings) = (Cache::<Text, String>::new(1 << 20), Arc::new(AtomicUsize::new(0)));
    let go = Arc::new(Notify::new());
    let mut askers = JoinSet::new();
    for _ in 0..50 {
        let (cache, makings, go) = (cache.clone(), makings.clone(), go.clone());
        askers.spawn(async move {
            let make = async || {
                makings.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                Ok(Text("made".to_owned()))
            };
            cache.get(key(1), make).await
        });
    }
    // On one thread every asker runs until it waits before this goes on.
    tokio::task::yield_now().await;
    go.notify_one();
    for outcome in askers.join_all().await {
        assert_eq!(outcome.expect("it is made").0, "made");
    }
    assert_eq!(makings.load(Ordering::SeqCst), 1);
    assert_eq!(put(&cache, 1, "again").await.0, "made", "it is kept");
}

#[tokio::test]
async fn an_error_goes_to_all_who_wait_and_is_not_kept() {
    let cache = Cache::<Text, String>::new(1 << 20);
    let go = Notify::new();
    let fail = async || {
        go.notified().await;
        Err("no".to_owned())
    };
    let wait = async || unreachable!("it waits for the other");
    let release = async {
        tokio::task::yield_now().await;
        go.notify_one();
    };
    let (first, second, ()) = tokio::join!(cache.get(key(1), fail), cache.get(key(1), wait), release);
    assert_eq!((first, second), (Err("no".to_owned()), Err("no".to_owned())));
    assert_eq!(put(&cache, 1, "now").await.0, "now");
}

#[tokio::test]
async fn a_maker_that_gives_up_leaves_it_to_the_next() {
    // Red: a `Making` that stays in the table: the second asker waits for ever.
    let cache = Cache::<Text, String>::new(1 << 20);
    let mut never = Box::pin(cache.get(key(1), std::future::pending));
    assert!(is_pending(&mut never).await, "it is being made");
    let mut second = Box::pin(put(&cache, 1, "by the second"));
    assert!(is_pending(&mut second).await, "it waits");
    drop(never);
    assert_eq!(second.await.0, "by the second");
}

/// Polls once; whether it is still under way.
async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
    })
    .await
}

#[tokio::test]
async fn the_longest_unused_goes_when_the_bytes_are_used_up() {
    // Red: eviction by insertion: the first goes although it was used.
    let cache = Cache::<Text, String>::new(3 * (100 + size_of::<Key>()));
    let text = "x".repeat(100);
    for number in 1..=3 {
        put(&cache, number, &text).await;
    }
    put(&cache, 1, "used, not made").await;
    put(&cache, 4, &text).await;
    assert_eq!(put(&cache, 1, "made anew").await.0, text);
    assert_eq!(put(&cache, 2, "made anew").await.0, "made anew");
    assert!(cache.bytes() <= 3 * (100 + size_of::<Key>()));
    let huge = put(&cache, 5, &"x".repeat(10_000)).await;
    assert_eq!(huge.0.len(), 10_000, "what does not fit is given and not kept");
    assert_eq!(put(&cache, 5, "made anew").await.0, "made anew");
}
