//! Entries around mailed links: to register and to choose a new password.

use serde::Deserialize;
use serde_json::json;
use veche_kernel::{
    State,
    web::{HttpOutcome, HttpRequest, HttpResponse, json_response},
};

use super::{
    MAX_BODY, Shared,
    caller::{check_origin, client, counted, ending, no_content, welcome},
};
use crate::accounts::{Accounts, Registration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    token: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    email: String,
}

/// The answer to a stranger who named an address: it never says what is known of it.
fn look_at_your_mail() -> HttpResponse {
    let body = json!({ "status": "look_at_your_mail" }).to_string();
    json_response(http::StatusCode::ACCEPTED, body)
}

pub(super) async fn register(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    check_origin(&shared.accounts, &request)?;
    let peer = request.peer();
    let form: Registration = request.json(MAX_BODY).await?;
    counted("register", shared.accounts.register(form, peer).await)?;
    Ok(look_at_your_mail())
}

pub(super) async fn confirm(mut request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    check_origin(&shared.accounts, &request)?;
    let Link { token, password } = request.take_json(MAX_BODY).await?;
    let began = shared.accounts.confirm(&token, &password, client(&request)).await;
    welcome(&shared.accounts, request.kernel(), counted("confirm", began)?).await
}

pub(super) async fn forgot(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    check_origin(&shared.accounts, &request)?;
    let peer = request.peer();
    let Forgotten { email } = request.json(MAX_BODY).await?;
    counted("forgot", shared.accounts.forgot(&email, peer))?;
    Ok(look_at_your_mail())
}

pub(super) async fn reset(mut request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    check_origin(&shared.accounts, &request)?;
    let Link { token, password } = request.take_json(MAX_BODY).await?;
    let peer = request.peer();
    let act =
        |accounts: Accounts| async move { counted("reset", accounts.reset(&token, &password, peer).await) };
    ending(&shared.accounts, request.kernel(), act).await?;
    Ok(no_content())
}
