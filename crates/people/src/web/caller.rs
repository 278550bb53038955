//! Who sends a request, and what ends with a sign-in.

use std::future::Future;

use http::{HeaderValue, StatusCode, header};
use metrics::counter;
use serde::Serialize;
use veche_kernel::{
    BoxFuture, ErrorCode, Identity, Kernel, Rejection, Revocation, SignedIn, TokenId, UserId,
    web::{Credential, Head, HttpOutcome, HttpResponse, IntoHttp as _, Json},
};

use super::TOKEN;
use crate::{
    accounts::{Accounts, Began},
    sessions::{Client, Kept, SessionKey},
};

/// The sign-in behind the request's cookie. One that was revoked gets no token of a later time.
pub(super) async fn kept(accounts: &Accounts, head: &Head) -> Result<Kept, Rejection> {
    let value = accounts.cookie().read(head.headers()).ok_or_else(Rejection::unauthorized)?;
    let kept = accounts.who(value).await?.ok_or_else(Rejection::unauthorized)?;
    head.kernel().admit(&identity(&kept)).map_err(|_| Rejection::unauthorized())?;
    Ok(kept)
}

/// Who a sign-in stands for.
fn identity(kept: &Kept) -> Identity {
    Identity {
        issued_ms: kept.created_ms,
        token: TokenId::parse(kept.key.as_str()),
        ..Identity::of(kept.user.clone())
    }
}

/// The same for a request that changes something: it comes from a page of the site.
pub(super) async fn kept_here(accounts: &Accounts, head: &Head) -> Result<Kept, Rejection> {
    check_origin(accounts, head)?;
    kept(accounts, head).await
}

/// The user, by the cookie or by a token.
pub(super) async fn user(accounts: &Accounts, head: &Head) -> Result<UserId, Rejection> {
    match head.caller() {
        Some(caller) if caller.by == Credential::Bearer => Ok(caller.identity.user.clone()),
        _ => kept(accounts, head).await.map(|kept| kept.user),
    }
}

/// Refuses what another site's page sends: also where there is no cookie yet, so that none is planted.
pub(super) fn check_origin(accounts: &Accounts, head: &Head) -> Result<(), Rejection> {
    if accounts.settings().site.allows(head.headers()) {
        return Ok(());
    }
    counter!("veche_accounts_total", "act" => "any", "outcome" => "cross_site").increment(1);
    Err(Rejection::new(ErrorCode::Forbidden, "the request comes from another site's page"))
}

/// Where the request comes from.
pub(super) fn client(head: &Head) -> Client {
    let agent = head.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Client::new(head.peer(), agent.unwrap_or_default())
}

/// Counts what became of an act, and passes it on.
pub(super) fn counted<T>(act: &'static str, outcome: Result<T, Rejection>) -> Result<T, Rejection> {
    let word = outcome.as_ref().map_or_else(|refused| refused.code().as_str(), |_| "ok");
    counter!("veche_accounts_total", "act" => act, "outcome" => word.to_owned()).increment(1);
    outcome
}

/// The account and the cookie of a sign-in that has begun.
pub(super) async fn welcome(accounts: &Accounts, kernel: &Kernel, began: Began) -> HttpOutcome {
    end_connections(kernel, &began.ended).await;
    let account = accounts.account(&began.user).await?;
    with_cookie(Json(account), accounts.cookie().set(&began.secret))
}

/// An answer that sets the cookie, or removes it.
pub(super) fn with_cookie<T: Serialize>(answer: Json<T>, cookie: HeaderValue) -> HttpOutcome {
    let mut response = answer.into_http()?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Nothing to say.
pub(super) fn no_content() -> HttpResponse {
    let mut response = HttpResponse::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Does to its end what ends sign-ins, and ends their connections: whoever signs out may close the page at once.
pub(super) async fn ending<Fut>(
    accounts: &Accounts,
    kernel: &Kernel,
    act: impl FnOnce(Accounts) -> Fut,
) -> Result<(), Rejection>
where
    Fut: Future<Output = Result<Vec<SessionKey>, Rejection>> + Send + 'static,
{
    let (acting, kernel) = (act(accounts.clone()), kernel.clone());
    to_the_end(async move {
        end_connections(&kernel, &acting.await?).await;
        Ok(())
    })
    .await
}

/// Works on although the client has gone.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Rejection>> + Send + 'static,
) -> Result<T, Rejection> {
    let panicked = |_| Err(Rejection::new(ErrorCode::Internal, "the server failed"));
    tokio::spawn(work).await.unwrap_or_else(panicked)
}

/// Ends the connections that were opened under these sign-ins, by cookie or by token, and refuses their tokens.
async fn end_connections(kernel: &Kernel, ended: &[SessionKey]) {
    for token in ended.iter().filter_map(|key| TokenId::parse(key.as_str())) {
        // The cookie is worth nothing any more; only tokens that it was given are left.
        let revoked = kernel.revoke_for(Revocation::Token(token), TOKEN.as_millis() as u64).await;
        if let Err(rejection) = revoked {
            tracing::warn!(why = rejection.message(), "the end of a sign-in could not be kept");
        }
    }
}

impl SignedIn for Accounts {
    fn cookie(&self) -> &str {
        Self::cookie(self).name()
    }

    fn who(&self, value: String) -> BoxFuture<Result<Option<Identity>, Rejection>> {
        let accounts = self.clone();
        Box::pin(async move {
            let kept = Self::who(&accounts, &value).await?;
            Ok(kept.as_ref().map(identity))
        })
    }
}
