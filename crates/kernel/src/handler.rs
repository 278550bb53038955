//! Handlers: plain async functions whose arguments are extractors.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    call::{Call, Extract},
    reply::{IntoReply, Outcome},
};

/// A future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An async function that answers a call. Implemented for functions and closures of up to eight
/// extractors; nobody implements it by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    note = "a handler is an `async` function or closure; each argument implements `Extract`, the return value `IntoReply`, and its future is `Send`"
)]
pub trait Handler<Arguments, S>: Send + Sync + 'static {
    /// Makes the arguments and runs the function.
    fn run(&self, call: Call, state: &S) -> BoxFuture<Outcome>;
}

impl<F, Fut, R, S> Handler<(), S> for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoReply,
{
    fn run(&self, _: Call, _: &S) -> BoxFuture<Outcome> {
        let running = self();
        Box::pin(async move { running.await.into_reply() })
    }
}

macro_rules! handler {
    ($($argument:ident)*) => {
        impl<F, Fut, R, S, $($argument,)*> Handler<($($argument,)*), S> for F
        where
            F: Fn($($argument,)*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = R> + Send + 'static,
            R: IntoReply,
            $($argument: Extract<S>,)*
        {
            #[expect(non_snake_case, reason = "the arguments bear their types' names")]
            fn run(&self, call: Call, state: &S) -> BoxFuture<Outcome> {
                $(
                    let $argument = match $argument::extract(&call, state) {
                        Ok(argument) => argument,
                        Err(rejection) => return Box::pin(std::future::ready(Err(rejection))),
                    };
                )*
                let running = self($($argument,)*);
                Box::pin(async move { running.await.into_reply() })
            }
        }
    };
}

handler!(A);
handler!(A B);
handler!(A B C);
handler!(A B C D);
handler!(A B C D E);
handler!(A B C D E G);
handler!(A B C D E G H);
handler!(A B C D E G H I);

/// A handler with its arguments and state bound.
pub(crate) type BoundHandler = Arc<dyn Fn(Call) -> BoxFuture<Outcome> + Send + Sync>;

/// What stands around every handler: it may look, refuse, or change the outcome.
///
/// ```
/// use veche_kernel::{Call, Next, Outcome};
///
/// async fn log(call: Call, next: Next) -> Outcome {
///     let event = call.event().to_owned();
///     let outcome = next.run(call).await;
///     println!("{event}: {}", if outcome.is_ok() { "ok" } else { "refused" });
///     outcome
/// }
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Takes the call; `next` goes on with it.
    fn around(&self, call: Call, next: Next) -> BoxFuture<Outcome>;
}

impl<F, Fut> Middleware for F
where
    F: Fn(Call, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    fn around(&self, call: Call, next: Next) -> BoxFuture<Outcome> {
        Box::pin(self(call, next))
    }
}

/// The rest of the way to the handler.
pub struct Next {
    layers: Arc<[Arc<dyn Middleware>]>,
    at: usize,
    handler: BoundHandler,
}

impl Next {
    pub(crate) fn new(layers: Arc<[Arc<dyn Middleware>]>, handler: BoundHandler) -> Self {
        Self { layers, at: 0, handler }
    }

    /// Goes on with the call.
    pub fn run(mut self, call: Call) -> BoxFuture<Outcome> {
        match self.layers.get(self.at).cloned() {
            Some(layer) => {
                self.at += 1;
                layer.around(call, self)
            }
            None => (self.handler)(call),
        }
    }
}
