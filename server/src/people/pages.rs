//! The pages that mailed links lead to. A mail scanner may open them: nothing happens before somebody sends the
//! form.

use axum::{Router, routing::get};

use crate::demo::{CSS, HTML, SCRIPT, SVG, file};

/// `/people/confirm`, `/people/reset` and `/people/sign-in`, with their files.
pub(super) fn router() -> Router {
    let page = || async { file(HTML, include_str!("../../assets/people.html")) };
    Router::new()
        .route("/people/confirm", get(page))
        .route("/people/reset", get(page))
        .route("/people/sign-in", get(page))
        .route("/people/people.css", get(async || file(CSS, include_str!("../../assets/people.css"))))
        .route("/people/mark.svg", get(async || file(SVG, include_str!("../../assets/mark.svg"))))
        .route("/people/people.js", get(async || file(SCRIPT, include_str!("../../assets/people.js"))))
}
