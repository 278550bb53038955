//! Modules: what an application brings to a node.

use std::{borrow::Cow, future::Future, sync::Arc, time::Duration};

use hashbrown::HashMap;
use http::Method;
use veche_protocol::{client::is_reserved, name::ChannelName};

use crate::{
    handler::{BoundHandler, BoxFuture, Handler, Middleware},
    handlers::{Handlers, Options, Registered},
    publication::UserId,
    reply::Rejection,
    rules::{Namespace, Right},
    web::{Bound, HttpHandler, PageHandler, Route, Table, Terms},
};

/// How long a handler may take, unless it says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A named set of handlers and channel rules. `S` is the state that its handlers share.
///
/// ```
/// use veche_kernel::{Audience, Class, Data, Module, Namespace, Rejection, Session};
///
/// let rooms = Namespace { subscribe: Audience::Users, ..Namespace::new("room") };
/// let module: Module = Module::new("rooms")
///     .channel(rooms)
///     .on("room.enter", async |session: Session, Data(room): Data<String>| -> Result<(), Rejection> {
///         session.join(&room).await
///     });
/// ```
pub struct Module<S = ()> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) entries: Vec<Entry<S>>,
    routes: Vec<Route<S>>,
    last: Last,
    channels: Vec<Namespace>,
    guards: Vec<(String, Guard)>,
}

pub(crate) struct Entry<S> {
    pub(crate) event: String,
    pub(crate) options: Options,
    pub(crate) bind: Box<dyn Fn(S) -> BoundHandler + Send + Sync>,
}

/// Which kind of entry was declared last: the options that follow are its.
#[derive(Debug, Clone, Copy)]
enum Last {
    Event,
    Route,
}

/// What a module's rule is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who wants it.
    pub user: UserId,
    /// Which channel.
    pub channel: ChannelName,
    /// What for.
    pub right: Right,
}

pub(crate) type Guard = Arc<dyn Fn(Ask) -> BoxFuture<Result<(), Rejection>> + Send + Sync>;

impl<S: Clone + Send + Sync + 'static> Module<S> {
    /// An empty module.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            entries: Vec::new(),
            routes: Vec::new(),
            last: Last::Event,
            channels: Vec::new(),
            guards: Vec::new(),
        }
    }

    /// Answers calls of this event. A name may end in a parameter, as `balance:updated:{user}`, which the
    /// handler takes as [`crate::Parameter`].
    #[must_use]
    pub fn on<Arguments: 'static, H: Handler<Arguments, S>>(
        mut self,
        event: impl Into<String>,
        handler: H,
    ) -> Self {
        let handler = Arc::new(handler);
        let bind = move |state: S| -> BoundHandler {
            let handler = handler.clone();
            Arc::new(move |call| handler.run(call, &state))
        };
        let options = Options { deadline: DEADLINE, concurrent: false, quiet: false };
        self.entries.push(Entry { event: event.into(), options, bind: Box::new(bind) });
        self.last = Last::Event;
        self
    }

    /// Answers raw requests of this method and path. `{name}` in the path takes one segment and `{*rest}`
    /// all that follow; the handler reads them by [`Head::parameter`](crate::web::Head::parameter). Its
    /// arguments are the [`HttpRequest`](crate::web::HttpRequest), then extractors. Middleware does not
    /// stand around it.
    #[must_use]
    pub fn http<Arguments: 'static, H: HttpHandler<Arguments, S>>(
        self,
        method: Method,
        path: impl Into<String>,
        handler: H,
    ) -> Self {
        let handler = Arc::new(handler);
        self.route(Some(method), path.into(), move |state: S| {
            let handler = handler.clone();
            Bound::Http(Arc::new(move |request| handler.run(request, &state)))
        })
    }

    /// Answers with the boot data of the page at this path: what the page shows first, as JSON. The pattern
    /// is one of [`Module::http`]'s, and so are the arguments, after a
    /// [`PageRequest`](crate::web::PageRequest).
    #[must_use]
    pub fn page<Arguments: 'static, H: PageHandler<Arguments, S>>(
        self,
        path: impl Into<String>,
        handler: H,
    ) -> Self {
        let handler = Arc::new(handler);
        self.route(None, path.into(), move |state: S| {
            let handler = handler.clone();
            Bound::Page(Arc::new(move |request| handler.run(request, &state)))
        })
    }

    fn route(
        mut self,
        method: Option<Method>,
        path: String,
        bind: impl Fn(S) -> Bound + Send + Sync + 'static,
    ) -> Self {
        self.routes.push(Route { method, path, terms: Terms::default(), bind: Box::new(bind) });
        self.last = Last::Route;
        self
    }

    /// Changes how long the last handler may take (10 s unless said); past it the caller is answered
    /// `timeout`, the handler is dropped at its next await, and the session goes on. An HTTP entry reads
    /// its request's body in that time, too.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        match self.last {
            Last::Event => {
                if let Some(entry) = self.entries.last_mut() {
                    entry.options.deadline = deadline;
                }
            }
            Last::Route => {
                if let Some(route) = self.routes.last_mut() {
                    route.terms.deadline = deadline;
                }
            }
        }
        self
    }

    /// Changes how many bytes the body of a request to the last HTTP entry may have (1 MiB unless said).
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        if let (Last::Route, Some(route)) = (self.last, self.routes.last_mut()) {
            route.terms.body_limit = bytes;
        }
        self
    }

    /// Lets the session's later frames overtake the last handler while it runs.
    #[must_use]
    pub fn concurrent(mut self) -> Self {
        if let (Last::Event, Some(entry)) = (self.last, self.entries.last_mut()) {
            entry.options.concurrent = true;
        }
        self
    }

    /// Leaves credentials to the last HTTP entry: the door does not look at them, and the request has no
    /// caller. For webhooks and for keys that are no users'.
    #[must_use]
    pub fn own_credentials(mut self) -> Self {
        if let (Last::Route, Some(route)) = (self.last, self.routes.last_mut()) {
            route.terms.own_credentials = true;
        }
        self
    }

    /// Says that the last page shows everybody the same, so that what is made of it may be made once for all: its
    /// handler sees no caller, no cookie and no credential, whoever asks.
    #[must_use]
    pub fn shared(mut self) -> Self {
        if let (Last::Route, Some(route)) = (self.last, self.routes.last_mut()) {
            route.terms.shared = true;
        }
        self
    }

    /// Declares the channels of a namespace; the module owns it, and the configuration cannot declare it
    /// again.
    #[must_use]
    pub fn channel(mut self, namespace: Namespace) -> Self {
        self.channels.push(namespace);
        self
    }

    /// Asks this function too, after the namespace's own rule, or the client's token, has allowed it. The
    /// answer to `subscribe` is kept with the subscription until [`Kernel::recheck`](crate::Kernel::recheck).
    #[must_use]
    pub fn guard<F, Fut>(mut self, namespace: impl Into<String>, rule: F) -> Self
    where
        F: Fn(Ask) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Rejection>> + Send + 'static,
    {
        self.guards.push((namespace.into(), Arc::new(move |ask| Box::pin(rule(ask)))));
        self
    }

    /// Gives the handlers their state, and makes the module ready to be mounted.
    #[must_use]
    pub fn with_state(self, state: S) -> Module {
        let bound = |entry: Entry<S>| {
            let handler = (entry.bind)(state.clone());
            Entry {
                event: entry.event,
                options: entry.options,
                bind: Box::new(move |()| handler.clone()) as Box<dyn Fn(()) -> BoundHandler + Send + Sync>,
            }
        };
        let entries = self.entries.into_iter().map(bound).collect();
        let routed = |route: Route<S>| {
            let Route { method, path, terms, bind } = route;
            let handler = bind(state.clone());
            Route { method, path, terms, bind: Box::new(move |()| handler.clone()) }
        };
        let routes = self.routes.into_iter().map(routed).collect();
        let (name, last) = (self.name, self.last);
        Module { name, entries, routes, last, channels: self.channels, guards: self.guards }
    }
}

