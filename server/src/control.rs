//! How the command line speaks to the server that runs on the same data folder: a socket in that folder, which
//! nobody else can reach.
//!
//! One line of JSON asks, one answers. Whoever may open the socket may read the database and the secret beside
//! it, so nothing more is asked for.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader as AsyncBufReader},
    net::{UnixListener, UnixStream as AsyncUnixStream},
};
use veche::{Kernel, Revocation, TokenId, UserId};

use crate::{
    config::Config,
    store::{self, StoreError},
};

/// The socket in the data folder.
const FILE: &str = "veche.sock";
/// Bytes of a line.
const LINE: u64 = 4 << 10;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of a server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Asked {
    RevokeUser(String),
    RevokeToken(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    error: Option<String>,
}

/// What a command could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is neither a user nor a token of that name.
    #[error("--user is a user's id, --token a token's: 1 to 128 bytes without control characters")]
    Name,
    /// The server has refused.
    #[error("the server: {0}")]
    Refused(String),
    /// No server answers, and the database cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server does not answer.
    #[error("cannot speak to the server by {}: {source}", path.display())]
    Socket {
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Whose credentials are revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// All of a user's that were issued so far.
    User(String),
    /// The one of this id.
    Token(String),
}

/// `veche revoke`: by the server that runs on the data folder, or into its database where none runs.
pub fn revoke(config: &Config, whose: &Whose) -> Result<(), ControlError> {
    let asked = match whose {
        Whose::User(user) => Asked::RevokeUser(user.clone()),
        Whose::Token(token) => Asked::RevokeToken(token.clone()),
    };
    let what = asked.revocation(veche::Clock::real().wall_ms()).ok_or(ControlError::Name)?;
    let path = config.server.data.join(FILE);
    match UnixStream::connect(&path) {
        Ok(stream) => match ask(stream, &asked) {
            Ok(Answer { error: None }) => Ok(()),
            Ok(Answer { error: Some(error) }) => Err(ControlError::Refused(error)),
            Err(source) => Err(ControlError::Socket { path, source }),
        },
        Err(error) if is_nobody(&error) => Ok(store::revoke(config, what)?),
        Err(source) => Err(ControlError::Socket { path, source }),
    }
}

/// Nobody listens: there is no socket, or one that a killed server has left.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn ask(mut stream: UnixStream, asked: &Asked) -> io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(asked)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(LINE)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

impl Asked {
    fn revocation(&self, now_ms: u64) -> Option<Revocation> {
        match self {
            Self::RevokeUser(user) => {
                TokenId::parse(user).map(|_| Revocation::User(UserId::from(user.as_str()), now_ms))
            }
            Self::RevokeToken(token) => TokenId::parse(token).map(Revocation::Token),
        }
    }
}

/// The socket of a server; it goes with the server.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
}

impl Control {
    /// Listens in the data folder, which is there. A second server on it leaves the socket to the first.
    pub fn listen(data: &Path, kernel: &Kernel) -> io::Result<Self> {
        let path = data.join(FILE);
        match UnixStream::connect(&path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(&path)?,
            Err(_) => {}
        }
        fs::create_dir_all(data)?;
        let runtime = kernel.handlers().enter();
        let listener = UnixListener::bind(&path)?;
        drop(runtime);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        kernel.handlers().spawn(accept(listener, kernel.clone()));
        Ok(Self { path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // One that stays is found dead by the next server.
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, kernel: Kernel) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let kernel = kernel.clone();
                tokio::spawn(async move { tokio::time::timeout(PATIENCE, answer(stream, &kernel)).await });
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a command");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut stream: AsyncUnixStream, kernel: &Kernel) -> io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    AsyncBufReader::new(reading.take(LINE)).read_line(&mut line).await?;
    let error = carry_out(kernel, &line).await.err();
    let mut answer = serde_json::to_vec(&Answer { error })?;
    answer.push(b'\n');
    writing.write_all(&answer).await
}

async fn carry_out(kernel: &Kernel, line: &str) -> Result<(), String> {
    let asked: Asked = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let what = asked.revocation(kernel.clock().wall_ms()).ok_or("no such name")?;
    tracing::info!(?what, "credentials are revoked");
    kernel.revoke(what).await.map_err(|rejection| rejection.to_string())
}
