//! The blocks of the guide that hold tests, each a module named for its page and line.

#![allow(
    warnings,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "the guide's code, as readers write it"
)]

include!(concat!(env!("OUT_DIR"), "/blocks.rs"));
