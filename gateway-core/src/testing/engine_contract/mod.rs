//! Rules that every engine of a cluster keeps, as a test for authors of engines.

mod census;
mod contract_node;
mod messages;
mod questions;
mod subscriptions;

use crate::hub::cluster::Engine;

/// Checks that an [`Engine`] keeps the rules which the framework builds on. `engine` returns the engine of one more node each
/// time, of the same cluster, not started. Other nodes must not take part in this cluster while the checks run.
///
/// The namespaces are named `/contract/…`. Engines over a network need tokio's running clock; an expectation waits 30 seconds.
///
/// | checked | rule |
/// | --- | --- |
/// | order | messages of one node arrive in their order, over several batches and whatever their size |
/// | echo | no node receives its own messages |
/// | content | every kind of message arrives unchanged at every other node, with large texts and binary data |
/// | namespaces | a node receives a namespace from [`Engine::enter_namespace`] to [`Engine::exit_namespace`], also again |
/// | rooms | an engine that [routes rooms](Engine::routes_rooms) reaches the nodes that entered the room, and only those |
/// | questions | a question names its node, every answer arrives at this node, and several may be open |
/// | census | the other nodes of the namespace are counted, without the node itself and without nodes that have left |
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
}
