//! The events that a contract lists, and those that go out all the same.
#![allow(dead_code, reason = "clients read what the contract tells of them")]

use gateway_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chat::{Chat, ChatError};

/// Events of one module.
mod beside {
    use super::*;

    /// Derived beside the gateway.
    #[derive(Clone, Deserialize, Serialize, JsonSchema, Event)]
    #[event("near")]
    pub(super) struct Near {
        pub(super) by: u8,
    }

    /// It borrows.
    #[derive(Serialize, JsonSchema, Event)]
    #[event("lent")]
    pub(super) struct Lent<'a>(&'a str);

    #[gateway(namespace = "/beside")]
    pub(super) struct Beside;

    #[gateway]
    impl Beside {
        #[subscribe]
        fn far(&self, socket: Socket) -> Result<(), Exception> {
            Ok(socket.send(super::Far)?)
        }
    }
}

/// Derived elsewhere.
#[derive(Clone, Deserialize, Serialize, JsonSchema, Event)]
#[event("far")]
struct Far;

#[gateway(namespace = "/named/{room}", emits(beside::Near))]
struct Named;

#[gateway]
impl Named {
    #[subscribe]
    fn near(&self, socket: Socket) -> Result<(), Exception> {
        Ok(socket.send(beside::Near { by: 1 })?)
    }

    #[subscribe]
    fn far(&self, socket: Socket) {
        socket.namespace().send(Far);
    }
}

#[gateway(namespace = "/refuses")]
struct Refuses;

#[gateway]
impl Refuses {
    #[on_connect]
    fn refuses(&self) -> Result<(), ConnectRejection> {
        Ok(())
    }

    /// Fails in any way.
    #[subscribe]
    fn any(&self) -> Result<(), Exception> {
        Ok(())
    }
}

fn events(contract: &gateway_core::contract::Contract, path: &str) -> Vec<String> {
    contract.namespace(path).unwrap().events.iter().map(|event| event.name.clone()).collect()
}

#[test]
fn events_are_those_of_the_module_or_those_that_are_named() {
    let contract = Server::empty().gateway::<beside::Beside>().gateway::<Named>().contract().unwrap();
    assert_eq!(events(&contract, "/beside"), ["lent", "near"]);
    assert_eq!(events(&contract, "/named/{room}"), ["near"]);
    let near = contract.namespace("/beside").unwrap().event("near").unwrap();
    assert_eq!(near.description.as_deref(), Some("Derived beside the gateway."));
}

#[test]
fn questions_have_an_answer() {
    let contract = Server::empty().gateway::<Chat>().contract().unwrap();
    let chat = contract.namespace("/chat/{room}").unwrap();
    assert!(chat.event("leave?").unwrap().answer.is_some() && chat.event("posted").unwrap().answer.is_none());
}

#[test]
fn codes_are_those_of_the_error_type() {
    let contract = Server::empty().gateway::<Chat>().gateway::<Refuses>().contract().unwrap();
    let chat = contract.namespace("/chat/{room}").unwrap();
    let message = &chat.request("message").unwrap().failures;
    let codes: Vec<_> = message.codes.iter().map(|code| (&*code.code, code.description.as_deref())).collect();
    assert_eq!(codes, [("internal", None), ("muted", Some("The client was muted by a moderator."))]);
    assert!(!message.is_open && !chat.refusals.is_open);
    assert_eq!(chat.refusals.codes.len(), 2);
    let refuses = contract.namespace("/refuses").unwrap();
    assert!(refuses.refusals.is_open && refuses.request("any").unwrap().failures.is_open);
    let _ = ChatError::Store;
}

#[test]
fn guards_credentials_and_parameters_are_told() {
    let contract = Server::empty().gateway::<Chat>().contract().unwrap();
    let chat = contract.namespace("/chat/{room}").unwrap();
    assert_eq!((&chat.guards[..], contract.guards.len()), (&["SignedIn".to_owned()][..], 1));
    assert!(chat.credentials.is_some());
    assert_eq!(chat.parameters[0].schema, Some(serde_json::json!({ "type": "string" })));
    assert_eq!(chat.description.as_deref(), Some("Public chat."));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_listed_goes_out() {
    let server = Server::empty().gateway::<Named>().test().await.unwrap();
    let mut ann = server.connect("/named/7").await.unwrap();
    ann.emit_with_ack::<()>("near", ()).await.unwrap();
    assert_eq!(ann.expect::<beside::Near>().await.by, 1);
    assert!(server.handle().unlisted_events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_module_does_not_derive_is_noted_and_goes_out() {
    let server = Server::empty().gateway::<beside::Beside>().test().await.unwrap();
    let mut ann = server.connect("/beside").await.unwrap();
    ann.emit_with_ack::<()>("far", ()).await.unwrap();
    ann.expect::<Far>().await;
    assert_eq!(server.handle().unlisted_events(), ["`far` in `/beside`"]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`far` in `/named/{room}` is not among the events that its gateway names")]
async fn an_event_that_a_gateway_does_not_name_fails_its_test() {
    let server = Server::empty().gateway::<Named>().test().await.unwrap();
    let mut ann = server.connect("/named/7").await.unwrap();
    ann.emit_with_ack::<()>("far", ()).await.unwrap();
    ann.expect::<Far>().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_to_the_whole_server_is_noted_where_it_is_not_listed() {
    let server = Server::empty().gateway::<beside::Beside>().test().await.unwrap();
    let mut ann = server.connect("/beside").await.unwrap();
    server.handle().all().send(beside::Near { by: 1 });
    ann.expect::<beside::Near>().await;
    assert!(server.handle().unlisted_events().is_empty());
    server.handle().all().send(Far);
    ann.expect::<Far>().await;
    assert_eq!(server.handle().unlisted_events(), ["`far` in `/beside`"]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`far` in `/named/{room}` is not among the events that its gateway names")]
async fn an_event_to_the_whole_server_fails_the_test_of_a_gateway_that_does_not_name_it() {
    let server = Server::empty().gateway::<Named>().test().await.unwrap();
    let mut ann = server.connect("/named/7").await.unwrap();
    server.handle().all().send(Far);
    ann.expect::<Far>().await;
}
