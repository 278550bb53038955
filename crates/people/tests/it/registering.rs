//! Registering: a letter, its link, and the account.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{EMAIL, House, PASSWORD, no_quotas, request, settings, token};

#[tokio::test]
async fn whoever_registers_and_confirms_is_signed_in() {
    let house = House::open().await;
    let form = json!({"email": " Ann@Example.com", "password": PASSWORD, "name": " Аня ", "language": "ru"});
    let registered = house.post("register", form).await;
    assert_eq!((registered.status, &registered.body["status"]), (202, &json!("look_at_your_mail")));
    assert_eq!(house.count("SELECT COUNT(*) FROM account").await, 0, "nothing before the confirmation");

    let (mail, token) = house.letter().await;
    assert_eq!(mail.letter.to().email.as_str(), EMAIL);
    assert!(mail.letter.text().contains("https://veche.example/people/confirm#token="), "{mail:?}");

    let confirmed = house.post("confirm", json!({"token": token, "password": PASSWORD})).await;
    assert_eq!((confirmed.status, &confirmed.body["name"]), (200, &json!("Аня")), "{confirmed:?}");
    let me = house.me(&confirmed.cookie()).await;
    assert_eq!((me.status, &me.body), (200, &confirmed.body));
    assert_eq!((&me.body["email"], &me.body["language"]), (&json!(EMAIL), &json!("ru")));
    assert_eq!(house.me("").await.status, 401);
}

/// Red where the letter is to the name of the form: strangers would write to whom they want.
#[tokio::test]
async fn no_words_of_whoever_registers_are_mailed() {
    let house = House::open().await;
    let form = json!({"email": EMAIL, "password": PASSWORD, "name": "You have won: https://evil.example"});
    house.post("register", form.clone()).await;
    let (confirm, token) = house.letter().await;
    house.post("confirm", json!({"token": token, "password": PASSWORD})).await;
    house.post("register", form).await;
    let (already, _) = house.letter().await;
    for mail in [confirm, already] {
        let (to, text) = (&mail.letter.to().name, mail.letter.text());
        assert!(to.is_empty() && !text.contains("evil") && text.starts_with("Hello!"), "{mail:?}");
        assert!(!format!("{mail:?}").contains("evil"), "{mail:?}");
    }
}

/// Red where `take` does not delete the registration.
#[tokio::test]
async fn a_link_works_once_and_for_a_day() {
    let house = House::open().await;
    house.register(EMAIL, PASSWORD).await;
    let (_, used) = house.letter().await;
    let confirm =
        async |token: &str| house.post("confirm", json!({"token": token, "password": PASSWORD})).await;
    assert_eq!(confirm(&used).await.status, 200);
    let again = confirm(&used).await;
    assert_eq!((again.status, again.code(), again.field()), (410, "link_ended", "token"));

    house.register("bob@example.com", PASSWORD).await;
    let (_, late) = house.letter().await;
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(confirm(&late).await.status, 410);
    for never in ["", "x", &"A".repeat(43)] {
        assert_eq!(confirm(never).await.status, 410, "{never}");
    }
}

/// Red where `confirm` does not compare the password: the link alone makes the account.
#[tokio::test]
async fn nobody_prepares_an_account_for_another() {
    let house = House::open().await;
    house.register(EMAIL, "the attacker's own").await;
    let (_, prepared) = house.letter().await;
    house.register(EMAIL, PASSWORD).await;
    let (_, own) = house.letter().await;
    // The owner of the address opens both links, with the password that they chose.
    let confirm =
        async |token: &str| house.post("confirm", json!({"token": token, "password": PASSWORD})).await;
    let refused = confirm(&prepared).await;
    assert_eq!((refused.status, refused.code()), (401, "wrong_credentials"));
    assert_eq!(confirm(&own).await.status, 200);
    let attacker = json!({"token": prepared, "password": "the attacker's own"});
    assert_eq!(house.post("confirm", attacker).await.status, 410, "the others' links end with it");
    assert_eq!(house.sign_in(EMAIL, "the attacker's own").await.status, 401);
}

