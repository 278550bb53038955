//! Sign-ins: cookies, their ends, and the short tokens.

use std::{sync::Arc, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use veche_kernel::{
    BoxFuture, Identity, Kernel, Rejection, Revocation, Revocations, Revoked, TokenId, UserId,
};

use crate::support::{EMAIL, House, PASSWORD};

#[tokio::test]
async fn signing_out_ends_the_sign_in_and_not_the_others() {
    let house = House::open().await;
    let first = house.ann().await;
    let second = house.sign_in(EMAIL, PASSWORD).await.cookie();
    let out = house.under(&first, Method::POST, "sign-out", Value::Null).await;
    assert_eq!(out.status, 204);
    assert_eq!(out.cookie(), "__Host-veche_session=");
    assert_eq!(house.me(&first).await.status, 401, "also while its look-up is remembered");
    assert_eq!(house.me(&second).await.status, 200);
    let third = house.sign_in(EMAIL, PASSWORD).await.cookie();
    assert_eq!(house.under(&second, Method::POST, "sign-out-everywhere", Value::Null).await.status, 204);
    for cookie in [second, third] {
        assert_eq!(house.me(&cookie).await.status, 401);
    }
}

/// Red where `begin` takes the cookie that the browser brought, or lets it stand.
#[tokio::test]
async fn a_cookie_from_before_the_sign_in_is_worth_nothing_after_it() {
    let house = House::open().await;
    let planted = house.ann().await;
    let unknown = format!("__Host-veche_session={}", "A".repeat(43));
    let credentials = json!({"email": EMAIL, "password": PASSWORD});
    for brought in [planted, unknown] {
        let signed_in = house.under(&brought, Method::POST, "sign-in", credentials.clone()).await;
        assert_eq!(signed_in.status, 200);
        assert_ne!(signed_in.cookie(), brought);
        assert_eq!(house.me(&brought).await.status, 401);
        assert_eq!(house.me(&signed_in.cookie()).await.status, 200);
    }
}

/// Red where `seen` is not noted, and where `find` does not look at the time.
#[tokio::test]
async fn a_sign_in_lasts_thirty_days_from_its_last_use() {
    let house = House::open().await;
    let cookie = house.ann().await;
    let unused = house.sign_in(EMAIL, PASSWORD).await.cookie();
    for _ in 0..3 {
        house.clock.advance(Duration::from_hours(24 * 20));
        let me = house.me(&cookie).await;
        assert_eq!((me.status, me.cookie()), (200, cookie.clone()), "the browser keeps it longer, too");
    }
    assert_eq!(house.me(&unused).await.status, 401);
    house.clock.advance(Duration::from_hours(24 * 30));
    assert_eq!(house.me(&cookie).await.status, 401);
}

#[tokio::test]
async fn sign_ins_are_listed_and_ended_one_by_one() {
    let house = House::open().await;
    let own = house.ann().await;
    house.clock.advance(Duration::from_secs(1));
    let other = house.sign_in(EMAIL, PASSWORD).await.cookie();
    let listed = house.under(&own, Method::GET, "sessions", Value::Null).await.body;
    let sessions = listed["sessions"].as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|session| session["address"] == "127.0.0.1"), "{sessions:?}");
    let theirs = sessions.iter().find(|session| session["id"] != listed["current"]).expect("the other one");
    let path = format!("sessions/{}", theirs["id"].as_str().expect("an id"));
    assert!(!other.contains(theirs["id"].as_str().expect("an id")), "the name is not the secret");

    let bob = {
        house.register("bob@example.com", PASSWORD).await;
        let (_, token) = house.letter().await;
        house.post("confirm", json!({"token": token, "password": PASSWORD})).await.cookie()
    };
    // Red where `end` does not ask whose it is.
    assert_eq!(house.under(&bob, Method::DELETE, &path, Value::Null).await.status, 404);
    assert_eq!(house.under(&own, Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(house.under(&own, Method::DELETE, &path, Value::Null).await.status, 404);
    assert_eq!((house.me(&other).await.status, house.me(&own).await.status), (401, 200));
}

/// Red without the bound in `begin`.
#[tokio::test]
async fn an_account_has_fifty_sign_ins_at_most() {
    let house = House::open().await;
    let first = house.ann().await;
    let mut last = String::new();
    for _ in 0..50 {
        house.clock.advance(Duration::from_millis(1));
        last = house.sign_in(EMAIL, PASSWORD).await.cookie();
    }
    assert_eq!(house.count("SELECT COUNT(*) FROM account_session").await, 50);
    assert_eq!((house.me(&first).await.status, house.me(&last).await.status), (401, 200));
}

#[tokio::test]
async fn a_token_is_signed_for_the_user_and_names_the_sign_in() {
    let house = House::open().await;
    let cookie = house.ann().await;
    let listed = house.under(&cookie, Method::GET, "sessions", Value::Null).await.body;
    let user = house.me(&cookie).await.body["user"].as_str().expect("an id").to_owned();
    let answer = house.under(&cookie, Method::POST, "token", Value::Null).await;
    let session = listed["current"].as_str().expect("an id");
    assert_eq!(answer.body["token"], format!("{user}/{session}/600"));
    let now_ms = house.node.kernel().clock().wall_ms();
    assert_eq!(answer.body["expires_ms"], now_ms / 1_000 * 1_000 + 600_000);
    assert_eq!(house.post("token", Value::Null).await.status, 401);
}

/// Red where `kept` does not ask the node: the token is newer than the revocation, and good.
#[tokio::test]
async fn a_revoked_sign_in_gets_no_token() {
    let house = House::open().await;
    let cookie = house.ann().await;
    let user = house.me(&cookie).await.body["user"].as_str().expect("an id").to_owned();
    let now_ms = house.store.clock().wall_ms();
    let revocation = Revocation::User(UserId::from(&*user), now_ms);
    house.node.kernel().revoke(revocation).await.expect("it is kept");
    assert_eq!(house.me(&cookie).await.status, 401);
    for path in ["token", "sign-out-everywhere"] {
        assert_eq!(house.under(&cookie, Method::POST, path, Value::Null).await.status, 401, "{path}");
    }
    house.clock.advance(Duration::from_secs(1));
    let later = house.sign_in(EMAIL, PASSWORD).await.cookie();
    assert_eq!(house.me(&later).await.status, 200, "who signs in later is let in");
}

/// Keeps revocations when it is told to.
struct Slow {
    begun: Notify,
    go: Arc<Semaphore>,
}

impl Revocations for Slow {
    fn keep(&self, _: Revoked) -> BoxFuture<Result<(), Rejection>> {
        self.begun.notify_one();
        let go = self.go.clone();
        Box::pin(async move { go.acquire().await.map(drop).map_err(|_| Rejection::unavailable("closed")) })
    }

    fn load(&self, _: u64) -> BoxFuture<Result<Vec<Revoked>, Rejection>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// Red where `ending` does its work in the request's own task, which ends with the connection.
#[tokio::test]
async fn signing_out_goes_on_when_the_page_was_closed() {
    let slow = Arc::new(Slow { begun: Notify::new(), go: Arc::new(Semaphore::new(0)) });
    let builder = Kernel::builder().revocations(slow.clone(), Vec::new());
    let house = Arc::new(House::open().await.behind(builder).await);
    let cookie = house.ann().await;
    house.sign_in(EMAIL, PASSWORD).await;
    let listed = house.under(&cookie, Method::GET, "sessions", Value::Null).await.body;
    let sessions: Vec<_> =
        listed["sessions"].as_array().expect("a list").iter().map(|it| it["id"].clone()).collect();
    assert_eq!(sessions.len(), 2);

    let page = house.clone();
    let asking =
        tokio::spawn(
            async move { page.under(&cookie, Method::POST, "sign-out-everywhere", Value::Null).await },
        );
    slow.begun.notified().await;
    asking.abort();
    assert!(asking.await.is_err(), "it is gone");
    slow.go.add_permits(1);
    let holds = |id: &Value| {
        let token = id.as_str().and_then(TokenId::parse);
        house.node.kernel().admit(&Identity { token, ..Identity::of(UserId::from("ann")) }).is_ok()
    };
    let over = async {
        while sessions.iter().any(holds) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), over).await.expect("all of them end");
}
