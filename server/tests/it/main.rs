//! The tests of the binary's parts, one module a behaviour.

mod cli;
mod config;
mod demo;
mod health;
mod log;
mod secret;
mod serve;
