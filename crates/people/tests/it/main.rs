//! People over a real store.

mod abuse;
mod demonstration;
mod files;
mod files_door;
mod friends;
mod inbox;
mod inbox_model;
mod mail;
mod passwords;
mod post_offices;
mod registering;
mod sign_ins;
mod support;
mod town;
