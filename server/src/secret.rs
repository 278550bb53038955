//! What tokens are verified with: the secret of HS256, from the configuration or from a file that a loopback
//! server makes, and the public keys of whoever else issues tokens.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use veche::{KeysError, PublicKeys, RemoteKeys, SecretTooShort, Verifier};

use crate::config::{Config, Host, Secret};

/// The file in the data folder.
pub const FILE: &str = "hs256.secret";

/// Bytes of a secret that we make.
const RANDOM_BYTES: usize = 32;

/// Why there is no secret to verify tokens with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Others reach the server, and no secret was given.
    #[error(
        "listening on {host} lets others in, and `auth.hs256_secret` is not set: a secret made here would be \
         one that your token issuer does not know. Set VECHE_AUTH__HS256_SECRET (or the key \
         auth.hs256_secret) to at least 32 random bytes, such as the output of `openssl rand -base64 32`, \
         or name your issuer's public keys by auth.keys or auth.jwks, or listen on localhost"
    )]
    Missing {
        /// Where the server would listen.
        host: Host,
    },
    /// It is too short to sign with.
    #[error("{origin}: {source}; make one with `openssl rand -base64 32`")]
    TooShort {
        /// The key or the file.
        origin: String,
        /// How short.
        source: SecretTooShort,
    },
    /// The public keys cannot be used.
    #[error("{origin}: {source}")]
    Keys {
        /// The key of the configuration.
        origin: String,
        /// Why not.
        source: KeysError,
    },
    /// The file of the public keys, or of the authorities, cannot be read.
    #[error("{key}: cannot read {}: {source}", path.display())]
    KeysFile {
        /// The key of the configuration.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read or made.
    #[error("cannot use the secret file {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A verifier, and what the operator should hear about the secret.
#[derive(Debug)]
pub struct Resolved {
    /// Verifies and signs.
    pub verifier: Verifier,
    /// Something to put right, for the log.
    pub warning: Option<String>,
}

/// The verifier of this configuration. Makes the secret file if it is needed and missing.
pub fn resolve(config: &Config) -> Result<Resolved, SecretError> {
    let auth = &config.auth;
    let (mut verifier, warning) = with_secrets(config)?;
    if let Some(path) = &auth.keys {
        let read = fs::read(path).map_err(|source| SecretError::KeysFile {
            key: "auth.keys",
            path: path.clone(),
            source,
        })?;
        let origin = || format!("auth.keys ({})", path.display());
        let keys =
            PublicKeys::read(&read).map_err(|source| SecretError::Keys { origin: origin(), source })?;
        verifier = verifier.public_keys(keys);
    }
    if let Some(issuer) = &auth.issuer {
        verifier = verifier.issuer(issuer.clone());
    }
    if let Some(audience) = &auth.audience {
        verifier = verifier.audience(audience.clone());
    }
    Ok(Resolved { verifier, warning })
}

/// The same, and it begins to read the keys of the URL. A command that only signs does without.
pub fn resolve_to_serve(config: &Config) -> Result<Resolved, SecretError> {
    let mut resolved = resolve(config)?;
    if let Some(url) = &config.auth.jwks {
        let refresh = config.auth.jwks_refresh;
        let (origin, started) = match &config.auth.jwks_authorities {
            Some(path) => {
                let key = "auth.jwks_authorities";
                let file = |source| SecretError::KeysFile { key, path: path.clone(), source };
                let authorities = fs::read(path).map_err(file)?;
                (key, RemoteKeys::start_trusting(url, refresh, &authorities))
            }
            None => ("auth.jwks", RemoteKeys::start(url, refresh)),
        };
        let keys = started.map_err(|source| match source {
            KeysError::Url(_) => SecretError::Keys { origin: "auth.jwks".to_owned(), source },
            source => SecretError::Keys { origin: origin.to_owned(), source },
        })?;
        resolved.verifier = resolved.verifier.remote_keys(keys);
    }
    Ok(resolved)
}

fn with_secrets(config: &Config) -> Result<(Verifier, Option<String>), SecretError> {
    let auth = &config.auth;
    let has_keys = auth.keys.is_some() || auth.jwks.is_some();
    let (secret, origin, warning) = match &auth.hs256_secret {
        Some(secret) => (secret.clone(), "auth.hs256_secret".to_owned(), None),
        None if config.server.host.is_loopback() => {
            let path = config.server.data.join(FILE);
            let file_error = |source| SecretError::File { path: path.clone(), source };
            let (secret, warning) = read_or_create(&path).map_err(file_error)?;
            (secret, path.display().to_string(), warning)
        }
        None if has_keys => return Ok((Verifier::new(), None)),
        None => return Err(SecretError::Missing { host: config.server.host }),
    };
    let verifier =
        Verifier::hs256(secret.as_bytes()).map_err(|source| SecretError::TooShort { origin, source })?;
    let Some(previous) = &auth.hs256_previous else { return Ok((verifier, warning)) };
    let too_short = |source| SecretError::TooShort { origin: "auth.hs256_previous".to_owned(), source };
    Ok((verifier.secret(previous.as_bytes()).map_err(too_short)?, warning))
}

fn read_or_create(path: &Path) -> io::Result<(Secret, Option<String>)> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path)?;
            read(path)
        }
        other => other,
    }
}

fn read(path: &Path) -> io::Result<(Secret, Option<String>)> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let warning = (mode & 0o077 != 0).then(|| {
        format!("others of this machine may read {} (mode {mode:04o}): chmod 600 it", path.display())
    });
    Ok((Secret::new(text.trim_end_matches(['\r', '\n'])), warning))
}

/// Puts a new secret in place whole or not at all. When two processes do it at once the first wins: a link does
/// not replace a file, as a rename would.
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let unfinished = folder.join(format!(".{FILE}.{}", URL_SAFE_NO_PAD.encode(random_name()?)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = writeln!(file, "{}", URL_SAFE_NO_PAD.encode(random))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&unfinished, path));
    fs::remove_file(&unfinished)?;
    match written {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn random_name() -> io::Result<[u8; 8]> {
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    Ok(name)
}
