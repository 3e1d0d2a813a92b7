use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU8;

use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its shape is looked at")]
struct Order {
    dish: String,
    unit_price: f64,
    places: u8,
    #[serde(default)]
    note: String,
    table: Option<u32>,
    items: Vec<Item>,
    paid: Paid,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is looked at")]
struct Item {
    name: String,
    count: NonZeroU8,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its shape is looked at")]
enum Paid {
    Cash,
    Card { number: String },
}

fn check<T: DeserializeOwned>(json: &Value, expected: &[&str]) {
    let (read, found) = every_fault::<T>(&json.to_string(), 32).unwrap_or_default();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{json}");
    assert!(read.is_some() || expected.is_empty(), "{json}");
}

#[test]
fn every_member_that_does_not_fit_is_told() {
    let all_missing =
        ["$.dish: missing", "$.unitPrice: missing", "$.places: missing", "$.items: missing", "$.paid: missing"];
    check::<Order>(&json!({}), &all_missing);
    check::<Order>(
        &json!({"dish": 7, "unitPrice": "8", "places": 256, "note": null, "table": "x", "items": {}, "paid": "shells"}),
        &[
            "$.dish: expected a string, found a number",
            "$.items: expected an array, found an object",
            "$.note: expected a string, found null",
            "$.paid: expected `cash` or `card`",
            "$.places: expected a whole number from 0 to 255, found 256",
            "$.table: expected a whole number from 0 to 4294967295, found a string",
            "$.unitPrice: expected a number, found a string",
        ],
    );
}

#[test]
fn what_lies_in_others_is_told_with_its_path() {
    let order =
        |items: Value, paid: Value| json!({"dish": "rice", "unitPrice": 8, "places": 2, "items": items, "paid": paid});
    check::<Order>(
        &order(json!([{"name": 1, "count": 0}, {}, {"name": "a", "count": 1, "other": 1}]), json!({"card": {}})),
        &[
            "$.items[0].count: expected a whole number other than 0, found 0",
            "$.items[0].name: expected a string, found a number",
            "$.items[1].name: missing",
            "$.items[1].count: missing",
            "$.items[2].other: unknown; expected `name` or `count`",
            "$.paid.card.number: missing",
        ],
    );
    check::<Order>(&json!([]), &["$: expected an object, found an array"]);
    check::<Order>(&json!("text"), &["$: expected an object, found a string"]);
    check::<HashMap<String, u8>>(
        &json!({"a": "1", "b c": -1}),
        &[
            "$.a: expected a whole number from 0 to 255, found a string",
            r#"$["b c"]: expected a whole number from 0 to 255, found -1"#,
        ],
    );
}

#[test]
fn a_type_with_a_form_of_its_own_does_not_hide_what_is_behind_it() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Peer {
        address: IpAddr,
        port: u16,
    }
    check::<Peer>(
        &json!({"address": "here", "port": "80"}),
        &["$.address: invalid IP address syntax", "$.port: expected a whole number from 0 to 65535, found a string"],
    );
}

#[test]
fn what_can_be_read_or_is_too_large_has_no_list() {
    assert!(every_fault::<u8>("7", 32).is_none());
    assert!(every_fault::<u8>(&format!("\"{}\"", "x".repeat(LARGEST)), 32).is_none());
    let many = serde_json::to_string(&vec!["x"; 100]).unwrap();
    assert_eq!(every_fault::<Vec<u8>>(&many, 32).unwrap().1.len(), 32);
}