/// Why a node cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two modules answer one event, or one does twice.
    #[error("the event {event:?} of the module {module:?} has a handler already")]
    DoubledEvent {
        /// The event.
        event: String,
        /// The later module.
        module: String,
    },
    /// The name belongs to the protocol, or is malformed.
    #[error("the event name {event:?} of the module {module:?} cannot be used: {why}")]
    InvalidEvent {
        /// The event.
        event: String,
        /// The module.
        module: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two entries answer one method and path.
    #[error("{method} {path:?} of the module {module:?} has a handler already")]
    DoubledPath {
        /// The method; `page` for a page.
        method: String,
        /// The path.
        path: String,
        /// The later module.
        module: String,
    },
    /// A path is malformed, or could be taken for another entry's.
    #[error("the path {path:?} of the module {module:?} cannot be used: {why}")]
    InvalidPath {
        /// The path.
        path: String,
        /// The module.
        module: String,
        /// What is wrong with it.
        why: String,
    },
    /// A namespace is malformed or declared twice.
    #[error(transparent)]
    Rules(#[from] crate::rules::RulesError),
    /// A guard for a namespace that nobody declares.
    #[error("the module {module:?} guards the namespace {namespace:?}, which is not declared")]
    UnknownNamespace {
        /// The namespace.
        namespace: String,
        /// The module.
        module: String,
    },
    /// A durable namespace on a node that has no log.
    #[error("the namespace {namespace:?} is durable, and this node has no log to keep it in")]
    NoLog {
        /// The namespace.
        namespace: String,
    },
    /// The operating system refused.
    #[error("failed to start the node's threads: {0}")]
    Start(String),
}

/// All modules of a node, put together.
#[derive(Default)]
pub(crate) struct Registry {
    handlers: Handlers,
    guards: HashMap<String, Guard>,
    pub(crate) table: Table,
    pub(crate) layers: Arc<[Arc<dyn Middleware>]>,
}

impl Registry {
    pub(crate) fn new(layers: Vec<Arc<dyn Middleware>>) -> Self {
        Self { layers: layers.into(), ..Self::default() }
    }

    /// Adds a module's entries and guards, and hands its namespaces over.
    pub(crate) fn mount(&mut self, module: Module) -> Result<Vec<Namespace>, BuildError> {
        let name = module.name.to_string();
        for entry in module.entries {
            if is_reserved(&entry.event) {
                let why = "it is a name of the protocol";
                return Err(BuildError::InvalidEvent { event: entry.event, module: name, why });
            }
            self.handlers.add(entry, &name)?;
        }
        for route in module.routes {
            self.table.add(route, &name)?;
        }
        for (namespace, guard) in module.guards {
            if !module.channels.iter().any(|declared| declared.name == namespace) {
                return Err(BuildError::UnknownNamespace { namespace, module: name });
            }
            self.guards.insert(namespace, guard);
        }
        Ok(module.channels)
    }

    /// The handler of an event, and the event's parameter.
    pub(crate) fn find<'a>(&self, event: &'a str) -> Option<(&Registered, Option<&'a str>)> {
        self.handlers.find(event)
    }

    pub(crate) fn guard(&self, namespace: &str) -> Option<&Guard> {
        self.guards.get(namespace)
    }
}
