//! People over a real store.

mod files;
mod friends;
mod inbox;
mod inbox_model;
mod town;
