//! The doors over real sockets, one file a behaviour.
