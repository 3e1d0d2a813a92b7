//! The schema of `Lenient`: it allows a value if and only if the server reads it.
#![allow(dead_code, reason = "clients read what the contract tells of them")]

use std::collections::BTreeMap;

use gateway_core::contract::{ClientReply, Contract};
use gateway_core::extract::Lenient;
use gateway_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, Serialize, JsonSchema)]
struct Order {
    places: u8,
    change: i32,
    price: Option<f64>,
    paid: bool,
    tags: Vec<bool>,
    by_name: BTreeMap<String, i64>,
    #[serde(default)]
    note: String,
    seat: (u8, f32),
    level: Level,
    table: Table,
    /// As the first of several.
    before: Option<Box<Order>>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
enum Level {
    Low,
    High,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind")]
enum Table {
    Round { seats: u8 },
    None,
}

#[derive(Deserialize, JsonSchema)]
struct Page {
    #[serde(deserialize_with = "Lenient::read")]
    #[schemars(with = "Lenient<u32>")]
    number: u32,
    of: u32,
}

#[gateway(namespace = "/orders")]
struct Orders;

#[gateway]
impl Orders {
    #[subscribe]
    fn order(&self, Data(Lenient(order)): Data<Lenient<Order>>) -> Data<Order> {
        Data(order)
    }

    #[subscribe]
    fn strict(&self, _: Data<Order>) {}

    #[subscribe]
    fn page(&self, Data(page): Data<Page>) -> u32 {
        page.number
    }