/// Red where the answer, or its status, depends on what is found.
#[tokio::test]
async fn a_stranger_is_told_nothing_of_an_address() {
    let house = House::open().await;
    house.ann().await;
    let known = house.register(EMAIL, PASSWORD).await;
    let unknown = house.register("nobody@example.com", PASSWORD).await;
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let mut names: Vec<_> = known.headers.keys().collect();
    names.sort_by_key(|name| name.as_str().to_owned());
    let mut others: Vec<_> = unknown.headers.keys().collect();
    others.sort_by_key(|name| name.as_str().to_owned());
    assert_eq!(names, others);
    let mail = house.mail().await;
    let mut told: Vec<_> = mail.iter().map(|mail| (mail.letter.subject(), token(mail).is_empty())).collect();
    told.sort_unstable();
    assert_eq!(told, [("Confirm your e-mail address", false), ("You have an account already", true)]);

    let ask = async |email: &str| house.post("reset/request", json!({"email": email})).await;
    let (known, unknown) = (ask(EMAIL).await, ask("nobody@example.com").await);
    assert_eq!((known.status, &known.body), (202, &unknown.body));
    let (known, unknown) = (
        house.sign_in(EMAIL, "not the password").await,
        house.sign_in("nobody@example.com", "not the password").await,
    );
    assert_eq!((known.status, &known.body), (401, &unknown.body));
}

/// Red where the first to confirm leaves the other registrations in place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_registrations_of_an_address_are_one_account() {
    let house = House::open().await;
    let registrations = (0..100).map(|_| house.register("Ann@example.com", PASSWORD));
    let answers = futures_util::future::join_all(registrations).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    let tokens: Vec<String> = house.mail().await.iter().map(token).collect();
    assert_eq!(tokens.len(), 100);
    let confirm = |token| house.post("confirm", json!({"token": token, "password": PASSWORD}));
    let answers = futures_util::future::join_all(tokens.into_iter().map(confirm)).await;
    let statuses = |wanted| answers.iter().filter(|answer| answer.status == wanted).count();
    assert_eq!((statuses(200), statuses(410)), (1, 99));
    assert_eq!(house.count("SELECT COUNT(*) FROM account").await, 1);
    assert_eq!(house.count("SELECT COUNT(*) FROM account_registration").await, 0);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let house = House::open().await;
    let form = |field: &str, value: Value| {
        let mut form = json!({"email": EMAIL, "password": PASSWORD, "name": "Ann", "language": "en"});
        form[field] = value;
        form
    };
    for (field, value) in [
        ("email", json!("ann")),
        ("email", json!("ann@example.com\r\nBcc: all@example.com")),
        ("email", json!(7)),
        ("name", json!("Ann\r\nBcc: all@example.com")),
        ("name", json!("")),
        ("password", json!("short")),
        ("password", json!(EMAIL)),
        ("password", json!("a".repeat(1_025))),
        ("language", json!("xx")),
        ("more", json!(1)),
    ] {
        let answer = house.post("register", form(field, value.clone())).await;
        assert_eq!((answer.status, answer.field()), (400, field), "{value}: {answer:?}");
    }
    assert!(house.mail().await.is_empty());
}

#[tokio::test]
async fn a_name_and_a_language_can_be_changed() {
    let house = House::open().await;
    let cookie = house.ann().await;
    let change = async |body: Value| house.under(&cookie, Method::PATCH, "me", body).await;
    let changed = change(json!({"name": " Аня ", "language": "ru"})).await;
    assert_eq!((&changed.body["name"], &changed.body["language"]), (&json!("Аня"), &json!("ru")));
    assert_eq!(change(json!({"language": "en"})).await.body["name"], "Аня");
    let refused = change(json!({"name": "a\nb"})).await;
    assert_eq!((refused.status, refused.field()), (400, "name"));
    assert_eq!(house.me(&cookie).await.body["language"], "en");
}

/// Red where `user` asks for the cookie alone.
#[tokio::test]
async fn the_bearer_of_a_token_is_the_user_that_it_names() {
    let house = House::open().await;
    let cookie = house.ann().await;
    let user = house.me(&cookie).await.body["user"].as_str().expect("an id").to_owned();
    let me = async |user: &str| {
        let asked = house.node.ask_http(request(Method::GET, "me", "", None), Some(user)).await;
        (asked.status().as_u16(), asked.headers().contains_key("set-cookie"))
    };
    assert_eq!(me(&user).await, (200, false));
    assert_eq!(me("of-another-service").await, (404, false));
}

#[tokio::test]
async fn an_accounts_profile_is_for_others_to_ask() {
    let house = House::with(veche_people::accounts::Settings { quotas: no_quotas(), ..settings() }).await;
    let cookie = house.ann().await;
    let user = house.me(&cookie).await.body["user"].as_str().expect("an id").into();
    let nobody = veche_kernel::UserId::from("nobody");
    let found =
        house.store.read(async |tx| veche_people::accounts::profiles(tx, &[nobody, user]).await).await;
    let names: Vec<_> = found.expect("it reads").into_iter().map(|profile| profile.name).collect();
    assert_eq!(names, ["Ann"]);
}
