//! Generated text. That it compiles, and refuses wrong programs, is seen by the suite of `clients/typescript`, which has these files.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::asyncapi::model::{
    ClientEvent, ClientReply, Contract, ErrorCode, Failures, NamespaceContract, Parameter, Payload, PayloadStyle,
    ServerEvent,
};
use crate::asyncapi::typescript::{plain, socket_io};

fn payload(schema: Value) -> Payload {
    Payload { schema: Some(schema), ..Payload::default() }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Each kind of schema by name.
fn schemas() -> BTreeMap<String, Value> {
    let text = json!({ "type": "string" });
    let schemas = [
        (
            "Posted",
            json!({ "type": "object", "description": "A message */ of the room.", "required": ["id", "from"], "properties": {
            "id": { "type": "integer", "format": "uint64", "x-note": "May lie beyond 2^53 - 1." },
            "from": { "type": "string", "description": "Name of the author." },
            "reply-to": { "type": ["integer", "null"] },
            "level": { "type": "string", "enum": ["info", "urgent"], "default": "info" },
            "old": { "type": "boolean", "deprecated": true },
        } }),
        ),
        (
            "Shape",
            json!({ "oneOf": [
            { "type": "object", "required": ["kind", "radius"], "properties": { "kind": { "enum": ["circle"] }, "radius": { "type": "number" } } },
            { "allOf": [reference("Posted"), { "type": "object", "required": ["kind"], "properties": { "kind": { "enum": ["posted"] } } }] },
            { "type": "null" },
        ] }),
        ),
        (
            "Node",
            json!({ "type": "object", "required": ["children"], "properties": { "children": { "type": "array", "items": reference("Node") } } }),
        ),
        ("Level", json!({ "enum": ["info", "urgent"], "x-enum-descriptions": { "urgent": "At once." } })),
        ("Record", json!({ "type": "object", "additionalProperties": { "type": "integer" } })),
        (
            "Page<User>",
            json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": { "anyOf": [text, { "type": "null" }] } } } }),
        ),
        (
            "Page_User_",
            json!({ "type": "array", "items": [text, { "type": "integer" }], "minItems": 1, "maxItems": 2, "additionalItems": false }),
        ),
        (
            "Flat",
            json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" } }, "oneOf": [
            { "type": "object", "required": ["a"], "properties": { "a": text } },
            { "type": "object", "required": ["b"], "properties": { "b": text } },
        ] }),
        ),
        ("Nothing", json!({ "not": {} })),
        ("Empty", json!({ "type": "object", "additionalProperties": false })),
        ("Anything", json!({})),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// Each kind of client's event.
fn requests() -> Vec<ClientEvent> {
    let text = json!({ "type": "string" });
    let arguments = json!({ "type": "array", "items": [text, { "type": "integer" }], "minItems": 1, "maxItems": 2 });
    let request = |name: &str, payload: Option<Payload>, reply: ClientReply| ClientEvent {
        name: name.to_owned(),
        payload,
        reply,
        ..ClientEvent::default()
    };
    let muted = ErrorCode { code: "muted".to_owned(), description: Some("The author may not write.".to_owned()) };
    vec![
        ClientEvent {
            description: Some("Says something.".to_owned()),
            failures: Failures { codes: vec![muted], is_open: false },
            ..request(
                "message",
                Some(payload(
                    json!({ "type": "object", "required": ["text"], "properties": { "text": text, "level": reference("Level") } }),
                )),
                ClientReply::Value(payload(reference("Posted"))),
            )
        },
        request("typing", Some(payload(json!({ "type": "boolean" }))), ClientReply::Empty),
        request("leave", None, ClientReply::Empty),
        request(
            "find",
            Some(Payload { may_be_absent: true, ..payload(text.clone()) }),
            ClientReply::Value(Payload { may_be_absent: true, ..payload(reference("Shape")) }),
        ),
        request("move to", Some(Payload { style: PayloadStyle::Arguments, ..payload(arguments) }), ClientReply::Untold),
        request(
            "upload",
            Some(Payload {
                style: PayloadStyle::Binary,
                ..payload(json!({ "type": "string", "contentEncoding": "base64" }))
            }),
            ClientReply::Value(Payload {
                style: PayloadStyle::Binary,
                ..payload(json!({ "type": "string", "contentEncoding": "base64" }))
            }),
        ),
        request(
            "ticks",
            Some(payload(reference("Record"))),
            ClientReply::Stream(payload(json!({ "type": "integer" }))),
        ),
        request("order.*", Some(payload(reference("Node"))), ClientReply::Empty),
        ClientEvent {
            is_deprecated: true,
            ..request(
                "opaque",
                Some(Payload { type_name: Some("Opaque".to_owned()), ..Payload::default() }),
                ClientReply::Empty,
            )
        },
    ]
}

