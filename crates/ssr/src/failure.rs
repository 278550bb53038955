//! What the engine threw, as an error of ours.

use rquickjs::{Ctx, Error};

use crate::error::RenderError;

/// The error, with what was thrown in this context.
pub(crate) fn of(ctx: &Ctx<'_>, error: Error) -> RenderError {
    if !error.is_exception() {
        return RenderError::Script { message: error.to_string(), stack: String::new() };
    }
    let thrown = ctx.catch();
    match thrown.as_exception() {
        Some(exception) => RenderError::Script {
            message: exception.message().unwrap_or_default(),
            stack: exception.stack().unwrap_or_default(),
        },
        // A bundle may throw whatever it likes: a text, a number.
        None => RenderError::Script {
            message: thrown
                .as_string()
                .and_then(|text| text.to_string().ok())
                .unwrap_or_else(|| format!("{thrown:?}")),
            stack: String::new(),
        },
    }
}
