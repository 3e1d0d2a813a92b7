//! Types whose schemas are hard to write, and the components they become.
#![allow(dead_code, reason = "clients read what the contract tells of them")]

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use gateway_core::contract::{ClientReply, Contract, NamespaceContract, PayloadStyle};
use gateway_core::extract::{Args, Binary, Lenient};
use gateway_core::prelude::*;
use gateway_core::validation::Valid;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn contract_of<G: gateway_core::manual::Gateway + gateway_core::manual::Registered>() -> Contract {
    let contract = Server::empty().gateway::<G>().contract().unwrap();
    assert_eq!(Contract::from_json(&contract.to_json()).unwrap(), contract.clone().without_places());
    contract
}

fn only(contract: &Contract) -> &NamespaceContract {
    assert_eq!(contract.namespaces.len(), 1);
    &contract.namespaces[0]
}

/// The schema of what a client sends, its references followed.
fn sent<'a>(contract: &'a Contract, event: &str) -> &'a Value {
    let request = only(contract).request(event).unwrap();
    contract.resolve(request.payload.as_ref().unwrap().schema.as_ref().unwrap())
}

fn replied<'a>(contract: &'a Contract, event: &str) -> &'a Value {
    match &only(contract).request(event).unwrap().reply {
        ClientReply::Value(payload) | ClientReply::Stream(payload) => {
            contract.resolve(payload.schema.as_ref().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

mod one {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    pub(super) struct User {
        pub(super) name: String,
    }
}

mod other {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    pub(super) struct User {
        pub(super) id: u8,
    }
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Comment {
    text: String,
    answers: Vec<Comment>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Options {
    #[serde(default)]
    loud: bool,
    #[serde(default)]
    inner: Inner,
}

#[derive(Default, Deserialize, Serialize, JsonSchema)]
struct Inner {
    #[serde(default)]
    count: u8,
}

/// Read leniently, in this order.
#[derive(Deserialize, JsonSchema)]
struct Measures(u8, i8, f64, bool, String, Option<Inner>);

#[derive(Deserialize)]
struct Secret;

#[gateway(namespace = "/types")]
pub(crate) struct Types;

#[gateway]
impl Types {
    #[subscribe("one user")]
    fn one_user(&self, _: Data<one::User>) {}

    #[subscribe("other.user")]
    fn other_user(&self, _: Data<other::User>) {}

    #[subscribe]
    fn comment(&self, comment: Data<Comment>) -> Data<Comment> {
        comment
    }

    #[subscribe]
    fn options(&self, options: Data<Options>) -> Data<Options> {
        options
    }

    #[subscribe]
    fn secret(&self, _: Data<Vec<Secret>>) {}

    #[subscribe]
    fn by_number(&self, _: Data<HashMap<u32, BTreeMap<String, i64>>>) {}

    #[subscribe]
    fn binary(&self, bytes: bytes::Bytes) -> bytes::Bytes {
        bytes
    }

    #[subscribe]
    fn parts(&self, _: Data<Vec<Binary>>) -> Result<Option<Data<Binary>>, Exception> {
        Ok(None)
    }

    #[subscribe]
    fn optional(&self, _: Args<(u8, Option<u8>, Option<String>)>) {}

    #[subscribe]
    fn measures(&self, _: Args<Lenient<Measures>>) {}

    #[subscribe]
    fn later(&self, _ack: gateway_core::extract::Ack) {}

    #[subscribe]
    fn text(&self) -> Cow<'static, str> {
        "text".into()
    }

    #[subscribe]
    fn streamed(&self) -> Result<gateway_core::Streamed<futures_util::stream::Empty<Data<u64>>>, Exception> {
        Ok(gateway_core::Streamed(futures_util::stream::empty()))
    }

    #[subscribe("order.*")]
    #[deprecated = "send `order`"]
    fn orders(&self, _: Data<Value>) {}
}

#[test]
fn two_types_of_one_name_are_two_components() {
    let contract = contract_of::<Types>();
    assert_eq!(sent(&contract, "one user")["required"], json!(["name"]));
    assert_eq!(sent(&contract, "other.user")["required"], json!(["id"]));
    assert!(contract.schemas.contains_key("User") && contract.schemas.contains_key("User2"));
}

#[test]
fn a_type_that_contains_itself_refers_to_itself() {
    let contract = contract_of::<Types>();
    let items = &sent(&contract, "comment")["properties"]["answers"]["items"];
    assert_eq!(items, &json!({ "$ref": "#/components/schemas/Comment" }));
    assert!(!contract.schemas.contains_key("CommentOut"), "both directions are equal");
}

#[test]
fn a_type_that_is_read_and_written_differently_has_two_components() {
    let contract = contract_of::<Types>();
    assert_eq!(sent(&contract, "options").get("required"), None);
    assert_eq!(replied(&contract, "options")["required"], json!(["loud", "inner"]));
    // A difference deep inside makes what refers to it different.
    assert_eq!(contract.schemas["InnerOut"]["required"], json!(["count"]));
}

#[test]
fn a_type_without_a_schema_appears_by_its_name() {
    let contract = contract_of::<Types>();
    let payload = only(&contract).request("secret").unwrap().payload.as_ref().unwrap();
    assert_eq!((payload.schema.as_ref(), payload.type_name.as_deref()), (None, Some("Vec<Secret>")));
}

#[test]
fn a_map_by_numbers_says_which_names_it_takes() {
    let contract = contract_of::<Types>();
    let by_number = sent(&contract, "by_number");
    let inner = &by_number["patternProperties"]["^\\d+$"];
    assert_eq!((&by_number["additionalProperties"], &inner["type"]), (&json!(false), &json!("object")), "{by_number}");
    // A number that JavaScript cannot hold is what it is on the wire, with a note.
    let number = &inner["additionalProperties"];
    assert_eq!((&number["type"], &number["format"]), (&json!("integer"), &json!("int64")));
    assert!(number["x-note"].as_str().unwrap().contains("2^53"));
}

#[test]
fn bytes_are_told_from_texts() {
    let contract = contract_of::<Types>();
    let request = only(&contract).request("binary").unwrap();
    assert_eq!(request.payload.as_ref().unwrap().style, PayloadStyle::Binary);
    assert!(matches!(&request.reply, ClientReply::Value(payload) if payload.style == PayloadStyle::Binary));
    assert_eq!(sent(&contract, "parts")["items"]["x-binary"], json!(true));
    let ClientReply::Value(reply) = &only(&contract).request("parts").unwrap().reply else { panic!("no value") };
    assert!(reply.may_be_absent);
}

#[test]
fn arguments_at_the_end_that_may_be_null_may_be_left_out() {
    let contract = contract_of::<Types>();
    let list = sent(&contract, "optional");
    assert_eq!((&list["minItems"], &list["maxItems"]), (&json!(1), &json!(3)), "{list}");
    assert_eq!(only(&contract).request("optional").unwrap().payload.as_ref().unwrap().style, PayloadStyle::Arguments);
}

#[test]
fn replies_are_what_the_signature_tells() {
    let contract = contract_of::<Types>();
    let reply = |event: &str| only(&contract).request(event).unwrap().reply.clone();
    assert_eq!(reply("one user"), ClientReply::Empty);
    assert_eq!(reply("later"), ClientReply::Untold);
    assert_eq!(replied(&contract, "text"), &json!({ "type": "string" }));
    assert!(matches!(reply("streamed"), ClientReply::Stream(_)));
    assert_eq!(replied(&contract, "streamed")["format"], json!("uint64"));
    let orders = only(&contract).request("order.*").unwrap();
    assert!(orders.is_deprecated);
    assert_eq!(sent(&contract, "order.*"), &json!({}));
}

#[test]
fn names_with_any_sign_are_keys_that_tools_take() {
    let document: Value = serde_json::from_str(&contract_of::<Types>().to_json()).unwrap();
    let allowed = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '-');
    let messages = document["channels"]["types"]["messages"].as_object().unwrap();
    let operations = document["operations"].as_object().unwrap();
    assert!(messages.keys().chain(operations.keys()).all(|key| key.chars().all(allowed)));
    assert_eq!(messages["receive.one_user"]["name"], json!("one user"));
    assert_eq!(messages["receive.other.user"]["name"], json!("other.user"));
}

/// A type whose schema cannot be written.
#[derive(Deserialize)]
struct Broken;

impl JsonSchema for Broken {
    fn schema_name() -> Cow<'static, str> {
        "Broken".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        panic!("no schema today")
    }
}

#[gateway(namespace = "/broken")]
struct BrokenTypes;

#[gateway]
impl BrokenTypes {
    #[subscribe]
    fn broken(&self, _: Data<Broken>) {}

    #[subscribe]
    fn streams(&self) -> impl futures_core::Stream<Item = gateway_core::Streamed<futures_util::stream::Empty<u8>>> {
        futures_util::stream::empty()
    }
}

#[test]
fn what_cannot_be_described_is_told_with_its_place() {
    let failed = Server::empty().gateway::<BrokenTypes>().contract().unwrap_err().to_string();
    assert!(failed.contains("Broken` cannot be written: no schema today"), "{failed}");
    assert!(failed.contains("`BrokenTypes::streams` answers by a stream of streams"), "{failed}");
    let places = failed.matches("tests/contract/types.rs:").count();
    assert_eq!(places, 2, "{failed}");
}

/// Rules of garde, and values with comments.
#[derive(Deserialize, JsonSchema, garde::Validate)]
struct Ruled {
    #[garde(length(min = 2, max = 10))]
    bytes: String,
    #[garde(length(chars, min = 2, max = 10))]
    #[schemars(extend("x-counts" = "chars"))]
    chars: String,
    #[garde(range(min = 1, max = 3))]
    number: u8,
    #[garde(skip)]
    #[schemars(regex(pattern = r"(?i)abc"))]
    pattern: String,
    #[garde(skip)]
    level: Level,
}

#[derive(Deserialize, JsonSchema)]
enum Level {
    /// Nobody is woken.
    Low,
    High,
    Mid,
}

#[gateway(namespace = "/ruled")]
pub(crate) struct Rules;

#[gateway]
impl Rules {
    #[subscribe]
    fn ruled(&self, _: Valid<Data<Ruled>>) {}
}

#[test]
fn a_schema_refuses_nothing_that_the_server_takes() {
    let contract = contract_of::<Rules>();
    let properties = &sent(&contract, "ruled")["properties"];
    // "é" has two bytes and one character.
    assert_eq!((&properties["bytes"]["minLength"], &properties["bytes"]["maxLength"]), (&json!(1), &json!(10)));
    assert_eq!(properties["chars"]["minLength"], json!(2));
    assert_eq!((&properties["number"]["minimum"], &properties["number"]["maximum"]), (&json!(1), &json!(3)));
    // A flag has no counterpart in JavaScript.
    assert_eq!(properties["pattern"].get("pattern"), None);
    assert_eq!(properties["pattern"]["x-rust-pattern"], json!("(?i)abc"));
}

#[test]
fn a_comment_on_a_value_changes_no_schema() {
    let contract = contract_of::<Rules>();
    let level = &contract.schemas["Level"];
    assert_eq!(level["enum"], json!(["High", "Low", "Mid"]));
    assert_eq!((&level["type"], level.get("oneOf")), (&json!("string"), None));
    assert_eq!(level["x-enum-descriptions"], json!({ "Low": "Nobody is woken." }));
}

#[test]
fn a_contract_does_not_depend_on_the_order_of_gateways() {
    let one = Server::empty().gateway::<Types>().gateway::<Rules>().contract().unwrap();
    let other = Server::empty().gateway::<Rules>().gateway::<Types>().contract().unwrap();
    assert_eq!(one.schemas, other.schemas);
    assert_eq!(one.namespaces, other.namespaces);
}
