//! Payloads that are not what a handler takes: shapes that cannot be read, rules that are broken, and what their client is
//! told of both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::extract::{Args, Path};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Failure, TestClient, TestServer};
use gateway_core::validation::{Validate, ValidationErrors};
use serde::Deserialize;
use serde_json::{Value, json};

/// Rules by `garde`.
#[derive(Deserialize, garde::Validate)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[garde(length(min = 1, max = 2), dive)]
    items: Vec<Item>,
    #[garde(skip)]
    #[serde(default)]
    note: Option<String>,
    #[garde(custom(is_accepted))]
    #[serde(default)]
    paid_with: String,
}

#[derive(Deserialize, garde::Validate)]
struct Item {
    #[garde(length(chars, min = 1, max = 10))]
    dish: String,
    #[garde(range(min = 0.5))]
    price: f64,
    #[garde(inner(range(max = 9)))]
    #[serde(default)]
    seats: Vec<u8>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as garde asks")]
fn is_accepted(means: &str, _: &()) -> garde::Result {
    if means == "shells" { Err(garde::Error::new("we take no shells")) } else { Ok(()) }
}

/// Several arguments, of which one has rules.
#[derive(Deserialize, garde::Validate)]
struct Say(#[garde(skip)] String, #[garde(dive)] Item);

/// Rules by hand.
#[derive(Deserialize)]
struct Span {
    from: u32,
    to: u32,
}

impl Validate for Span {
    fn check(&self, faults: &mut ValidationErrors) {
        if self.from > self.to {
            faults.add("to", "order", format!("must not be before {}", self.from));
        }
    }
}

#[derive(Deserialize)]
struct Spans(Vec<Span>);

impl Validate for Spans {
    fn check(&self, faults: &mut ValidationErrors) {
        faults.each("", &self.0);
    }
}

#[gateway(namespace = "/kitchen/{from}/{to}")]
struct Kitchen;

#[gateway]
impl Kitchen {
    #[subscribe]
    fn order(&self, Valid(Data(order)): Valid<Data<Order>>) -> usize {
        order.items.iter().map(|item| item.seats.len()).sum::<usize>() + order.note.map_or(0, |note| note.len())
    }

    #[subscribe]
    fn say(&self, Valid(Args(Say(name, item))): Valid<Args<Say>>) -> String {
        format!("{name}: {}", item.dish)
    }

    #[subscribe]
    fn spans(&self, spans: Valid<Data<Spans>>) -> usize {
        spans.0.0.0.len()
    }

    #[subscribe]
    fn path(&self, Valid(Path(span)): Valid<Path<Span>>) -> u32 {
        span.to - span.from
    }

    #[subscribe]
    fn lenient(&self, span: Result<Valid<Data<Span>>, Rejection>) -> bool {
        span.is_ok()
    }
}

#[gateway(namespace = "/span/{from}/{to}")]
struct Guarded;

#[gateway]
impl Guarded {
    #[on_connect]
    fn joined(&self, _: Valid<Path<Span>>) {}
}

async fn connect() -> (TestServer, TestClient) {
    let server = Server::empty().gateway::<Kitchen>().gateway::<Guarded>().test().await.unwrap();
    let client = server.connect("/kitchen/9/7").await.unwrap();
    (server, client)
}

async fn refused(event: &str, data: Value) -> Failure {
    let (_server, mut client) = connect().await;
    client.emit_with_ack::<Value>(event, data).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn each_broken_rule_is_named_with_its_field() {
    let order = json!({"items": [{"dish": "", "price": 1}, {"dish": "soup", "price": 0.2, "seats": [3, 12]}], "paidWith": "shells"});
    let failure = refused("order", order).await;
    let expected = json!({
        "status": "error",
        "message": "the data is not valid: $.items[0].dish: must have a length of at least 1 (and 3 more)",
        "code": "invalid",
        "details": [
            {"path": "$.items[0].dish", "rule": "length", "message": "must have a length of at least 1"},
            {"path": "$.items[1].price", "rule": "range", "message": "must be at least 0.5"},
            {"path": "$.items[1].seats[1]", "rule": "range", "message": "must be at most 9"},
            {"path": "$.paidWith", "rule": "custom", "message": "we take no shells"},
        ],
        "cause": {"pattern": "order"},
    });
    assert_eq!(*failure.payload(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_the_rules_reaches_the_handler() {
    let (_server, mut client) = connect().await;
    let order = json!({"items": [{"dish": "soup", "price": 1, "seats": [1, 2]}], "note": "hot"});
    assert_eq!(client.emit_with_ack::<usize>("order", order).await.unwrap(), 5);
    let said: String = client.emit_with_ack("say", json!(["ann", {"dish": "rice", "price": 2}])).await.unwrap();
    assert_eq!(said, "ann: rice");
    assert_eq!(client.emit_with_ack::<usize>("spans", json!([{"from": 1, "to": 1}])).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn rules_hold_for_lists_of_arguments_for_hand_written_types_and_for_paths() {
    let told = |failure: &Failure| (failure.message().to_owned(), failure.payload()["details"][0]["path"].clone());
    let said = refused("say", json!(["ann", {"dish": "rice", "price": 0}])).await;
    assert_eq!(told(&said), ("the data is not valid: $[1].price: must be at least 0.5".into(), json!("$[1].price")));
    let spans = refused("spans", json!([{"from": 1, "to": 2}, {"from": 4, "to": 3}])).await;
    assert_eq!(told(&spans), ("the data is not valid: $[1].to: must not be before 4".into(), json!("$[1].to")));
    let path = refused("path", Value::Null).await;
    assert_eq!(told(&path), ("the data is not valid: $.to: must not be before 9".into(), json!("$.to")));
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_take_what_is_wrong_and_a_hook_refuses_it() {
    let (server, mut client) = connect().await;
    assert!(!client.emit_with_ack::<bool>("lenient", json!({"from": 2, "to": 1})).await.unwrap());
    assert!(client.emit_with_ack::<bool>("lenient", json!({"from": 1, "to": 2})).await.unwrap());
    let error = server.connect("/span/3/1").await.unwrap_err();
    assert!(error.to_string().contains("must not be before 3"), "{error}");
    server.connect("/span/1/3").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_says_where_and_what_to_send() {
    let item = |item: Value| json!({"items": [{"dish": "soup", "price": 1}, item]});
    let check = async |data: Value, rule: &str, path: &str, message: &str| {
        let failure = refused("order", data).await;
        assert_eq!(failure.code(), Some("unreadable"));
        assert_eq!(failure.message(), format!("the data cannot be read: {path}: {message}"));
        assert_eq!(failure.payload()["details"], json!([{"path": path, "rule": rule, "message": message}]));
    };
    check(item(json!({"dish": "rice", "price": "1"})), "type", "$.items[1].price", "expected a number, found a string")
        .await;
    check(item(json!({"price": 1})), "missing", "$.items[1].dish", "missing").await;
    check(item(json!({"dish": null, "price": 1})), "type", "$.items[1].dish", "expected a string, found null").await;
    let seats = json!({"dish": "rice", "price": 1, "seats": [1, 300]});
    check(item(seats), "range", "$.items[1].seats[1]", "expected a whole number from 0 to 255, found 300").await;
    check(json!([]), "length", "$", "expected 3 elements, found 0").await;
    check(json!(7), "type", "$", "expected an object, found a number").await;
    check(Value::Null, "missing", "$", "missing").await;
}

#[tokio::test(start_paused = true)]
async fn a_list_of_arguments_says_which_is_wrong() {
    let check = async |data: Value, why: &str| {
        let failure = refused("say", data).await;
        assert_eq!(failure.message(), format!("the arguments cannot be read: {why}"));
    };
    check(json!(["ann"]), "$[1]: missing").await;
    check(json!(["ann", null]), "$[1]: expected an object, found null").await;
    check(json!([1, {"dish": "rice", "price": 1}]), "$[0]: expected a string, found a number").await;
    check(json!(["ann", {"dish": "rice", "price": 1}, 3]), "$: expected 2 elements, found 3").await;
}

#[tokio::test(start_paused = true)]
async fn an_ack_of_socket_io_has_the_same_details() {
    let (server, _) = connect().await;
    let mut client = server.connect("/kitchen/1/2").socket_io().await.unwrap();
    let failure = client.emit_with_ack::<Value>("say", json!({"dish": "rice"})).await.unwrap_err();
    assert_eq!(failure.message(), "the arguments cannot be read: $[0]: expected a string, found an object");
    let failure = client.emit_with_ack::<Value>("order", json!({"items": []})).await.unwrap_err();
    let details = json!([{"path": "$.items", "rule": "length", "message": "must have a length of at least 1"}]);
    assert_eq!((failure.code(), &failure.payload()["details"]), (Some("invalid"), &details));
    assert_eq!(server.count(Counter::Exceptions), 2);
}

#[tokio::test(start_paused = true)]
async fn a_small_message_has_no_large_answer() {
    let spans: Vec<Value> = (0..1000).map(|_| json!({"from": 1, "to": 0})).collect();
    let failure = refused("spans", json!(spans)).await;
    assert_eq!(failure.payload()["details"].as_array().unwrap().len(), 32);
}

#[test]
fn rules_are_tested_without_a_server() {
    assert!(ValidationErrors::check(&Span { from: 1, to: 2 }).is_empty());
    assert_eq!(ValidationErrors::check(&Span { from: 2, to: 1 }).to_string(), "$.to: must not be before 2");
    let order = Order { items: Vec::new(), note: None, paid_with: String::new() };
    assert_eq!(ValidationErrors::check(&order).to_string(), "$.items: must have a length of at least 1");
}
