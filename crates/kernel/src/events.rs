//! Handlers of a door's own events, beside those that all doors share.

use std::sync::Arc;

use crate::{
    handler::{Handler, Middleware},
    handlers::{Handlers, Options, Registered},
    module::{BuildError, DEADLINE, Module},
};

/// What answers the events of some of a door's sessions: those of a namespace of Socket.IO.
///
/// Its handlers come before the node's own, and their names may be the native protocol's. One that returns nothing leaves
/// its client without an answer, unless it gives one by [`Call::answer`](crate::Call::answer).
///
/// ```
/// use veche_kernel::{Data, Events, Module, Rejection};
///
/// let module = Module::new("echo")
///     .on("message", async |Data(text): Data<String>| -> Result<String, Rejection> { Ok(text) });
/// let events = Events::of(module)?.otherwise(async || ());
/// # let _ = events;
/// # Ok::<(), veche_kernel::BuildError>(())
/// ```
#[derive(Default)]
pub struct Events {
    handlers: Handlers,
    otherwise: Option<Registered>,
    /// Around all of these handlers, inside of the node's own.
    pub(crate) layers: Arc<[Arc<dyn Middleware>]>,
}

impl Events {
    /// The events that a module answers.
    pub fn of(module: Module) -> Result<Self, BuildError> {
        Ok(Self { handlers: Handlers::of(module)?, ..Self::default() })
    }

    /// Takes what nothing else answers.
    #[must_use]
    pub fn otherwise<Arguments: 'static, H: Handler<Arguments, ()>>(mut self, handler: H) -> Self {
        let options = Options { deadline: DEADLINE, concurrent: false, quiet: true };
        self.otherwise = Some(Registered { handler: Arc::new(move |call| handler.run(call, &())), options });
        self
    }

    /// Stands around every event of these sessions, also around those that the node answers.
    #[must_use]
    pub fn layers(mut self, layers: Vec<Arc<dyn Middleware>>) -> Self {
        self.layers = layers.into();
        self
    }

    pub(crate) fn find<'a>(&self, event: &'a str) -> Option<(&Registered, Option<&'a str>)> {
        self.handlers.find(event)
    }

    pub(crate) fn last_resort(&self) -> Option<&Registered> {
        self.otherwise.as_ref()
    }
}
