//! Integration tests of the kernel, one file a behaviour.

mod access;
mod broker;
mod calls;
mod durable;
mod entries;
mod interest;
mod kit;
mod limits;
mod middleware;
mod order;
mod paper;
mod personal;
mod presence_node;
mod publishing;
mod refusing;
mod rules;
mod serving;
mod sessions;
mod slow;
mod subscribing;
mod typing;
