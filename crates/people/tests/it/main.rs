//! People over a real store.

mod friends;
mod town;
