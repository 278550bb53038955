//! Entries that begin and end sign-ins.

use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use veche_kernel::{
    State,
    web::{HttpOutcome, HttpRequest, HttpResponse, json_response},
};

use super::{
    MAX_BODY, Shared,
    caller::{check_origin, client, counted, ending, kept_here, no_content, to_the_end, welcome},
};
use crate::accounts::Accounts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Guise {
    user: String,
}

pub(super) async fn sign_in(mut request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let accounts = &shared.accounts;
    check_origin(accounts, &request)?;
    let Credentials { email, password } = request.take_json(MAX_BODY).await?;
    let old = accounts.cookie().read(request.headers()).map(str::to_owned);
    let (accounts, kernel, client) = (accounts.clone(), request.kernel().clone(), client(&request));
    to_the_end(async move {
        let began = accounts.sign_in(&email, &password, client, old.as_deref()).await;
        welcome(&accounts, &kernel, counted("sign_in", began)?).await
    })
    .await
}

/// Who may be signed in as by a click, for the page that offers it.
pub(super) async fn demonstration(_: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let users = shared.accounts.demonstration()?.iter().map(|(id, name)| json!({ "id": id, "name": name }));
    let body = json!({ "users": users.collect::<Vec<_>>() }).to_string();
    Ok(json_response(StatusCode::OK, body))
}

pub(super) async fn sign_in_to_demonstration(
    mut request: HttpRequest,
    State(shared): State<Shared>,
) -> HttpOutcome {
    let accounts = &shared.accounts;
    check_origin(accounts, &request)?;
    let Guise { user } = request.take_json(MAX_BODY).await?;
    let old = accounts.cookie().read(request.headers()).map(str::to_owned);
    let (accounts, kernel, client) = (accounts.clone(), request.kernel().clone(), client(&request));
    to_the_end(async move {
        let began = accounts.sign_in_to_demonstration(&user, client, old.as_deref()).await;
        welcome(&accounts, &kernel, counted("demo_sign_in", began)?).await
    })
    .await
}

pub(super) async fn sign_out(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let kept = kept_here(&shared.accounts, &request).await?;
    let act = |accounts: Accounts| async move {
        let ended = counted("sign_out", accounts.sign_out(&kept.user, kept.key.as_str()).await)?;
        Ok(vec![ended])
    };
    ending(&shared.accounts, request.kernel(), act).await?;
    Ok(without_cookie(&shared))
}

pub(super) async fn sign_out_everywhere(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let kept = kept_here(&shared.accounts, &request).await?;
    let act = |accounts: Accounts| async move {
        counted("sign_out", accounts.sign_out_everywhere(&kept.user).await)
    };
    ending(&shared.accounts, request.kernel(), act).await?;
    Ok(without_cookie(&shared))
}

fn without_cookie(shared: &Shared) -> HttpResponse {
    let mut response = no_content();
    response.headers_mut().insert(header::SET_COOKIE, shared.accounts.cookie().clear());
    response
}
