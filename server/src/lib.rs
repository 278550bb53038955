//! The binary `veche`: configuration, command line, wiring, health, metrics and logs.
//!
//! It is a library with a thin `main`, so that the tests reach its parts. Deliberately absent: any rule of a
//! channel or of a product; those live in the crate `veche` and in modules.

pub mod apps;
pub mod cli;
pub mod config;
pub mod control;
pub mod demo;
pub mod health;
pub mod key;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod people;
pub mod secret;
pub mod serve;
pub mod store;
pub mod token;
pub mod ui;
