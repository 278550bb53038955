//! Entries of somebody who is signed in.

use serde::Deserialize;
use serde_json::{Value, json};
use veche_kernel::{
    Rejection, State,
    web::{Credential, HttpOutcome, HttpRequest, IntoHttp as _, Json},
};

use super::{
    MAX_BODY, Shared, TOKEN,
    caller::{check_origin, counted, ending, kept, kept_here, no_content, user, with_cookie},
};
use crate::{
    accounts::{Account, Accounts},
    secret::Secret,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: Option<String>,
    language: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passwords {
    old: String,
    new: String,
}

/// The account. A cookie is kept for another 30 days.
pub(super) async fn me(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let accounts = &shared.accounts;
    let account = Json(accounts.account(&user(accounts, &request).await?).await?);
    let is_bearer = request.caller().is_some_and(|caller| caller.by == Credential::Bearer);
    match accounts.cookie().read(request.headers()).and_then(Secret::brought) {
        Some(secret) if !is_bearer => with_cookie(account, accounts.cookie().set(&secret)),
        _ => account.into_http(),
    }
}

pub(super) async fn change(
    mut request: HttpRequest,
    State(shared): State<Shared>,
) -> Result<Json<Account>, Rejection> {
    let accounts = &shared.accounts;
    check_origin(accounts, &request)?;
    let user = user(accounts, &request).await?;
    let Change { name, language } = request.take_json(MAX_BODY).await?;
    accounts.change(&user, name.as_deref(), language.as_deref()).await.map(Json)
}

pub(super) async fn change_password(mut request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let kept = kept_here(&shared.accounts, &request).await?;
    let Passwords { old, new } = request.take_json(MAX_BODY).await?;
    let act = |accounts: Accounts| async move {
        counted("change_password", accounts.change_password(&kept, &old, &new).await)
    };
    ending(&shared.accounts, request.kernel(), act).await?;
    Ok(no_content())
}

/// The sign-ins, and which of them asks.
pub(super) async fn sessions(
    request: HttpRequest,
    State(shared): State<Shared>,
) -> Result<Json<Value>, Rejection> {
    let kept = kept(&shared.accounts, &request).await?;
    let sessions = shared.accounts.sign_ins(&kept.user).await?;
    Ok(Json(json!({ "current": kept.key, "sessions": sessions })))
}

pub(super) async fn end_session(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let kept = kept_here(&shared.accounts, &request).await?;
    let key: String = request.parameter("id")?;
    let act = |accounts: Accounts| async move { Ok(vec![accounts.sign_out(&kept.user, &key).await?]) };
    ending(&shared.accounts, request.kernel(), act).await?;
    Ok(no_content())
}

/// A token of ten minutes for the sign-in's sockets.
pub(super) async fn token(
    request: HttpRequest,
    State(shared): State<Shared>,
) -> Result<Json<Value>, Rejection> {
    let kept = kept_here(&shared.accounts, &request).await?;
    let now_ms = request.kernel().clock().wall_ms();
    let token = shared.tokens.sign(&kept.user, &kept.key, TOKEN, now_ms);
    let token = token.ok_or_else(|| Rejection::unavailable("tokens cannot be signed"))?;
    // Tokens count in whole seconds.
    let expires_ms = (now_ms / 1_000) * 1_000 + TOKEN.as_millis() as u64;
    Ok(Json(json!({ "token": token, "expires_ms": expires_ms })))
}