    #[subscribe]
    fn echo(&self, number: Data<Lenient<u16>>) -> Data<Lenient<u16>> {
        number
    }
}

fn contract() -> Contract {
    Server::empty().gateway::<Orders>().contract().unwrap()
}

/// The part of JSON Schema that these schemas use.
fn allows(contract: &Contract, schema: &Value, value: &Value) -> bool {
    let schema = contract.resolve(schema);
    let choices = |name: &str| schema.get(name).and_then(Value::as_array).map(|list| list.iter());
    let allowed = |choice: &Value| allows(contract, choice, value);
    if choices("anyOf").is_some_and(|mut list| !list.any(allowed))
        || choices("oneOf").is_some_and(|list| list.filter(|choice| allowed(choice)).count() != 1)
        || choices("enum").is_some_and(|mut list| !list.any(|one| one == value))
    {
        return false;
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(only) => only.as_str().into_iter().collect(),
        None => return true,
    };
    types.iter().any(|name| match (*name, value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) => true,
        ("integer" | "number", Value::Number(number)) => {
            let within = |name: &str, holds: fn(f64, f64) -> bool| {
                schema.get(name).and_then(Value::as_f64).is_none_or(|bound| holds(number.as_f64().unwrap(), bound))
            };
            (*name == "number" || !number.is_f64())
                && within("minimum", |number, bound| number >= bound)
                && within("maximum", |number, bound| number <= bound)
        }
        ("string", Value::String(text)) => match schema.get("pattern").and_then(Value::as_str) {
            None => true,
            Some("^[0-9]+$") => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
            Some("^-?[0-9]+$") => text.parse::<i128>().is_ok() && !text.starts_with('+'),
            Some(r"^-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$") => {
                text.parse::<f64>().is_ok()
                    && text.trim_start_matches('-').starts_with(|sign: char| sign.is_ascii_digit())
            }
            Some("^(true|false)$") => matches!(&**text, "true" | "false"),
            Some(pattern) => panic!("another pattern: {pattern}"),
        },
        ("array", Value::Array(list)) => match schema.get("items") {
            Some(Value::Array(tuple)) => {
                tuple.len() == list.len() && tuple.iter().zip(list).all(|(schema, item)| allows(contract, schema, item))
            }
            Some(each) => list.iter().all(|item| allows(contract, each, item)),
            None => true,
        },
        ("object", Value::Object(members)) => {
            let required = choices("required").into_iter().flatten().filter_map(Value::as_str);
            let own = |name: &String| schema.get("properties")?.get(name);
            let others = schema.get("additionalProperties");
            required.into_iter().all(|name| members.contains_key(name))
                && members.iter().all(|(name, member)| {
                    own(name).or(others).is_none_or(|schema| schema.is_boolean() || allows(contract, schema, member))
                })
        }
        _ => false,
    })
}

fn order() -> Value {
    json!({
        "places": 2, "change": -1, "price": 8.5, "paid": true, "tags": [true], "by_name": { "a": 1 }, "note": "n",
        "seat": [1, 2.5], "level": "Low", "table": { "kind": "Round", "seats": 4 }, "before": null,
    })
}

/// Each value in the place of a member.
const MEMBERS: [(&str, &str); 40] = [
    ("/places", r#""2""#),
    ("/places", r#""-2""#),
    ("/places", r#""""#),
    ("/places", r#""two""#),
    ("/places", "-2"),
    ("/places", "256"),
    ("/places", "2.5"),
    ("/places", "true"),
    ("/places", "null"),
    ("/change", r#""-1""#),
    ("/change", r#""+1""#),
    ("/change", r#""1.5""#),
    ("/price", r#""8.5""#),
    ("/price", r#""-1e3""#),
    ("/price", r#""eight""#),
    ("/price", r#""NaN""#),
    ("/price", r#"" 1""#),
    ("/price", "null"),
    ("/price", r#""null""#),
    ("/paid", r#""true""#),
    ("/paid", r#""yes""#),
    ("/paid", "1"),
    ("/tags/0", r#""false""#),
    ("/tags/0", "0"),
    ("/by_name/a", r#""-1""#),
    ("/by_name/a", r#""x""#),
    ("/note", "7"),
    ("/note", "true"),
    ("/note", "null"),
    ("/note", "[]"),
    ("/seat/0", r#""1""#),
    ("/seat/1", r#""2.5""#),
    ("/seat/1", r#""a""#),
    ("/level", r#""High""#),
    ("/level", "1"),
    // Serde buffers what a tag stands beside.
    ("/table/seats", r#""4""#),
    ("/table/kind", r#""None""#),
    ("/before/places", r#""2""#),
    ("/before/places", r#""x""#),
    ("/before/before/paid", r#""true""#),
];

#[test]
fn the_schema_allows_what_the_server_reads() {
    let contract = contract();
    let schema = |event: &str| {
        let request = contract.namespace("/orders").unwrap().request(event).unwrap();
        request.payload.as_ref().unwrap().schema.clone().unwrap()
    };
    let (lenient, strict) = (schema("order"), schema("strict"));
    let (mut read, mut refused) = (0, 0);
    for (pointer, member) in MEMBERS {
        let mut value = order();
        for depth in 0..pointer.matches("/before").count() {
            *value.pointer_mut(&"/before".repeat(depth + 1)).unwrap() = order();
        }
        *value.pointer_mut(pointer).unwrap() = serde_json::from_str(member).unwrap();
        let text = value.to_string();
        let is_read = serde_json::from_str::<Lenient<Order>>(&text).is_ok();
        assert_eq!(allows(&contract, &lenient, &value), is_read, "{pointer}: {member}");
        assert_eq!(
            allows(&contract, &strict, &value),
            serde_json::from_str::<Order>(&text).is_ok(),
            "{pointer}: {member}"
        );
        if is_read { read += 1 } else { refused += 1 }
    }
    assert!(read > 15 && refused > 15, "{read} are read, {refused} are not");
}

#[test]
fn it_is_written_as_the_type_itself() {
    let contract = contract();
    let orders = contract.namespace("/orders").unwrap();
    let reply = |event: &str| match &orders.request(event).unwrap().reply {
        ClientReply::Value(payload) => payload.schema.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reply("echo")["format"], json!("uint16"));
    assert!(contract.resolve(&reply("order"))["properties"]["places"].get("anyOf").is_none());
    // A choice between names alone is read strictly, and keeps its name.
    assert!(contract.schemas.contains_key("Lenient_Order") && !contract.schemas.contains_key("Lenient_Level"));
}

#[test]
fn one_member_may_be_lenient() {
    let contract = contract();
    let page = &contract.schemas["Page"]["properties"];
    assert!(allows(&contract, &page["number"], &json!("7")) && !allows(&contract, &page["number"], &json!("-7")));
    assert!(!allows(&contract, &page["of"], &json!("7")));
    let written = contract.to_typescript();
    assert!(written.contains("number: number | string;") && written.contains("of: number;"), "{written}");
}
