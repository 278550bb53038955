//! The shell's own pages, and what others than people ask for: search engines and a developer's Vite.

use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::value::RawValue;
use veche::{
    Module, Rejection, State as Kept, Visit,
    web::{HttpOutcome, HttpRequest, PageRequest, Visitor, json_response},
};

use super::{LANDING, Ui, template::attribute};

/// Pages of accounts, whose forms talk to `/api/people`.
const ACCOUNTS: [&str; 5] =
    ["/people/sign-in", "/people/sign-up", "/people/confirm", "/people/reset", "/people/forgot"];
/// The component page, where things are tried out.
const KIT: &str = "/dev/ui";
/// Where Vite asks for a page's whole boot: `GET /api/boot?path=/desk`.
const BOOT: &str = "/api/boot";

pub(super) fn module(ui: &Ui) -> Module {
    let around = &ui.0.around;
    let mut module = Module::new("ui").page(LANDING, landing);
    for path in ACCOUNTS.iter().filter(|_| around.accounts) {
        module = module.page(*path, nothing);
    }
    if around.demo {
        module = module.page(KIT, nothing);
    }
    if around.any_port_here {
        module = module.http(Method::GET, BOOT, boot);
    }
    module.with_state(ui.clone())
}

/// A page that has no data.
async fn nothing(_: PageRequest) -> Result<(), Rejection> {
    Ok(())
}

/// The landing page has no data; where a single application is mounted, `/` is its home for whoever is signed in.
async fn landing(request: PageRequest, Kept(ui): Kept<Ui>) -> Result<Option<Box<RawValue>>, Rejection> {
    let ([only], Some(caller)) = (&ui.0.around.apps[..], request.caller()) else { return Ok(None) };
    let none = || Rejection::unavailable("the application has no home");
    let home = format!("/{only}").parse().map_err(|_| none())?;
    let visitor = Visitor { peer: request.peer(), caller: Some(caller.clone()) };
    let data = request.kernel().boot(home, request.headers().clone(), visitor).await?;
    data.map(|json| RawValue::from_string(json.into())).transpose().map_err(|_| none())
}

/// A page's whole boot, for a Vite of this machine that renders it by itself.
async fn boot(request: HttpRequest, Kept(ui): Kept<Ui>) -> HttpOutcome {
    let path = request.query("path").unwrap_or_default();
    let uri: Uri = path.parse().ok().filter(|_| path.starts_with('/')).ok_or_else(|| {
        Rejection::new(veche::ErrorCode::BadRequest, "name the page: ?path=/desk").field("path")
    })?;
    let shared = request.kernel().is_shared_page(uri.path());
    let caller = request.caller().filter(|_| !shared).cloned();
    let visitor = Visitor { peer: request.peer(), caller: caller.clone() };
    let outcome = request.kernel().boot(uri.clone(), request.headers().clone(), visitor).await;
    let headers = request.headers().clone();
    let visit = Visit { method: Method::GET, uri, headers, caller, shared, outcome };
    let (preferences, person) = ui.look(&visit).await;
    Ok(json_response(StatusCode::OK, ui.boot(&visit, &preferences, person).to_json()))
}

pub(super) fn router(ui: &Ui) -> Router {
    Router::new().route("/robots.txt", get(robots)).route("/sitemap.xml", get(sitemap)).with_state(ui.clone())
}

async fn robots(State(ui): State<Ui>) -> Response {
    let mut text = "User-agent: *\nDisallow: /api/\nDisallow: /realtime/\n".to_owned();
    if let Some(origin) = &ui.0.around.origin {
        text.push_str("\nSitemap: ");
        text.push_str(origin);
        text.push_str("/sitemap.xml\n");
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// The pages that search engines may keep. A sitemap has whole addresses; a server that does not know its own has none.
async fn sitemap(State(ui): State<Ui>) -> Response {
    let Some(origin) = &ui.0.around.origin else { return StatusCode::NOT_FOUND.into_response() };
    let address = attribute(&format!("{origin}{LANDING}"));
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"><url><loc>{address}</loc></url></urlset>\n"
    );
    ([(header::CONTENT_TYPE, "application/xml")], xml).into_response()
}
