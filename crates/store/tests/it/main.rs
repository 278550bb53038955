//! The store over real files and real processes.

mod backup;
mod conformance;
mod damage;
mod folder;
mod full_disk;
mod kill;
mod personal;
mod revocations;
mod snapshot;
mod support;
mod truncation;
mod writer;
