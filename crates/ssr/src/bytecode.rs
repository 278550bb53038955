//! A bundle as bytecode, which is the one place of this project with unsafe code.
//!
//! QuickJS takes bytecode at its word: whoever loads forged bytes loses the process. A [`Bundle`] therefore cannot be
//! made from bytes, nor read back as bytes: its only source is [`Bundle::compile`], by the same QuickJS in the same
//! process. Compiling once and loading in each engine makes a new engine cost a tenth of parsing the source again.

use std::sync::Arc;

use rquickjs::{Context, Ctx, Module, Runtime, module::Declared, module::WriteOptions};

use crate::{error::RenderError, failure};

/// The name of the bundle in stacks.
const NAME: &str = "ssr.js";

/// A compiled bundle: a module that sets `globalThis.__ssr`. Clones share the bytes.
#[derive(Clone)]
pub struct Bundle {
    /// Written by [`Bundle::compile`] and by nobody else.
    bytecode: Arc<[u8]>,
}

impl Bundle {
    /// Compiles the source of a module. Nothing of it runs yet.
    pub fn compile(source: &str) -> Result<Self, RenderError> {
        let context = Runtime::new().and_then(|runtime| Context::full(&runtime));
        let context = context.map_err(|error| RenderError::Engine(error.to_string()))?;
        context.with(|ctx| {
            let written = Module::declare(ctx.clone(), NAME, source).and_then(|module| {
                module.write(WriteOptions { strip_source: true, ..WriteOptions::default() })
            });
            let bytecode = written.map_err(|error| failure::of(&ctx, error))?;
            Ok(Self { bytecode: bytecode.into() })
        })
    }

    /// Bytes of the compiled form.
    pub fn bytes(&self) -> usize {
        self.bytecode.len()
    }

    #[expect(
        unsafe_code,
        reason = "bytecode is trusted by QuickJS; a Bundle's was written by it in this process"
    )]
    pub(crate) fn load<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>> {
        // SAFETY: the bytes come from `compile`, which is the only way to make a `Bundle`: they were written by this
        // process's own QuickJS, in its own byte order, and cannot have been changed since.
        unsafe { Module::load(ctx.clone(), &self.bytecode) }
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bundle({} bytes)", self.bytecode.len())
    }
}
