//! How much a renderer may use.

use std::{num::NonZeroUsize, thread, time::Duration};

/// The bounds of a renderer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Threads, each with an engine; half of the cores unless said.
    pub threads: NonZeroUsize,
    /// Renders that may wait; one more is [`Busy`](crate::RenderError::Busy).
    pub queue: usize,
    /// How long a render may take from being asked for, its waiting too.
    pub deadline: Duration,
    /// Bytes that one engine may allocate.
    pub memory_bytes: usize,
    /// Bytes of stack that the bundle may use.
    pub stack_bytes: usize,
    /// After so many renders an engine is made anew, so that what a bundle leaves behind is bounded.
    pub renders_per_engine: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            threads: NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN),
            queue: 64,
            deadline: Duration::from_millis(250),
            memory_bytes: 64 << 20,
            stack_bytes: 512 << 10,
            renders_per_engine: 10_000,
        }
    }
}
