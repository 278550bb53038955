//! Integration tests of the kernel, one file a behaviour.

mod broker;
mod limits;
mod rules;
