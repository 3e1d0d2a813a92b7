//! Each kind by two contracts, in both directions of time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{contract, event, kinds, namespace, payload, receives, replies, request, sends};
use crate::asyncapi::compare::{ChangeKind, Sender, Verdict};
use crate::asyncapi::model::{
    ClientEvent, ClientReply, Contract, ContractServer, ErrorCode, Failures, GuardContract, NamespaceContract,
    Parameter, Payload, PayloadStyle, ServerEvent, WireProtocol,
};

/// Two contracts, and the kinds from the first to the second.
type Case = (Contract, Contract, Vec<ChangeKind>);

fn case(old: NamespaceContract, new: NamespaceContract, kinds: &[ChangeKind]) -> Case {
    (contract(old), contract(new), kinds.to_vec())
}

/// A payload that changed, sent by either side.
fn schemas(old: &Value, new: &Value, kinds: &[ChangeKind]) -> [Case; 2] {
    [case(sends(old.clone()), sends(new.clone()), kinds), case(receives(old.clone()), receives(new.clone()), kinds)]
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn closed(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn payload_cases() -> Vec<Case> {
    use ChangeKind as K;
    let text = json!({ "type": "string" });
    let whole = json!({ "type": "integer" });
    let a = json!({ "a": text });
    let ab = json!({ "a": text, "b": whole });
    let tagged = |names: &[&str]| {
        let variant = |name: &&str| object(&json!({ "kind": { "const": name } }), &["kind"]);
        json!({ "oneOf": names.iter().map(variant).collect::<Vec<_>>() })
    };
    let number = |members: Value| merged(json!({ "type": "number" }), members);
    let string = |members: Value| merged(json!({ "type": "string" }), members);
    let list = |members: Value| merged(json!({ "type": "array", "items": text }), members);
    let tuple = |items: usize, least: usize| json!({ "type": "array", "items": vec![&text; items], "minItems": least, "maxItems": items });
    let rows: Vec<(Value, Value, Vec<K>)> = vec![
        (object(&a, &[]), object(&ab, &[]), vec![K::OptionalFieldAdded]),
        (object(&a, &[]), object(&ab, &["b"]), vec![K::RequiredFieldAdded]),
        (object(&a, &["a"]), object(&json!({ "c": text }), &["c"]), vec![K::FieldRenamed]),
        (closed(&a, &[]), closed(&ab, &[]), vec![K::OptionalFieldAdded, K::FieldAddedToClosedObject]),
        (object(&a, &[]), object(&a, &["a"]), vec![K::FieldBecameRequired]),
        (object(&a, &[]), closed(&a, &[]), vec![K::ObjectClosed]),
        (
            object(&json!({ "a": { "type": "string", "default": "x" } }), &[]),
            object(&json!({ "a": { "type": "string", "default": "y" } }), &[]),
            vec![K::DefaultChanged],
        ),
        (
            object(&a, &[]),
            object(&json!({ "a": { "type": "string", "deprecated": true } }), &[]),
            vec![K::FieldDeprecated],
        ),
        (
            json!({ "type": "object", "additionalProperties": text }),
            json!({ "type": "object", "patternProperties": { "^\\d+$": text }, "additionalProperties": false }),
            vec![K::MapKeysChanged],
        ),
        (text.clone(), json!({ "type": ["string", "null"] }), vec![K::NullAllowed]),
        (json!({ "enum": ["a", "b"] }), json!({ "enum": ["a", "b", "c"] }), vec![K::EnumValueAdded]),
        (json!({ "enum": ["a", "b"] }), text.clone(), vec![K::EnumOpened]),
        (tagged(&["one", "two"]), tagged(&["one", "two", "three"]), vec![K::VariantAdded]),
        (text.clone(), json!({ "anyOf": [text, whole] }), vec![K::TypeAdded]),
        (whole.clone(), json!({ "type": "number" }), vec![K::TypeWidened]),
        (text.clone(), json!({ "type": "boolean" }), vec![K::TypeChanged]),
        (text.clone(), json!({}), vec![K::AnythingAllowed]),
        (number(json!({ "minimum": 1 })), number(json!({ "minimum": 0 })), vec![K::MinimumLowered]),
        (number(json!({ "maximum": 1 })), number(json!({ "maximum": 2 })), vec![K::MaximumRaised]),
        (
            json!({ "type": "integer", "format": "int32" }),
            json!({ "type": "integer", "format": "int64" }),
            vec![K::MinimumLowered, K::MaximumRaised],
        ),
        (number(json!({})), number(json!({ "multipleOf": 2 })), vec![K::MultipleRequired]),
        (string(json!({ "minLength": 2 })), string(json!({ "minLength": 1 })), vec![K::MinLengthLowered]),
        (string(json!({ "maxLength": 2 })), string(json!({})), vec![K::MaxLengthRaised]),
        (string(json!({})), string(json!({ "pattern": "^a" })), vec![K::PatternAdded]),
        (string(json!({ "pattern": "^b" })), string(json!({ "pattern": "^a" })), vec![K::PatternChanged]),
        (string(json!({})), string(json!({ "format": "date" })), vec![K::FormatAdded]),
        (string(json!({ "format": "uuid" })), string(json!({ "format": "date" })), vec![K::FormatChanged]),
        (list(json!({ "minItems": 2 })), list(json!({ "minItems": 1 })), vec![K::MinItemsLowered]),
        (list(json!({ "maxItems": 2 })), list(json!({ "maxItems": 3 })), vec![K::MaxItemsRaised]),
        (list(json!({})), list(json!({ "uniqueItems": true })), vec![K::UniqueItemsRequired]),
        (tuple(1, 1), tuple(2, 1), vec![K::OptionalItemAdded]),
        (tuple(1, 1), tuple(2, 2), vec![K::RequiredItemAdded]),
        (tuple(2, 2), tuple(2, 1), vec![K::ItemBecameOptional]),
        (tuple(1, 1), list(json!({})), vec![K::TupleBecameList]),
    ];
    rows.iter().flat_map(|(old, new, kinds)| schemas(old, new, kinds)).collect()
}

fn merged(mut one: Value, other: Value) -> Value {
    if let (Some(one), Value::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}

fn codes(codes: &[&str]) -> Failures {
    let code = |code: &&str| ErrorCode { code: (*code).to_owned(), description: None };
    Failures { codes: codes.iter().map(code).collect(), is_open: false }
}

fn event_cases() -> Vec<Case> {
    use ChangeKind as K;
    let text = || payload(json!({ "type": "string" }));
    let optional = || payload(json!({ "type": ["string", "null"] }));
    let reads = |payload: Option<Payload>| request(ClientEvent { payload, ..ClientEvent::default() });
    let opaque = |name: &str| Payload { type_name: Some(name.to_owned()), ..Payload::default() };
    let absent = Payload { may_be_absent: true, ..text() };
    let binary = Payload { style: PayloadStyle::Binary, ..text() };
    let asks = |answer: Option<Payload>| event(ServerEvent { payload: text(), answer, ..ServerEvent::default() });
    let fails = |failures: Failures| request(ClientEvent { failures, ..ClientEvent::default() });
    let guarded = |guards: Vec<String>| request(ClientEvent { guards, ..ClientEvent::default() });
    vec![
        case(namespace(), reads(None), &[K::RequestAdded]),
        case(namespace(), asks(None), &[K::EventAdded]),
        case(namespace(), asks(Some(text())), &[K::EventAdded, K::QuestionAdded]),
        case(
            reads(None),
            request(ClientEvent { is_deprecated: true, ..ClientEvent::default() }),
            &[K::RequestDeprecated],
        ),
        case(reads(None), reads(Some(optional())), &[K::OptionalPayloadAdded]),
        case(reads(None), reads(Some(text())), &[K::RequiredPayloadAdded]),
        case(reads(Some(text())), reads(Some(binary)), &[K::PayloadStyleChanged]),
        case(reads(Some(opaque("Text"))), reads(Some(text())), &[K::SchemaAdded]),
        case(reads(Some(opaque("Text"))), reads(Some(opaque("Word"))), &[K::OpaqueTypeChanged]),
        case(replies(ClientReply::Empty), replies(ClientReply::Value(text())), &[K::ReplyAdded]),
        case(replies(ClientReply::Value(text())), replies(ClientReply::Stream(text())), &[K::ReplyBecameStream]),
        case(replies(ClientReply::Value(text())), replies(ClientReply::Untold), &[K::ReplyUntold]),
        case(replies(ClientReply::Value(text())), replies(ClientReply::Value(absent)), &[K::MayBeAbsent]),
        case(fails(codes(&["a"])), fails(codes(&["a", "b"])), &[K::ErrorCodeAdded]),
        case(guarded(Vec::new()), guarded(vec!["Admin".to_owned()]), &[K::GuardAdded]),
        case(asks(None), asks(Some(text())), &[K::QuestionAdded]),
    ]
}

fn namespace_cases() -> Vec<Case> {
    use ChangeKind as K;
    let parameter = |name: &str, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let parameters = vec![Parameter { name: name.to_owned(), values, ..Parameter::default() }];
        NamespaceContract { path: format!("/chat/{{{name}}}"), parameters, ..NamespaceContract::default() }
    };
    let server = |protocol, path: Option<&str>| {
        let path = path.map(str::to_owned);
        ContractServer { name: "a".to_owned(), host: "localhost".to_owned(), protocol, is_encrypted: false, path }
    };
    let reached_by = |servers: Vec<ContractServer>| Contract { servers, ..contract(namespace()) };
    let secured = |scheme: Value| {
        let guards = BTreeMap::from([("Admin".to_owned(), GuardContract { scheme })]);
        Contract { guards, ..contract(NamespaceContract { guards: vec!["Admin".to_owned()], ..namespace() }) }
    };
    let plain = || server(WireProtocol::Plain, None);
    vec![
        (Contract::default(), contract(namespace()), vec![K::NamespaceAdded]),
        case(namespace(), NamespaceContract { is_raw: true, ..namespace() }, &[K::NamespaceBecameRaw]),
        case(parameter("room", &[]), parameter("id", &[]), &[K::ParameterRenamed]),
        case(parameter("room", &["a"]), parameter("room", &["a", "b"]), &[K::ParameterValueAdded]),
        case(parameter("room", &["a"]), parameter("room", &[]), &[K::ParameterValuesOpened]),
        (
            reached_by(vec![plain()]),
            reached_by(vec![plain(), server(WireProtocol::SocketIo, None)]),
            vec![K::ProtocolAdded],
        ),
        (
            reached_by(vec![server(WireProtocol::SocketIo, Some("/socket.io/"))]),
            reached_by(vec![server(WireProtocol::SocketIo, Some("/live/"))]),
            vec![K::EndpointPathChanged],
        ),
        (
            secured(json!({ "type": "userPassword" })),
            secured(json!({ "type": "http", "scheme": "bearer" })),
            vec![K::GuardSchemeChanged],
        ),
        case(
            NamespaceContract { refusals: codes(&["a"]), ..namespace() },
            NamespaceContract { refusals: codes(&["a", "b"]), ..namespace() },
            &[K::RefusalCodeAdded],
        ),
        case(
            namespace(),
            NamespaceContract { credentials: Some(payload(json!({ "type": "object" }))), ..namespace() },
            &[K::RequiredPayloadAdded],
        ),
    ]
}

fn cases() -> Vec<Case> {
    [payload_cases(), event_cases(), namespace_cases()].concat()
}

#[test]
fn each_kind_is_found_and_its_inverse_in_the_other_direction() {
    let mut seen = BTreeSet::new();
    for (old, new, mut expected) in cases() {
        expected.sort_unstable();
        assert_eq!(kinds(&old.changes_to(&new)), expected, "{old:?}\n{new:?}");
        let mut inverse: Vec<ChangeKind> = expected.iter().map(|kind| kind.inverse()).collect();
        inverse.sort_unstable();
        // A new event with a question is two changes, one that is gone is one.
        if expected != [ChangeKind::EventAdded, ChangeKind::QuestionAdded] {
            assert_eq!(kinds(&new.changes_to(&old)), inverse, "{new:?}\n{old:?}");
        }
        assert_eq!(old.changes_to(&old), [], "{old:?}");
        seen.extend(expected);
        seen.extend(inverse);
    }
    let unseen: Vec<_> = ChangeKind::ALL.iter().filter(|kind| !seen.contains(kind)).collect();
    assert!(unseen.is_empty(), "no example: {unseen:?}");
    assert!(seen.len() >= 40);
}

#[test]
fn an_inverse_leads_back() {
    for kind in ChangeKind::ALL {
        assert_eq!(kind.inverse().inverse(), *kind);
        for sender in [Sender::Client, Sender::Server] {
            assert_eq!(kind.for_new_client(sender), kind.inverse().for_old_client(sender));
        }
    }
}

#[test]
fn a_renamed_field_is_told_in_one_sentence() {
    let schema = |name: &str| object(&json!({ name: { "type": "string" } }), &[name]);
    let changes = contract(sends(schema("text"))).changes_to(&contract(sends(schema("body"))));
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.for_old_client(), Verdict::Breaking);
    assert_eq!(
        change.to_string(),
        "/chat request \"message\" text: field renamed: `text` is now `body` (FieldRenamed): breaks deployed clients, the server knows it by the \
         older name"
    );
}

#[test]
fn breaking_changes_come_first() {
    let old = request(ClientEvent::default());
    let new = NamespaceContract { guards: vec!["Admin".to_owned()], ..event(ServerEvent::default()) };
    let changes = contract(old).changes_to(&contract(new));
    let verdicts: Vec<bool> = changes.iter().map(super::super::Change::is_breaking).collect();
    assert_eq!(verdicts, [true, true, false], "{changes:?}");
}
