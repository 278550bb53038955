//! The web UI and the TypeScript client: their packages, their build, their proofs.

mod budget;
mod build;
mod checks;
mod stamp;

pub(crate) use self::{
    build::{built, packages, web_ui},
    checks::{bundle, types, vitest},
};
