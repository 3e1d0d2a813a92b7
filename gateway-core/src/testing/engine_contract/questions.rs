//! Questions and their answers.

use std::sync::Arc;

use crate::hub::cluster::{Engine, Received};
use crate::protocol::RawArgs;
use crate::protocol::cluster::{Answer, MessageBody, NodeId, Question, RemoteSocket};
use crate::testing::engine_contract::contract_node::{ContractNode, in_rooms, packet, plain};

/// A question names its node, and every answer to it arrives at this node once.
pub(super) async fn are_answered<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "questions are answered";
    let namespace: Arc<str> = "/contract/questions".into();
    let entered = [&namespace];
    let start = || ContractNode::start(engine(), rule, &entered);
    let [asker, one, other] = [start().await, start().await, start().await];
    let open = questions();
    let ask = |(number, (question, _)): (usize, &(Question, Vec<Answer>))| MessageBody::Ask {
        request: request(number),
        question: question.clone(),
    };
    // All are open at once.
    asker.publish(&namespace, open.iter().enumerate().map(ask).collect()).await;
    for node in [&one, &other] {
        for (number, (question, answers)) in open.iter().enumerate() {
            let request = check_question(rule, node.next().await, (&request(number), question), asker.engine.node_id());
            let asker = asker.engine.node_id().clone();
            let answer = |answer: &Answer| MessageBody::Answer {
                request: request.clone(),
                asker: asker.clone(),
                answer: answer.clone(),
            };
            node.publish(&namespace, answers.iter().map(answer).collect()).await;
        }
    }
    let mut expected: Vec<_> = [&one, &other].iter().flat_map(|_| open.iter().enumerate()).flat_map(given).collect();
    while !expected.is_empty() {
        let Received { message, .. } = asker.next().await;
        let MessageBody::Answer { request, answer, asker: _ } = message.body else {
            panic!("{rule}: {:?} is no answer", message.body)
        };
        let place = expected.iter().position(|(number, given)| *number == request && is_same(given, &answer));
        let Some(place) = place else { panic!("{rule}: {answer:?} to {request} was not given, or comes twice") };
        expected.remove(place);
    }
    asker.expect_nothing().await;
    for node in [asker, one, other] {
        node.stop().await;
    }
}

fn is_same(one: &Answer, other: &Answer) -> bool {
    match (one, other) {
        (Answer::ClientAck(one), Answer::ClientAck(other)) | (Answer::ServerEvent(one), Answer::ServerEvent(other)) => {
            plain(one.clone()) == plain(other.clone())
        }
        (one, other) => one == other,
    }
}

/// Every kind of question, with the answers that each node gives.
fn questions() -> Vec<(Question, Vec<Answer>)> {
    let args = |value| RawArgs::one(&value).expect("the value can be written as JSON");
    let mut socket = RemoteSocket::new("socket-of-a-node-01");
    socket.rooms = vec!["socket-of-a-node-01".to_owned(), "a".to_owned()];
    socket.data = serde_json::json!({ "name": "ann" });
    vec![
        (Question::Sockets(in_rooms(&["a", "b"])), vec![Answer::Sockets(vec![socket])]),
        (Question::Sockets(in_rooms(&[])), vec![Answer::Sockets(Vec::new())]),
        (Question::Rooms, vec![Answer::Rooms(vec!["a".to_owned(), "ü".to_owned()])]),
        (
            Question::BroadcastWithAck { packet: packet("vote", "now"), to: in_rooms(&["a", "b"]) },
            vec![Answer::ClientCount(2), Answer::ClientAck(args(1)), Answer::ClientAck(args(2))],
        ),
        (
            Question::BroadcastWithAck { packet: packet("vote", "again"), to: in_rooms(&[]) },
            vec![Answer::ClientCount(0)],
        ),
        (Question::ServerEvent(packet("double", &21)), vec![Answer::ServerEvent(args(42))]),
    ]
}

fn request(number: usize) -> String {
    format!("{number:016x}")
}

fn given((number, (_, answers)): (usize, &(Question, Vec<Answer>))) -> Vec<(String, Answer)> {
    answers.iter().map(|answer| (request(number), answer.clone())).collect()
}

/// Returns the request's id.
fn check_question(rule: &str, received: Received, sent: (&str, &Question), asker: &NodeId) -> String {
    let Received { from, message, offset: _ } = received;
    assert_eq!(from.as_ref(), Some(asker), "{rule}: the node that asks is named");
    let MessageBody::Ask { request, question } = message.body else {
        panic!("{rule}: {:?} is no question", message.body)
    };
    assert_eq!((request.as_str(), without_flags(question)), (sent.0, sent.1.clone()), "{rule}: the question");
    request
}

/// Removes the time limit, which some formats always name.
fn without_flags(mut question: Question) -> Question {
    match &mut question {
        Question::BroadcastWithAck { to, .. } | Question::Sockets(to) => to.flags.timeout = None,
        Question::Rooms | Question::ServerEvent(_) => {}
    }
    question
}
