//! The nodes of a namespace.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::hub::cluster::{Census, Engine};
use crate::testing::engine_contract::contract_node::{ContractNode, PATIENCE};

/// Pause between two looks at the census.
const PAUSE: Duration = Duration::from_millis(20);

/// The other nodes of the namespace are counted as they come and leave.
pub(super) async fn counts_other_nodes<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "the other nodes of a namespace are counted";
    let (namespace, other): (Arc<str>, Arc<str>) = ("/contract/census".into(), "/contract/elsewhere".into());
    let ann = ContractNode::start(engine(), rule, &[&namespace, &other]).await;
    check(rule, (&ann, &namespace), &[]).await;
    let bob = ContractNode::start(engine(), rule, &[&namespace]).await;
    let cid = ContractNode::start(engine(), rule, &[&namespace, &other]).await;
    check(rule, (&ann, &namespace), &[&bob, &cid]).await;
    check(rule, (&bob, &namespace), &[&ann, &cid]).await;
    check(rule, (&ann, &other), &[&cid]).await;

    cid.within("to exit a namespace", cid.engine.exit_namespace(&other)).await;
    check(rule, (&ann, &other), &[]).await;
    check(rule, (&ann, &namespace), &[&bob, &cid]).await;
    bob.stop().await;
    check(rule, (&ann, &namespace), &[&cid]).await;
    check(rule, (&cid, &namespace), &[&ann]).await;
    cid.stop().await;
    check(rule, (&ann, &namespace), &[]).await;
    ann.stop().await;
}

/// Waits until the census is right: engines with heartbeats learn of others after some time.
async fn check<E: Engine>(rule: &str, (node, namespace): (&ContractNode<E>, &Arc<str>), expected: &[&ContractNode<E>]) {
    let begin = Instant::now();
    loop {
        let census = node.within("a census", node.engine.census(namespace)).await;
        let is_right = match &census {
            Ok(Census::Count(count)) => *count == expected.len(),
            Ok(Census::Nodes(nodes)) => *nodes == expected.iter().map(|node| node.engine.node_id().clone()).collect(),
            Err(error) => panic!("{rule}: there is no census: {error}"),
        };
        if is_right {
            return;
        }
        let ids: Vec<_> = expected.iter().map(|node| node.engine.node_id()).collect();
        assert!(begin.elapsed() < PATIENCE, "{rule}: in {namespace} it gives {census:?}; the other nodes are {ids:?}");
        sleep(PAUSE).await;
    }
}
