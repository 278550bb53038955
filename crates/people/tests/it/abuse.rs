//! What is refused: other sites' pages, floods, and what is too large.

use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use veche_kernel::web::Body;
use veche_people::accounts::{Quotas, Settings};

use crate::support::{EMAIL, House, PASSWORD, request, settings};

/// Red where an entry does not ask `check_origin`: its line answers otherwise.
#[tokio::test]
async fn another_sites_page_changes_nothing() {
    let house = House::open().await;
    let cookie = house.ann().await;
    let credentials = json!({"email": EMAIL, "password": PASSWORD});
    let entries = [
        (Method::POST, "register", json!({"email": EMAIL, "password": PASSWORD, "name": "Ann"})),
        (Method::POST, "confirm", json!({"token": "", "password": PASSWORD})),
        (Method::POST, "reset/request", json!({"email": EMAIL})),
        (Method::POST, "reset", json!({"token": "", "password": PASSWORD})),
        (Method::POST, "sign-in", credentials),
        (Method::POST, "demo-sign-in", json!({"user": "anya"})),
        (Method::POST, "sign-out", Value::Null),
        (Method::POST, "sign-out-everywhere", Value::Null),
        (Method::PATCH, "me", json!({"name": "Eve"})),
        (Method::POST, "password", json!({"old": PASSWORD, "new": "the attacker's own"})),
        (Method::DELETE, "sessions/x", Value::Null),
        (Method::POST, "token", Value::Null),
    ];
    let foreign = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (method, path, body) in entries {
        for (name, value) in foreign {
            let mut request = request(method.clone(), path, &cookie, Some(body.clone()));
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(HeaderName::from_static(name), value);
            let answer = house.ask(request).await;
            assert_eq!((answer.status, answer.code()), (403, "forbidden"), "{path} {name}");
            assert!(!answer.headers.contains_key(header::SET_COOKIE), "{path}");
        }
    }
    assert_eq!(house.me(&cookie).await.body["name"], "Ann");
}

#[tokio::test]
async fn a_form_is_no_json() {
    let house = House::open().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let body = json!({"email": EMAIL, "password": PASSWORD});
        let mut request = request(Method::POST, "sign-in", "", Some(body));
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        assert_eq!(house.ask(request).await.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn a_body_is_bounded() {
    let house = House::open().await;
    let long = json!({"email": EMAIL, "password": "a".repeat(16 << 10)}).to_string();
    let mut request = request(Method::POST, "sign-in", "", Some(Value::Null));
    *request.body_mut() = Body::from(long);
    let answer = house.ask(request).await;
    assert_eq!((answer.status, answer.code()), (413, "too_large"));
    let answer = house.sign_in(EMAIL, &"a".repeat(1_025)).await;
    assert_eq!((answer.status, answer.code()), (401, "wrong_credentials"), "and it is not hashed");
}

/// Red where one of the three quotas is not asked.
#[tokio::test]
async fn guesses_and_letters_are_limited_alike_for_known_and_unknown() {
    let house = House::with(Settings { quotas: Quotas::default(), ..settings() }).await;
    house.ann().await;
    let mut statuses = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        let mut of = Vec::new();
        for _ in 0..12 {
            let answer = house.sign_in(email, "not the password").await;
            if answer.status == 429 {
                let wait = answer.headers[header::RETRY_AFTER].to_str().expect("ASCII");
                assert!(wait.parse::<u64>().expect("seconds") > 0 && answer.code() == "rate_limited");
            }
            of.push(answer.status);
        }
        statuses.push(of);
    }
    assert_eq!(statuses[0], statuses[1]);
    assert_eq!(statuses[0], [vec![401; 10], vec![429; 2]].concat());
    // 25 of the address's 30 are used up.
    let left: Vec<_> = [
        house.register("c@example.com", PASSWORD).await.status,
        house.post("reset/request", json!({"email": "c@example.com"})).await.status,
        house.register("c@example.com", PASSWORD).await.status,
        house.register("c@example.com", PASSWORD).await.status,
        house.sign_in("d@example.com", PASSWORD).await.status,
    ]
    .into();
    assert_eq!(left, [202, 202, 202, 429, 429], "three letters, then the address itself");
}
