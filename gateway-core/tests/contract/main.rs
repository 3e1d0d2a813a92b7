//! The contract that follows from the signatures of gateways, and its document.

mod chat;
mod documents;
mod events;
mod types;
