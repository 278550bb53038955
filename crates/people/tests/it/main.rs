//! People over a real store.

mod files;
mod files_door;
mod friends;
mod inbox;
mod inbox_model;
mod post_offices;
mod town;
