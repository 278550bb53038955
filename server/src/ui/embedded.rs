//! The web UI's files, as the build script has put them into the binary.

include!(concat!(env!("OUT_DIR"), "/web/web.rs"));

/// One file of the browser's.
#[derive(Debug)]
pub struct File {
    /// Where it is served.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// Compressed by gzip, where that is worth it.
    pub gzip: Option<&'static [u8]>,
    /// Compressed by brotli, likewise.
    pub brotli: Option<&'static [u8]>,
}
