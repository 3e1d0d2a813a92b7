//! Rules that every engine of a cluster keeps, as a test for authors of engines.

mod census;
mod contract_node;
mod log;
mod messages;
mod questions;
mod sessions;
mod subscriptions;

use crate::hub::cluster::Engine;

/// Checks that an [`Engine`] keeps the rules which the framework builds on. `engine` returns the engine of one more node each
/// time, of the same cluster, not started. Other nodes must not take part in this cluster while the checks run.
///
/// The namespaces are named `/contract/…`. Engines over a network need tokio's running clock; an expectation waits 30 seconds.
///
/// | checked | rule |
/// | --- | --- |
/// | order | events for sockets of one node arrive in their order, with its joins, leaves and disconnects, over several batches and whatever their size; server-side events and questions may overtake them |
/// | echo | no node receives its own messages |
/// | content | every kind of message arrives unchanged at every other node; events for sockets also with large texts and binary data |
/// | namespaces | a node receives a namespace from [`Engine::enter_namespace`] to [`Engine::exit_namespace`], also again |
/// | rooms | an engine that [routes rooms](Engine::routes_rooms) reaches the nodes that entered the room, and only those |
/// | questions | a question names its node, every answer arrives at this node, and several may be open |
/// | census | the other nodes of the namespace are counted, without the node itself and without nodes that have left |
/// | log | with a [`RecoveryStore`](crate::cluster::RecoveryStore): every event, join, leave and disconnect has an offset; offsets rise, are the same at every node, and the sender reads its events back in the order of the log |
/// | reading again | the messages of a namespace after an offset are there for every node, unchanged and in order, page by page; an unknown offset has no page |
/// | sessions | a session that one node saves is found by all; one node takes it; a node changes only the record that it has written; a record is forgotten after its time |
///
/// ```
/// use gateway_core::testing::{MemoryBus, engine_contract};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let bus = MemoryBus::new();
/// engine_contract(|| bus.engine()).await;
/// # }
/// ```
///
/// # Panics
///
/// When the engine breaks a rule. The message names the rule.
pub async fn engine_contract<E: Engine>(engine: impl Fn() -> E) {
    messages::keep_their_order(&engine).await;
    messages::have_no_echo(&engine).await;
    messages::arrive_unchanged(&engine).await;
    messages::may_be_large_and_binary(&engine).await;
    subscriptions::separate_namespaces(&engine).await;
    subscriptions::route_rooms(&engine).await;
    questions::are_answered(&engine).await;
    census::counts_other_nodes(&engine).await;
    if engine().recovery().is_some() {
        log::gives_offsets(&engine).await;
        log::is_read_again(&engine).await;
        sessions::are_taken_once(&engine).await;
        sessions::are_changed_by_their_node(&engine).await;
        sessions::are_forgotten_after_their_time(&engine).await;
    }
}