/// A contract with each kind of schema and event.
fn everything() -> Contract {
    let text = json!({ "type": "string" });
    let event = |name: &str, payload: Payload, answer: Option<Payload>| ServerEvent {
        name: name.to_owned(),
        description: None,
        payload,
        answer,
    };
    let events = vec![
        event("posted", payload(reference("Posted")), None),
        event("room.closed", payload(json!({ "type": "null" })), None),
        event("confirm", payload(text.clone()), Some(payload(json!({ "type": "boolean" })))),
        event("page", payload(reference("Page<User>")), None),
        event("pair", payload(reference("Page_User_")), None),
        event("flat", payload(reference("Flat")), None),
    ];
    let credentials =
        Some(payload(json!({ "type": "object", "required": ["token"], "properties": { "token": text } })));
    let parameters = vec![
        Parameter { name: "room".to_owned(), values: vec!["a".to_owned(), "b".to_owned()], ..Parameter::default() },
        Parameter { name: "id".to_owned(), ..Parameter::default() },
    ];
    let chat = NamespaceContract {
        path: "/chat/{room}/{id}".to_owned(),
        description: Some("The chat.".to_owned()),
        parameters,
        credentials,
        requests: requests(),
        events,
        ..NamespaceContract::default()
    };
    let silent = NamespaceContract {
        path: "/".to_owned(),
        events: vec![event("tick", payload(json!({ "type": "integer" })), None)],
        ..NamespaceContract::default()
    };
    let raw = NamespaceContract { path: "/raw".to_owned(), is_raw: true, ..NamespaceContract::default() };
    Contract { namespaces: vec![silent, chat, raw], schemas: schemas(), ..Contract::default() }
        .title("chat")
        .version("0.1.0")
}

/// Compares with a committed file. With the environment variable `UPDATE`, the file is written.
fn check(file: &str, generated: &str) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/typescript/tests/generated").join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert_eq!(committed, generated, "run this test with UPDATE=1 and look at the difference");
}

#[test]
fn the_committed_files_are_current() {
    check("plain.ts", &plain(&everything()));
    check("socket_io.ts", &socket_io(&everything()));
}

#[test]
fn a_pattern_beside_a_name_that_it_matches_is_left_out() {
    let request = |name: &str| ClientEvent { name: name.to_owned(), ..ClientEvent::default() };
    let namespace = |names: &[&str]| NamespaceContract {
        path: "/a".to_owned(),
        requests: names.iter().map(|name| request(name)).collect(),
        ..NamespaceContract::default()
    };
    let text = |names: &[&str]| plain(&Contract { namespaces: vec![namespace(names)], ..Contract::default() });
    assert!(text(&["order.*", "paid"]).contains("[name: `order.${string}`]: null"));
    assert!(!text(&["order.*", "order.paid"]).contains("${string}"));
    assert!(!text(&["*", "paid"]).contains("${string}"));
    assert!(!text(&["order.*", "order.*.paid"]).contains("${string}"));
}

#[test]
fn a_recursion_of_schemas_without_names_ends() {
    let mut deep = json!({ "type": "string" });
    for _ in 0..500 {
        deep = json!({ "type": "array", "items": deep });
    }
    let request = ClientEvent { name: "deep".to_owned(), payload: Some(payload(deep)), ..ClientEvent::default() };
    let namespace =
        NamespaceContract { path: "/a".to_owned(), requests: vec![request], ..NamespaceContract::default() };
    assert!(plain(&Contract { namespaces: vec![namespace], ..Contract::default() }).contains("unknown[]"));
}
