//! Files: uploaded by their owners, shown to whom the application lets.
//!
//! ```
//! use veche_kernel::{Clock, Kernel};
//! use veche_people::files::{Ask, FileLimits, Files};
//! use veche_store::{Options, Store};
//!
//! # async fn example(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open(folder, Options::new(Clock::real())).await?;
//! let files = Files::open(&store, folder, FileLimits::default()).await?;
//! // Whoever is on the board may see what is attached to its cards: the application knows.
//! let files = files.allow(async |ask: Ask| Ok(ask.user.is_some_and(|user| user.as_str() == "bob")));
//! let kernel = Kernel::builder().log(std::sync::Arc::new(store)).mount(files.module()).build()?;
//! # drop(kernel);
//! # Ok(())
//! # }
//! # let folder = tempfile::tempdir().unwrap();
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
//! # runtime.block_on(example(folder.path())).unwrap();
//! ```
//!
//! A file's content lies in the data folder under the name of its SHA-256, once however often it was uploaded;
//! its row in the database has all else. An id is 128 random bits and no right: who may download is the owner
//! and whom a rule lets, asked each time. Paths, names and types never come from a client: an id leads to a
//! row, a row to a digest, and the type is read from the content. Deliberately absent: thumbnails, multipart
//! forms, and a backup of the folder, which is copied beside the database's.

mod access;
mod blobs;
mod download;
mod error;
mod handlers;
mod id;
mod incoming;
mod kind;
mod name;
mod range;
mod shelf;
mod store;
mod upload;

pub use access::Ask;
pub use error::FilesError;
pub use id::FileId;
pub use kind::Kind;
pub use shelf::{FileLimits, Files};
pub use store::{File, find};
