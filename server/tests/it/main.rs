//! The tests of the binary's parts, one module a behaviour.

mod access;
mod accounts;
mod back_end;
mod canary;
mod cli;
mod companions;
mod config;
mod demo;
mod desk;
mod durable;
mod durable_disk;
mod durable_restore;
mod health;
mod keys;
mod log;
mod personal;
mod secret;
mod serve;
mod support;
mod tokens_doc;
mod ui;
mod ui_files;
