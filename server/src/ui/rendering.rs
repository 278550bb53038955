//! The renderer with its cache, and what is counted of it. Without the feature `ssr` nothing is rendered here, and the
//! browser makes every page.

use std::{sync::Arc, time::Duration};

use super::page::Page;

/// What a bundle made of a boot.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) status: u16,
    pub(super) chunk: Option<String>,
    pub(super) head: String,
    pub(super) body: String,
}

#[cfg(feature = "ssr")]
pub(super) use self::quickjs::Rendering;

#[cfg(not(feature = "ssr"))]
pub(super) use self::absent::Rendering;

#[cfg(feature = "ssr")]
mod quickjs {
    use metrics::{counter, histogram};
    use veche_ssr::{Bundle, Cache, Key, RenderError, Renderer, Settings, Weigh};

    use super::{Arc, Duration, Page, Rendered};

    /// Pages that are kept, in bytes of HTML and its compressed form.
    const CACHE_BYTES: usize = 32 << 20;

    /// Renders, and keeps what was rendered.
    #[derive(Debug)]
    pub(in super::super) struct Rendering {
        renderer: Option<Renderer>,
        cache: Cache<Page, RenderError>,
    }

    impl Weigh for Page {
        fn weight(&self) -> usize {
            self.bytes()
        }
    }

    impl Rendering {
        /// Of this bundle; one that does not run is told to the log, and every page is the browser's.
        pub(in super::super) fn new(bundle: &str, deadline: Duration) -> Self {
            let settings = Settings { deadline, ..Settings::default() };
            let start = || Renderer::start(Bundle::compile(bundle)?, settings);
            let renderer = start().inspect_err(|error| {
                tracing::error!(%error, "pages are not rendered here: the bundle does not run");
            });
            Self { renderer: renderer.ok(), cache: Cache::new(CACHE_BYTES) }
        }

        /// The page of this key. Where it has to be made, the boot is rendered and `dress` makes the document of it.
        /// `None`: there is no HTML, and why is logged and counted.
        pub(in super::super) async fn page(
            &self,
            key: Key,
            boot: &str,
            dress: impl FnOnce(Rendered) -> Page,
        ) -> Option<Arc<Page>> {
            let renderer = self.renderer.as_ref()?;
            let made = self.cache.get(key, async || {
                let began = std::time::Instant::now();
                let rendered = renderer.render(boot.to_owned()).await?;
                histogram!("veche_ssr_seconds").record(began.elapsed().as_secs_f64());
                counter!("veche_ssr_renders_total", "outcome" => "rendered").increment(1);
                let veche_ssr::Rendered { status, chunk, head, body, .. } = rendered;
                Ok(dress(Rendered { status, chunk, head, body }))
            });
            match made.await {
                Ok(page) => Some(page),
                Err(error) => {
                    counter!("veche_ssr_renders_total", "outcome" => word(&error)).increment(1);
                    tracing::warn!(%error, "a page is left to the browser");
                    None
                }
            }
        }
    }

    fn word(error: &RenderError) -> &'static str {
        match error {
            RenderError::Busy => "busy",
            RenderError::Late => "late",
            _ => "failed",
        }
    }
}

#[cfg(not(feature = "ssr"))]
mod absent {
    use super::{Arc, Duration, Page, Rendered};

    /// Renders nothing.
    #[derive(Debug)]
    pub(in super::super) struct Rendering;

    impl Rendering {
        pub(in super::super) fn new(_: &str, _: Duration) -> Self {
            Self
        }

        pub(in super::super) fn page(
            &self,
            _: [u8; 32],
            _: &str,
            _: impl FnOnce(Rendered) -> Page,
        ) -> std::future::Ready<Option<Arc<Page>>> {
            std::future::ready(None)
        }
    }
}
