use std::collections::HashMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read only")]
struct Order {
    items: Vec<Item>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read only")]
struct Item {
    price: f64,
    #[serde(default)]
    count: u8,
    #[serde(default)]
    color: Color,
    #[serde(default)]
    shape: Option<Form>,
    #[serde(default, rename = "unit price")]
    unit: Option<i32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    #[default]
    Red,
    Green,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read only")]
enum Form {
    Circle(u8),
    Line { length: u8 },
    Pair(u8, bool),
}

fn check<T: DeserializeOwned>(json: &str, rule: &str, text: &str) {
    assert!(serde_json::from_str::<T>(json).is_err(), "{json} can be read");
    let fault = explain::<T>(json, &[], None).unwrap_or_else(|| panic!("nothing is found in {json}"));
    assert_eq!((fault.to_string().as_str(), &*fault.rule), (text, rule), "{json}");
}

#[test]
fn a_number_of_many_digits_is_a_number() {
    check::<u8>(
        "11111111111111111111111111111111111111",
        "type",
        "$: expected a whole number from 0 to 255, found 11111111111111111111111111111111111111",
    );
    check::<String>("11111111111111111111111111111111111111", "type", "$: expected a string, found a number");
}

#[test]
fn a_name_is_told_up_to_a_bound() {
    let name = "\\\"".repeat(100_000);
    let json = serde_json::json!({"items": [], name: 1}).to_string();
    let fault = explain::<Order>(&json, &[], None).unwrap();
    assert!(fault.path.len() <= 1024, "{}", fault.path.len());
    assert_eq!(fault.rule, "unknown");
}

#[test]
fn each_kind_of_fault_says_where_it_is_and_what_to_send() {
    let item = |item: &str| format!(r#"{{"items":[{{"price":1}},{item}]}}"#);
    let order = |json: &str, rule: &str, text: &str| check::<Order>(json, rule, text);
    order(&item(r#"{"price":"1"}"#), "type", "$.items[1].price: expected a number, found a string");
    order(&item(r#"{"price":null}"#), "type", "$.items[1].price: expected a number, found null");
    order(&item("{}"), "missing", "$.items[1].price: missing");
    order(&item("7"), "type", "$.items[1]: expected an object, found a number");
    order(
        &item(r#"{"price":1, "count":300}"#),
        "range",
        "$.items[1].count: expected a whole number from 0 to 255, found 300",
    );
    order(
        &item(r#"{"price":1, "count":-1}"#),
        "range",
        "$.items[1].count: expected a whole number from 0 to 255, found -1",
    );
    order(
        &item(r#"{"price":1,"count":1.5}"#),
        "type",
        "$.items[1].count: expected a whole number from 0 to 255, found 1.5",
    );
    order(&item(r#"{"price":1,"color":"blue"}"#), "variant", "$.items[1].color: expected `red` or `green`");
    order(
        &item(r#"{"price":1,"color":7}"#),
        "type",
        "$.items[1].color: expected a string or an object with one member, found a number",
    );
    order(
        &item(r#"{"price":1,"shape":{"Circle":-1}}"#),
        "range",
        "$.items[1].shape.Circle: expected a whole number from 0 to 255, found -1",
    );
    order(&item(r#"{"price":1,"shape":{"Line":{}}}"#), "missing", "$.items[1].shape.Line.length: missing");
    order(
        &item(r#"{"price":1,"shape":{"Pair":[1]}}"#),
        "length",
        "$.items[1].shape.Pair: expected 2 elements, found 1",
    );
    order(
        &item(r#"{"price":1,"shape":{"Pair":[1,true,3]}}"#),
        "length",
        "$.items[1].shape.Pair: expected 2 elements, found 3",
    );
    order(
        &item(r#"{"price":1,"unit price":[]}"#),
        "type",
        r#"$.items[1]["unit price"]: expected a whole number from -2147483648 to 2147483647, found an array"#,
    );
    order(&item(r#"{"price":1,"price":2}"#), "duplicate", "$.items[1].price: given twice");
    order(r#"{"items":[],"itmes":[]}"#, "unknown", "$.itmes: unknown; expected `items` or `note`");
    order(r#"{"items":{}}"#, "type", "$.items: expected an array, found an object");
    order(r#" {"items" : [ ] , "note" : false } "#, "type", "$.note: expected a string, found false");
    order("[]", "length", "$: expected 2 elements, found 0");
    order("null", "type", "$: expected an object, found null");
}

#[test]
fn values_of_every_kind_are_told_apart() {
    check::<bool>("1", "type", "$: expected true or false, found a number");
    check::<String>("1.5", "type", "$: expected a string, found a number");
    check::<char>(r#""ab""#, "value", "$: expected a string of one character, found a string");
    check::<()>("true", "type", "$: expected null, found true");
    check::<(u8, u8)>("[1]", "length", "$: expected 2 elements, found 1");
    check::<[u8; 3]>("[1, 2, 3, 4]", "length", "$: expected 3 elements, found 4");
    check::<u64>("-1", "range", "$: expected a whole number that is not negative, found -1");
    check::<i64>("9223372036854775808", "range", "$: expected a whole number, found 9223372036854775808");
    check::<HashMap<u8, bool>>(r#"{"7":1}"#, "type", r#"$["7"]: expected true or false, found a number"#);
    check::<Bytes>(r#"{"a":1}"#, "type", "$: expected binary data or a base64 string, found an object");
    check::<Vec<Vec<u8>>>("[[1],[2,true]]", "type", "$[1][1]: expected a whole number from 0 to 255, found true");
    check::<std::net::IpAddr>(r#""here""#, "custom", "$: invalid IP address syntax");
}

#[test]
fn what_was_not_sent_is_missing() {
    let fault = |json: &str, given| explain::<(u8, String)>(json, &[], given).unwrap().to_string();
    assert_eq!(fault("[1,null]", Some(1)), "$[1]: missing");
    assert_eq!(fault("[1,null]", Some(2)), "$[1]: expected a string, found null");
    assert_eq!(fault("null", Some(0)), "$: missing");
}

#[test]
fn what_is_no_fault_of_the_type_is_left_to_the_parser() {
    assert_eq!(explain::<f64>("1e999", &[], None), None);
    assert_eq!(explain::<String>(r#""\ud800""#, &[], None), None);
    assert_eq!(explain::<u8>("7", &[], None), None);
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    assert_eq!(explain::<Value>(&deep, &[], None), None);
    assert_eq!(explain::<Value>(&deep[1..257], &[], None), None);
}

#[test]
fn binary_parts_are_read_by_their_placeholders() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "read only")]
    struct Upload {
        bytes: Bytes,
        name: String,
    }
    let parts = [Bytes::from_static(b"x")];
    let json = r#"{"bytes":{"_placeholder":true,"num":0},"name":1}"#;
    assert_eq!(explain::<Upload>(json, &parts, None).unwrap().to_string(), "$.name: expected a string, found a number");
    assert_eq!(explain::<Upload>(r#"{"bytes":"a"}"#, &[], None).unwrap().path, "$.bytes");
}

/// JSON with the names and kinds of values that [`Order`] has, right and wrong.
fn any_order() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..400).prop_map(Value::from),
        (0.0_f64..2.0).prop_map(Value::from),
        prop::sample::select(vec!["red", "Circle", "Line", "x"]).prop_map(Value::from),
    ];
    let names = ["items", "note", "price", "count", "color", "shape", "unit price", "Circle", "Line", "Pair", "length"];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let name = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Finds a fault exactly where the first look does.
fn agrees<T: DeserializeOwned>(json: &str) {
    let first = serde_json::from_str::<T>(json).map(drop);
    let second = explain::<T>(json, &[], None);
    assert_eq!(first.is_err(), second.is_some(), "{json}: {first:?}, {second:?}");
}

proptest! {
    #[test]
    fn both_looks_agree(value in any_order()) {
        for json in [value.to_string(), format!("{value:#}")] {
            agrees::<Order>(&json);
            agrees::<Vec<Item>>(&json);
            agrees::<Form>(&json);
            agrees::<Option<(Color, Option<u8>)>>(&json);
            agrees::<HashMap<String, Form>>(&json);
            agrees::<Box<RawValue>>(&json);
            agrees::<Value>(&json);
        }
    }

    #[test]
    fn a_broken_text_is_given_up_on(json in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,40}") {
        let _ = explain::<Order>(&json, &[], None);
        let _ = explain::<Value>(&json, &[], None);
        let _ = explain::<HashMap<String, Form>>(&json, &[], None);
    }
}
