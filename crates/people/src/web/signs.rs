//! Entries that begin and end sign-ins.

use http::header;
use serde::Deserialize;
use veche_kernel::{
    State,
    web::{HttpOutcome, HttpRequest, HttpResponse},
};

use super::{
    MAX_BODY, Shared,
    caller::{check_origin, client, counted, end_connections, kept_here, no_content, welcome},
};

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
    let old = accounts.cookie().read(request.headers());
    let began = accounts.sign_in(&email, &password, client(&request), old).await;
    welcome(accounts, request.kernel(), counted("sign_in", began)?).await
}

pub(super) async fn sign_in_to_demonstration(
    mut request: HttpRequest,
    State(shared): State<Shared>,
) -> HttpOutcome {
    let accounts = &shared.accounts;
    check_origin(accounts, &request)?;
    let Guise { user } = request.take_json(MAX_BODY).await?;
    let old = accounts.cookie().read(request.headers());
    let began = accounts.sign_in_to_demonstration(&user, client(&request), old).await;
    welcome(accounts, request.kernel(), counted("demo_sign_in", began)?).await
}

pub(super) async fn sign_out(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let kept = kept_here(&shared.accounts, &request).await?;
    let ended = counted("sign_out", shared.accounts.sign_out(&kept.user, kept.key.as_str()).await)?;
    end_connections(request.kernel(), &[ended]).await;
    Ok(without_cookie(&shared))
}

pub(super) async fn sign_out_everywhere(request: HttpRequest, State(shared): State<Shared>) -> HttpOutcome {
    let kept = kept_here(&shared.accounts, &request).await?;
    let ended = counted("sign_out", shared.accounts.sign_out_everywhere(&kept.user).await)?;
    end_connections(request.kernel(), &ended).await;
    Ok(without_cookie(&shared))
}

fn without_cookie(shared: &Shared) -> HttpResponse {
    let mut response = no_content();
    response.headers_mut().insert(header::SET_COOKIE, shared.accounts.cookie().clear());
    response
}
