//! The doors over real sockets, one file a behaviour.

mod api;
mod api_keys;
mod api_lost;
mod api_requests;
mod calls;
mod credentials;
mod deflate;
mod docs;
mod doors_agree;
mod drain;
mod examples;
mod frames;
mod handshake;
mod keys;
mod limits;
mod listeners;
mod mounted;
mod pages;
mod panics;
mod proxied;
mod remote_keys;
mod requests;
mod resets;
mod shards;
mod slow;
mod sockets;

mod sse;
mod sse_client;
mod sse_own;
mod sse_refusals;
mod sse_resets;
mod sse_slow;
mod support;
mod tickets;
mod token;
