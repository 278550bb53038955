//! The tests of the renderer and the cache, one module a behaviour.

mod bundles;
mod canary;
mod overload;
mod rendering;
mod single_flight;
