use std::collections::HashMap;
use std::fmt::Debug;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

const FIRST: &str = r#"{"_placeholder":true,"num":0}"#;
const SECOND: &str = r#"{"_placeholder":true,"num":1}"#;

fn part(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Upload {
    name: String,
    file: Bytes,
    thumbnail: Option<Bytes>,
    more: Vec<Bytes>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Piece {
    Nothing,
    Raw(Bytes),
    Pair(u8, Bytes),
    Named { data: Bytes },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum TextOrBytes {
    Text(String),
    Bytes(Bytes),
    Inside { data: Bytes },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Flattened {
    id: u32,
    #[serde(flatten)]
    piece: Inner,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Inner {
    data: Bytes,
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: &str, parts: &[Bytes]) {
    let content = Content::from_value(value).unwrap();
    assert_eq!(content, Content { json: json.to_owned(), shape: Arity::One, attachments: parts.to_vec() });
    assert_eq!(&read::<T>(json, parts).unwrap(), value, "{json}");
    let mut plain = Vec::new();
    content.borrowed().write_plain(&mut plain);
    assert_eq!(plain == json.as_bytes(), parts.is_empty(), "{json}");
    serde_json::from_slice::<Value>(&plain).unwrap();
}

/// Also where the bytes come as base64.
fn round_trip_plain<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: &str, parts: &[Bytes]) {
    round_trip(value, json, parts);
    let mut plain = Vec::new();
    Content::from_value(value).unwrap().borrowed().write_plain(&mut plain);
    assert_eq!(&read::<T>(std::str::from_utf8(&plain).unwrap(), &[]).unwrap(), value);
}

#[test]
fn bytes_anywhere_in_a_value_are_attachments() {
    let upload = Upload { name: "ü\"".into(), file: part("abc"), thumbnail: None, more: vec![part("x"), part("")] };
    let json = r#"{"name":"ü\"","file":{"_placeholder":true,"num":0},"thumbnail":null,"more":[{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]}"#;
    round_trip_plain(&upload, json, &[part("abc"), part("x"), part("")]);
    round_trip_plain(&part("abc"), FIRST, &[part("abc")]);
    round_trip_plain(&Some(part("abc")), FIRST, &[part("abc")]);
    round_trip_plain(&(1, part("abc")), &format!("[1,{FIRST}]"), &[part("abc")]);
    round_trip_plain(&Piece::Nothing, r#""Nothing""#, &[]);
    round_trip_plain(&Piece::Raw(part("a")), &format!(r#"{{"Raw":{FIRST}}}"#), &[part("a")]);
    round_trip_plain(&Piece::Pair(1, part("a")), &format!(r#"{{"Pair":[1,{FIRST}]}}"#), &[part("a")]);
    round_trip_plain(&Piece::Named { data: part("a") }, &format!(r#"{{"Named":{{"data":{FIRST}}}}}"#), &[part("a")]);
    let map: HashMap<u32, Bytes> = HashMap::from([(7, part("a"))]);
    round_trip_plain(&map, &format!(r#"{{"7":{FIRST}}}"#), &[part("a")]);
}

#[test]
fn bytes_are_found_where_the_type_is_not_known_before() {
    // No UTF-8, or else a text would take them.
    let part = Bytes::from_static(&[0xff]);
    let parts = [part.clone()];
    round_trip(&TextOrBytes::Bytes(part.clone()), FIRST, &parts);
    round_trip(&TextOrBytes::Inside { data: part.clone() }, &format!(r#"{{"data":{FIRST}}}"#), &parts);
    let both = vec![TextOrBytes::Text("t".into()), TextOrBytes::Bytes(part.clone())];
    round_trip(&both, &format!(r#"["t",{FIRST}]"#), &parts);
    let flattened = Flattened { id: 1, piece: Inner { data: part } };
    round_trip(&flattened, &format!(r#"{{"id":1,"data":{FIRST}}}"#), &parts);
}

#[test]
fn a_value_without_bytes_is_plain_json() {
    let value = serde_json::json!({"a": [1, 2.5, null, "x\n"], "_placeholder": true, "num": 5});
    round_trip_plain(&value, &value.to_string(), &[]);
    let raw: Box<RawValue> = serde_json::from_str("{ \"a\" : 1 }").unwrap();
    assert_eq!(Content::from_value(&raw).unwrap().json, "{ \"a\" : 1 }");
    assert_eq!(read::<Box<RawValue>>("[ 1 ]", &[]).unwrap().get(), "[ 1 ]");
    assert_eq!(read::<(u8, Box<RawValue>)>(&format!("[1,{FIRST}]"), &[part("a")]).unwrap().1.get(), FIRST);
}

#[test]
fn bytes_are_also_read_from_base64_and_numbers() {
    let check = |json: &str| assert_eq!(read::<Bytes>(json, &[]).unwrap(), part("abc"), "{json}");
    check(r#""YWJj""#);
    check("[97,98,99]");
    check(r#""\u0059WJj""#);
    for json in [r#""?""#, r#""YWJ""#, "1", "null", "{}", FIRST, "[256]"] {
        assert!(read::<Bytes>(json, &[]).is_err(), "{json}");
    }
}

#[test]
fn a_placeholder_is_read_only_as_what_it_stands_for() {
    let parts = [part("abc")];
    for json in [SECOND, r#"{"_placeholder":true}"#, r#"{"_placeholder":true,"num":-1}"#, "{}", r#"{"a":1}"#] {
        assert!(read::<Bytes>(json, &parts).is_err(), "{json}");
    }
    assert!(read::<String>(FIRST, &parts).is_err());
    // A tree of JSON has no place for bytes.
    let error = read::<Value>(FIRST, &parts).unwrap_err().to_string();
    assert!(error.contains("byte array"), "{error}");
    assert_eq!(read::<Value>(r#"{"a":[1],"b":{}}"#, &parts).unwrap(), serde_json::json!({"a": [1], "b": {}}));
    assert!(read::<u8>("1 2", &[]).is_err());
}

#[test]
fn a_look_alike_cannot_be_sent_beside_bytes() {
    let look_alike: Value = serde_json::from_str(r#"{"_placeholder":true,"num":7}"#).unwrap();
    assert!(Content::from_value(&(&look_alike, part("a"))).is_err());
    assert!(Content::from_value(&look_alike).is_ok());
    let harmless = serde_json::json!({"_placeholder": "true"});
    assert!(Content::from_value(&(harmless, part("a"))).is_ok());
}

#[test]
fn a_part_of_a_text_keeps_what_it_names() {
    let parts = [part("a"), part("b")];
    let kept = (format!("[5,{FIRST}]"), vec![part("b")]);
    assert_eq!(keep_named(format!("[5,{SECOND}]"), &parts), kept);
    assert_eq!(keep_named("[5]".to_owned(), &parts), ("[5]".to_owned(), Vec::new()));
    assert_eq!(keep_named(FIRST.to_owned(), &[]), (FIRST.to_owned(), Vec::new()));
}

#[test]
fn in_the_plain_format_bytes_are_base64() {
    let check = |json: &str, parts: &[Bytes], expected: &str| {
        let mut out = Vec::new();
        ContentRef { json, shape: Arity::One, attachments: parts }.write_plain(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{json}");
    };
    check(FIRST, &[part("abc")], r#""YWJj""#);
    check(&format!("[{FIRST},\"x\",{SECOND}]"), &[part("a"), part("")], r#"["YQ==","x",""]"#);
    check(FIRST, &[], FIRST);
}
