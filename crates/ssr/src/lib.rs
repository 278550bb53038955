//! Renders the web UI's server bundle in QuickJS, so that HTML comes from one binary, with no Node at run time.
//!
//! A [`Renderer`] owns a few threads, each with an engine of its own; what it is asked for waits in one short queue.
//! [`Cache`] keeps what was made, and lets many askers wait for one making. Both know nothing of pages, users or
//! HTTP: the bundle takes a text and gives a [`Rendered`], and a key is whatever its maker says.
//!
//! ```
//! use veche_ssr::{Bundle, Renderer, Settings};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), veche_ssr::RenderError> {
//! let bundle = Bundle::compile(
//!     "globalThis.__ssr = (boot) => [
//!         JSON.stringify({ route: 'hello', status: 200, head: '<title>Hello</title>' }),
//!         `<p>${JSON.parse(boot).name}</p>`,
//!     ]",
//! )?;
//! let renderer = Renderer::start(bundle, Settings::default())?;
//! let page = renderer.render(r#"{"name":"Ann"}"#.to_owned()).await?;
//! assert_eq!(page.body, "<p>Ann</p>");
//! # Ok(())
//! # }
//! ```

mod bytecode;
mod cache;
mod engine;
mod error;
mod failure;
mod renderer;
mod settings;

pub use bytecode::Bundle;
pub use cache::{Cache, Key, Weigh};
pub use engine::{Rendered, Worker};
pub use error::RenderError;
pub use renderer::Renderer;
pub use settings::Settings;
