//! The testing kit: what an application's, a door's and a broker's tests stand on.
//!
//! [`TestNode`] is a whole node over a clock that the test moves, [`TestClient`] a connection to it without
//! a socket, [`Follower`] the client's side of the protocol as a machine that notices every gap, and
//! [`broker_suite`] the cases that each broker must pass.
//!
//! Deliberately absent: waiting by sleeping. [`TestNode::advance`] moves the node's time, and
//! [`TestNode::settle`] returns when the node has nothing left to do.

mod broker_suite;
mod client;
mod follower;
mod node;
mod socket;

pub use broker_suite::broker_suite;
pub use client::{Refused, TestClient};
pub use follower::{Follower, Violation};
pub use node::TestNode;
