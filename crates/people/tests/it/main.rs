//! People over a real store.

mod friends;
mod inbox;
mod inbox_model;
mod town;
