//! Why there is no HTML.

/// Why a bundle does not render. Every kind leaves the renderer ready for the next render.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// Too many renders wait already; this one was not begun.
    #[error("too many renders wait")]
    Busy,
    /// The deadline was over: while it waited, or while it ran and was ended.
    #[error("the render took too long")]
    Late,
    /// The bundle threw, or does not compile.
    #[error("the bundle failed: {message}\n{stack}")]
    Script {
        /// What the error says.
        message: String,
        /// Where, as the engine tells it: a line for each call, the innermost first.
        stack: String,
    },
    /// The bundle returned something else than `{route, status, head, body}` as JSON.
    #[error("the bundle returned what is no page: {0}")]
    NoPage(String),
    /// An engine or a thread cannot be made.
    #[error("failed to make an engine: {0}")]
    Engine(String),
}
