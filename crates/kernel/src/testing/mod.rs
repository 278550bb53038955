//! The testing kit: what an application's, a door's and a broker's tests stand on.

mod broker_suite;

pub use broker_suite::broker_suite;
