//! Embeds the web UI: every file of `web/dist/client` with its compressed forms, the manifest, and the server's bundle.
//!
//! Node is never run here. Where `web/dist` is missing, the binary has a page that says how to build it.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Below it compression gains less than its header costs.
const WORTH_COMPRESSING: usize = 512;
/// Kinds by the file's ending, and whether they are text that shrinks.
const KINDS: &[(&str, &str, bool)] = &[
    ("js", "text/javascript; charset=utf-8", true),
    ("html", "text/html; charset=utf-8", true),
    ("css", "text/css; charset=utf-8", true),
    ("svg", "image/svg+xml", true),
    ("json", "application/json", true),
    ("webmanifest", "application/manifest+json", true),
    ("txt", "text/plain; charset=utf-8", true),
    ("png", "image/png", false),
    ("webp", "image/webp", false),
    ("ico", "image/x-icon", false),
    ("woff2", "font/woff2", false),
];

fn main() -> Result<(), Box<dyn Error>> {
    let web = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../web/dist");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("web");
    println!("cargo::rerun-if-changed=build.rs");
    // A path that is not there would make cargo run this at each build. The folder is nobody's but the build's.
    if fs::create_dir_all(&web).is_ok() {
        println!("cargo::rerun-if-changed={}", web.display());
    }
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    let client = web.join("client");
    let (manifest, bundle) = (client.join(".vite/manifest.json"), web.join("ssr/ssr.js"));
    let code = if manifest.is_file() && bundle.is_file() {
        let mut files = Vec::new();
        walk(&client, &mut files)?;
        files.sort();
        embedding(&client, &files, &out, &[manifest, bundle])?
    } else {
        println!(
            "cargo::warning=the web UI is not built: `cargo xtask run` builds it, or `npm run build -w web`"
        );
        embedding(&client, &[], &out, &[])?
    };
    fs::write(out.join("web.rs"), code)?;
    Ok(())
}

/// All files below a folder but those of hidden folders.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !is_hidden {
            walk(&path, files)?;
        } else if path.is_file() && !is_hidden {
            files.push(path);
        }
    }
    Ok(())
}

/// The code of the tables.
fn embedding(
    client: &Path,
    files: &[PathBuf],
    out: &Path,
    texts: &[PathBuf],
) -> Result<String, Box<dyn Error>> {
    let mut code = String::from("pub(super) static FILES: &[File] = &[\n");
    for (number, path) in files.iter().enumerate() {
        let below = path.strip_prefix(client)?.to_string_lossy().replace('\\', "/");
        let Some((kind, is_text)) = kind(path) else {
            println!(
                "cargo::warning=web/dist/client/{below} has an ending that nobody knows; it is left out"
            );
            continue;
        };
        let bytes = fs::read(path)?;
        let (gzip, brotli) = if is_text && bytes.len() >= WORTH_COMPRESSING {
            let [gzip, brotli] = [out.join(format!("{number}.gz")), out.join(format!("{number}.br"))];
            fs::write(&gzip, gzipped(&bytes)?)?;
            fs::write(&brotli, brotlied(&bytes)?)?;
            (included(Some(&gzip)), included(Some(&brotli)))
        } else {
            (included(None), included(None))
        };
        let plain = path.display().to_string();
        writeln!(
            code,
            "    File {{ path: {:?}, kind: {kind:?}, plain: include_bytes!({plain:?}), gzip: {gzip}, brotli: {brotli} }},",
            format!("/{below}")
        )?;
    }
    code.push_str("];\n");
    for (name, place) in [("MANIFEST", 0), ("BUNDLE", 1)] {
        let text = texts
            .get(place)
            .map_or("\"\"".to_owned(), |path| format!("include_str!({:?})", path.display().to_string()));
        writeln!(code, "pub(super) static {name}: &str = {text};")?;
    }
    Ok(code)
}

fn kind(path: &Path) -> Option<(&'static str, bool)> {
    let ending = path.extension()?.to_str()?;
    KINDS.iter().find(|(known, ..)| *known == ending).map(|(_, kind, is_text)| (*kind, *is_text))
}

fn included(path: Option<&Path>) -> String {
    path.map_or("None".to_owned(), |path| format!("Some(include_bytes!({:?}))", path.display().to_string()))
}

fn gzipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotlied(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut compressed, 4096, 11, 22);
    encoder.write_all(bytes)?;
    encoder.flush()?;
    drop(encoder);
    Ok(compressed)
}
