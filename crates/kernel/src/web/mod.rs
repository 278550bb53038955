//! A module's entries for plain HTTP: `http` for raw requests and responses, `page` for a page's boot data.
//!
//! The kernel serves no HTTP. It knows the entries by method and path and runs their handlers; a door brings
//! requests in the types of the crates `http` and `bytes`. Deliberately absent: a framework, cookies, caches.

mod body;
mod handler;
mod json;
mod request;
mod response;
mod table;

pub use self::{
    body::{Body, BodyError},
    handler::{ExtractHead, HttpHandler, PageHandler},
    json::read_json,
    request::{Caller, Credential, Head, HttpRequest, PageRequest, Request, Visitor},
    response::{HttpOutcome, HttpResponse, IntoHttp, Json, json_response},
    table::{HttpEntry, Mounted},
};
pub(crate) use self::{
    handler::Bound,
    json::field_of,
    response::status_of,
    table::{Route, Table, Terms},
};
