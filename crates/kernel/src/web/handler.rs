//! Handlers of HTTP entries: the request first, then extractors.

use std::{future::Future, sync::Arc};

use super::{Head, HttpOutcome, HttpRequest, IntoHttp, PageRequest};
use crate::{
    call::{State, User},
    handler::BoxFuture,
    kernel::Kernel,
    reply::{IntoReply, Outcome, Rejection},
};

/// An argument of an HTTP entry's handler after the request, made from the request's head and the module's
/// state. A rejected extraction answers the request, and the handler does not run.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of an HTTP entry in a module with the state `{S}`",
    note = "arguments after the request are `State<S>`, `User`, `Kernel`"
)]
pub trait ExtractHead<S>: Sized {
    /// Makes the argument.
    fn extract(head: &Head, state: &S) -> Result<Self, Rejection>;
}

impl<S: Clone> ExtractHead<S> for State<S> {
    fn extract(_: &Head, state: &S) -> Result<Self, Rejection> {
        Ok(Self(state.clone()))
    }
}

impl<S> ExtractHead<S> for User {
    fn extract(head: &Head, _: &S) -> Result<Self, Rejection> {
        head.user().cloned().map(Self)
    }
}

impl<S> ExtractHead<S> for Kernel {
    fn extract(head: &Head, _: &S) -> Result<Self, Rejection> {
        Ok(head.kernel().clone())
    }
}

/// An async function that answers a raw request. Implemented for functions and closures of an
/// [`HttpRequest`] and up to four extractors; nobody implements it by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler of an HTTP entry",
    note = "it is an `async` function or closure of an `HttpRequest` and arguments that implement `ExtractHead`; its future is `Send` and its value implements `IntoHttp`"
)]
pub trait HttpHandler<Arguments, S>: Send + Sync + 'static {
    /// Makes the arguments and runs the function.
    fn run(&self, request: HttpRequest, state: &S) -> BoxFuture<HttpOutcome>;
}

/// An async function that answers with a page's boot data. Implemented for functions and closures of a
/// [`PageRequest`] and up to four extractors; nobody implements it by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler of a page",
    note = "it is an `async` function or closure of a `PageRequest` and arguments that implement `ExtractHead`; its future is `Send` and its value a `Result<T, E>` with `T: serde::Serialize`"
)]
pub trait PageHandler<Arguments, S>: Send + Sync + 'static {
    /// Makes the arguments and runs the function.
    fn run(&self, request: PageRequest, state: &S) -> BoxFuture<Outcome>;
}

macro_rules! handler {
    ($handler:ident, $request:ident, $value:ident, $outcome:ident, $into:ident, $($kind:ident $name:ident)*) => {
        impl<F, Fut, R, S, $($kind,)*> $handler<($request, $($kind,)*), S> for F
        where
            F: Fn($request, $($kind,)*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = R> + Send + 'static,
            R: $value,
            $($kind: ExtractHead<S>,)*
        {
            fn run(&self, request: $request, state: &S) -> BoxFuture<$outcome> {
                // A function without extractors asks for no state.
                let _ = state;
                $(
                    let $name = match $kind::extract(&request.head, state) {
                        Ok(argument) => argument,
                        Err(rejection) => return Box::pin(std::future::ready(Err(rejection))),
                    };
                )*
                let running = self(request, $($name,)*);
                Box::pin(async move { running.await.$into() })
            }
        }
    };
}

macro_rules! handlers {
    ($($kind:ident $name:ident)*) => {
        handler!(HttpHandler, HttpRequest, IntoHttp, HttpOutcome, into_http, $($kind $name)*);
        handler!(PageHandler, PageRequest, IntoReply, Outcome, into_reply, $($kind $name)*);
    };
}

handlers!();
handlers!(A a);
handlers!(A a B b);
handlers!(A a B b C c);
handlers!(A a B b C c D d);

/// A handler with its state bound.
#[derive(Clone)]
pub(crate) enum Bound {
    Http(Arc<dyn Fn(HttpRequest) -> BoxFuture<HttpOutcome> + Send + Sync>),
    Page(Arc<dyn Fn(PageRequest) -> BoxFuture<Outcome> + Send + Sync>),
}
