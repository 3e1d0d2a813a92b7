//! The changes from one contract to another, each with its verdict for clients that are deployed already.
//!
//! Contracts are compared by structure: names of schemas, the order of members, descriptions and examples change nothing.

mod change;
mod kind;
mod namespaces;
mod schema;
mod shape;
#[cfg(test)]
mod tests;
mod variants;

pub use change::Change;
pub use kind::{ChangeKind, Sender, Verdict};
pub(super) use namespaces::changes;
