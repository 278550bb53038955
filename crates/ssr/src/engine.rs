//! One engine: a QuickJS runtime with one context, which never leaves its thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rquickjs::{Array, Context, Function, Persistent, Runtime};
use serde::Deserialize;

use crate::{bytecode::Bundle, error::RenderError, failure, settings::Settings};

/// What a bundle makes of a page: `__ssr` returns a list of two texts, all of this but the body as JSON, and the body,
/// which is long, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rendered {
    /// Which page it is, by the bundle's own name for it.
    pub route: String,
    /// The HTTP status that the page asks for.
    pub status: u16,
    /// The page's chunk in the manifest of the browser's files, whose styles and scripts it needs first.
    #[serde(default)]
    pub chunk: Option<String>,
    /// HTML for `<head>`.
    pub head: String,
    /// HTML for the element that the browser hydrates.
    #[serde(skip)]
    pub body: String,
}

/// An engine for one thread, with no queue and no deadline but the one it is told: what each thread of a
/// [`Renderer`](crate::Renderer) has, and what a measurement wants.
pub struct Worker {
    // Before the runtime, which must outlive what is saved of it.
    render: Persistent<Function<'static>>,
    context: Context,
    /// When the engine has to stop, in nanoseconds after `made`.
    until: Arc<AtomicU64>,
    made: Instant,
}

/// The engine may run as long as it likes.
const UNBOUNDED: u64 = u64::MAX;
/// Garbage is collected when so many bytes were allocated. A page's objects mostly go by their counts; QuickJS's own
/// 256 KiB makes it look for cycles several times a render.
const COLLECT_AFTER: usize = 8 << 20;

impl Worker {
    /// Makes an engine and runs the bundle's module, which has to set `globalThis.__ssr`.
    pub fn new(bundle: &Bundle, settings: &Settings) -> Result<Self, RenderError> {
        let engine = |error: rquickjs::Error| RenderError::Engine(error.to_string());
        let runtime = Runtime::new().map_err(engine)?;
        runtime.set_memory_limit(settings.memory_bytes);
        runtime.set_max_stack_size(settings.stack_bytes);
        runtime.set_gc_threshold(COLLECT_AFTER);
        let made = Instant::now();
        let until = Arc::new(AtomicU64::new(nanoseconds(settings.deadline)));
        let bound = until.clone();
        let is_over = move || nanoseconds(made.elapsed()) > bound.load(Ordering::Relaxed);
        runtime.set_interrupt_handler(Some(Box::new(is_over)));
        let context = Context::full(&runtime).map_err(engine)?;
        let render = context.with(|ctx| {
            let run = || {
                let (_, done) = bundle.load(&ctx)?.eval()?;
                done.finish::<()>()?;
                Ok(Persistent::save(&ctx, ctx.globals().get::<_, Function<'_>>("__ssr")?))
            };
            run().map_err(|error| failure::of(&ctx, error))
        })?;
        until.store(UNBOUNDED, Ordering::Relaxed);
        Ok(Self { render, context, until, made })
    }

    /// Renders, for at most so long. After an error the engine may hold what the bundle left half done: drop it.
    pub fn render(&self, boot: &str, at_most: Duration) -> Result<Rendered, RenderError> {
        let end = nanoseconds(self.made.elapsed()).saturating_add(nanoseconds(at_most));
        self.until.store(end, Ordering::Relaxed);
        let outcome = self.context.with(|ctx| {
            let call = || {
                let parts = self.render.clone().restore(&ctx)?.call::<_, Array<'_>>((boot,))?;
                Ok((parts.get::<String>(0)?, parts.get::<String>(1)?))
            };
            call().map_err(|error| failure::of(&ctx, error))
        });
        self.until.store(UNBOUNDED, Ordering::Relaxed);
        match outcome {
            Ok((page, body)) => serde_json::from_str(&page)
                .map(|page| Rendered { body, ..page })
                .map_err(|error| RenderError::NoPage(error.to_string())),
            // An interrupted engine throws as any other does; only the clock tells them apart.
            Err(_) if nanoseconds(self.made.elapsed()) > end => Err(RenderError::Late),
            Err(error) => Err(error),
        }
    }

    /// Bytes that the engine has allocated at the moment.
    pub fn memory_bytes(&self) -> usize {
        let used = self.context.runtime().memory_usage().malloc_size;
        usize::try_from(used).unwrap_or_default()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(UNBOUNDED)
}
