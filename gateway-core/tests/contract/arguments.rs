//! Lists of arguments that a type of the application is read from.
#![allow(dead_code, reason = "clients read what the contract tells of them")]

use gateway_core::contract::{Contract, Payload, PayloadStyle};
use gateway_core::extract::Args;
use gateway_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A piece, its field, and a comment.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Place(String, u8, Option<String>);

#[derive(Deserialize, JsonSchema)]
struct Whole(String, u8);

/// Serde reads it from a list too.
#[derive(Deserialize, JsonSchema)]
struct Named {
    piece: String,
    field: u8,
}

#[gateway(namespace = "/board")]
struct Board;

#[gateway]
impl Board {
    #[subscribe]
    fn place(&self, Args(place): Args<Place>) -> Data<u8> {
        Data(place.1)
    }

    #[subscribe]
    fn as_one(&self, _: Data<Place>) {}

    #[subscribe]
    fn whole(&self, _: Args<Whole>) {}

    #[subscribe]
    fn named(&self, Args(named): Args<Named>) -> Data<u8> {
        Data(named.field)
    }

    #[subscribe]
    fn placed(&self) -> Args<Place> {
        Args(Place("rook".into(), 3, None))
    }
}

fn contract() -> Contract {
    Server::empty().gateway::<Board>().contract().unwrap()
}

fn payload(contract: &Contract, event: &str) -> Payload {
    contract.namespace("/board").unwrap().request(event).unwrap().payload.clone().unwrap()
}

#[test]
fn a_named_tuple_is_a_list_whose_last_items_may_be_left_out() {
    let contract = contract();
    let Payload { style, schema, .. } = payload(&contract, "place");
    let list = schema.unwrap();
    assert_eq!((style, &list["minItems"], &list["maxItems"]), (PayloadStyle::Arguments, &json!(2), &json!(3)));
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
    // Read as one value it has all its items, and so has its name.
    let as_one = payload(&contract, "as_one").schema.unwrap();
    assert_eq!(contract.resolve(&as_one)["minItems"], json!(3));
    assert_eq!(payload(&contract, "whole").schema, Some(json!({ "$ref": "#/components/schemas/Whole" })));
}

#[test]
fn typed_clients_send_a_named_tuple_as_arguments() {
    let contract = contract();
    let plain = contract.to_typescript();
    assert!(plain.contains("[string, number, (string | null)?]"), "{plain}");
    let socket_io = contract.to_socket_io_typescript();
    assert!(socket_io.contains("data1: string, data2: number, ack:"), "{socket_io}");
}

#[test]
fn a_struct_with_names_has_no_schema_as_a_list() {
    let contract = contract();
    let Payload { style, schema, type_name, .. } = payload(&contract, "named");
    assert_eq!((style, schema), (PayloadStyle::Arguments, None::<Value>));
    assert_eq!(type_name.as_deref(), Some("Named"));
    assert!(!contract.schemas.contains_key("Named"));
}

#[tokio::test(start_paused = true)]
async fn the_lists_are_read_as_they_are_told() {
    let server = Server::empty().gateway::<Board>().test().await.unwrap();
    let mut ann = server.connect("/board").await.unwrap();
    let mut field = async |event, args: Value| ann.emit_with_ack::<u8>(event, args).await.unwrap();
    assert_eq!(field("place", json!(["rook", 3])).await, 3);
    assert_eq!(field("place", json!(["rook", 3, "check"])).await, 3);
    assert_eq!(field("named", json!(["rook", 3])).await, 3);
}
