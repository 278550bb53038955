//! Veche's database: the embedded SQLite, one face for SQL, and the durable log.
//!
//! [`Store::write`] and [`Store::read`] run closures as transactions over SQL in a portable subset; the log
//! keeps what channels carried, so that what was saved and what was broadcast cannot diverge: a publication
//! is inserted in the transaction that changes the state it tells of, and is delivered after its commit.
//!
//! ```
//! use veche_kernel::{ChannelName, Clock};
//! use veche_store::{Error, Migration, Options, Store, params};
//!
//! const TABLES: &[Migration] = &[Migration {
//!     name: "cards",
//!     sql: r#"CREATE TABLE card (id TEXT COLLATE "C" NOT NULL PRIMARY KEY, title TEXT NOT NULL)"#,
//! }];
//!
//! # async fn example(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open(folder, Options::new(Clock::real())).await?;
//! store.migrate("desk", TABLES).await?;
//!
//! let board = ChannelName::parse("board:1")?;
//! let channel = board.clone();
//! let position = store
//!     .write(async move |tx| -> Result<_, Error> {
//!         let sql = "INSERT INTO card (id, title) VALUES ($1, $2)";
//!         tx.execute(sql, params!["c1", "Buy milk"]).await?;
//!         tx.channel(&channel).await?.publish("card.added", r#"{"id":"c1"}"#).await
//!     })
//!     .await?;
//!
//! // The state and the head are of one moment: a client subscribes from there and misses nothing.
//! let (titles, head) = store
//!     .snapshot(&board, async |tx| -> Result<Vec<String>, Error> {
//!         tx.rows("SELECT title FROM card ORDER BY id", []).await?.iter().map(|row| row.get("title")).collect()
//!     })
//!     .await?;
//! assert_eq!((titles, head.offset), (vec!["Buy milk".to_owned()], position.offset));
//! # store.close().await;
//! # Ok(())
//! # }
//! # let folder = tempfile::tempdir().unwrap();
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
//! # runtime.block_on(example(folder.path())).unwrap();
//! ```
//!
//! # The portable subset
//! Parameters `$1`, `$2` …; 64-bit integers for times (ms) and money (minor units); every column `NOT NULL`
//! unless its table says why; text keys that sort are `TEXT COLLATE "C"`, bytes `BYTEA`, numbers
//! `DOUBLE PRECISION`; `ON CONFLICT`, `RETURNING`, conditional `UPDATE … WHERE` in place of row locks. No
//! `ANY`, `FOR UPDATE`, `IDENTITY`, `AUTOINCREMENT`, and no `SUM` without `CAST`.

mod backup;
mod connection;
mod direct;
mod error;
mod folder;
mod log;
mod migration;
mod port;
mod readers;
mod revocations;
mod row;
mod sqlite;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod value;
mod writer;

use std::time::Duration;

pub use backup::{backup, restore};
pub use error::{Error, ErrorKind};
pub use log::{ChannelLock, Once, Trimmed};
pub use migration::Migration;
pub use revocations::RevocationTables;
pub use row::{Column, Row};
pub use store::{Options, Store};
pub use tx::{ReadTx, Tx};
pub use value::{FromValue, Value};

/// The longest that a transaction may take.
pub const LIMIT: Duration = Duration::from_secs(5);
