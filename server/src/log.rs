//! Logs: one line an event, as text or JSON, on standard error.
//!
//! What a peer sent may end up in a message, so control characters are escaped in both formats: nobody can forge
//! a second line or drive the terminal of who reads it.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
};

use crate::config::{Log, LogFormat};

/// Sends this process's events to standard error. Does nothing if another subscriber is there already.
pub fn install(log: &Log) {
    // A test, or a program that embeds the server, may have its own; that one was chosen on purpose.
    let _ = tracing::subscriber::set_global_default(subscriber(log, std::io::stderr));
}

/// The subscriber, writing to anything.
pub fn subscriber<W>(log: &Log, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse_lossy(&log.level);
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let layer = match log.format {
        LogFormat::Text => layer.map_event_format(|format| OneLine { format, escape: escape_text }).boxed(),
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .map_event_format(|format| OneLine { format, escape: escape_json })
            .boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer)
}

/// Another format, whose output becomes one line without control characters.
struct OneLine<F> {
    format: F,
    escape: fn(char, &mut Writer<'_>) -> fmt::Result,
}

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        for c in line.strip_suffix('\n').unwrap_or(&line).chars() {
            if is_unsafe(c) { (self.escape)(c, &mut writer)? } else { writer.write_char(c)? }
        }
        writer.write_char('\n')
    }
}

/// Control characters, Unicode's line ends, and what turns the direction of the text around it.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape_text(c: char, out: &mut Writer<'_>) -> fmt::Result {
    write!(out, "{}", c.escape_default())
}

/// All that `is_unsafe` finds is of the basic plane: four digits hold it.
fn escape_json(c: char, out: &mut Writer<'_>) -> fmt::Result {
    write!(out, "\\u{:04x}", u32::from(c))
}
