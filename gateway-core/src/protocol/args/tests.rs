use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::protocol::Binary;

fn several(json: &str) -> Payload<'_> {
    Payload { shape: Arity::Several, ..Payload::one(Some(json)) }
}

fn nothing(shape: Arity) -> Payload<'static> {
    Payload { json: None, shape, attachments: None, trace: None }
}

fn written(args: &RawArgs) -> (&str, Arity) {
    (&args.content.json, args.content.shape)
}

#[test]
fn one_argument_is_a_list_of_one_and_nothing_is_an_empty_list() {
    let check = |payload: Payload<'_>, list: &str, value: &str| {
        let args = RawArgs::from(payload.clone());
        assert_eq!(args.json(), list);
        assert_eq!(args.len(), serde_json::from_str::<Vec<Value>>(list).unwrap().len());
        assert_eq!(args.is_empty(), list == "[]");
        assert_eq!(payload.list().read_value::<Value>().unwrap().to_string(), value);
        assert_eq!(payload.list().read_all::<Vec<Value>>().unwrap(), serde_json::from_str::<Vec<Value>>(list).unwrap());
    };
    check(Payload::one(Some("7")), "[7]", "7");
    check(Payload::one(Some("null")), "[null]", "null");
    check(Payload::one(Some("[1,2]")), "[[1,2]]", "[1,2]");
    check(several("[1,\"a\"]"), "[1,\"a\"]", "[1,\"a\"]");
    check(several("[]"), "[]", "[]");
    check(nothing(Arity::One), "[]", "null");
    check(nothing(Arity::Several), "[]", "null");
    check(Payload::from_data(Some("[1,2]")), "[1,2]", "[1,2]");
    check(Payload::from_data(Some("{\"a\":[]}")), "[{\"a\":[]}]", "{\"a\":[]}");
}

#[test]
fn what_came_is_sent_as_it_came() {
    for json in ["1e400", "[12345678901234567890123, 1.10 ,\"\\ud800\"]", "{ \"a\" : 1 }", "[[1,2]]", "[]", "null"] {
        for shape in [Arity::One, Arity::Several] {
            let came = Payload { shape, ..Payload::one(Some(json)) };
            assert_eq!(written(&RawArgs::from(came.clone()).to_args().unwrap()), (json, shape));
            assert_eq!(written(&RawArgs::from(came.into_owned())), (json, shape));
        }
    }
    assert_eq!(written(&RawArgs::from(nothing(Arity::One))), ("null", Arity::One));
    assert_eq!(written(&RawArgs::from(nothing(Arity::Several))), ("[]", Arity::Several));
}

#[test]
fn what_is_spread_is_several_arguments_and_one_is_itself() {
    let check = |args: Result<RawArgs, serde_json::Error>, json: &str, shape: Arity| {
        assert_eq!(written(&args.unwrap()), (json, shape));
    };
    check(Args((1, "a")).to_args(), "[1,\"a\"]", Arity::Several);
    check(Args(vec!["a"; 3]).to_args(), "[\"a\",\"a\",\"a\"]", Arity::Several);
    check(Args(("a",)).to_args(), "\"a\"", Arity::One);
    check(Args([json!({"a": [1]})]).to_args(), "{\"a\":[1]}", Arity::One);
    // Written as itself the argument would be read as two.
    check(Args(([1, 2],)).to_args(), "[[1,2]]", Arity::Several);
    check(Args(()).to_args(), "[]", Arity::Several);
    check(Args(Vec::<u8>::new()).to_args(), "[]", Arity::Several);
    check(RawArgs::default().to_args(), "[]", Arity::Several);
    check([1, 2].to_args(), "[1,2]", Arity::One);
    check("text".to_args(), "\"text\"", Arity::One);
    for error in [Args(5).to_args(), Args("text").to_args(), Args(json!({"a": 1})).to_args()] {
        assert!(error.unwrap_err().to_string().starts_with("arguments are spread from a tuple"));
    }
}

#[test]
fn what_was_left_out_at_the_end_is_null() {
    let read =
        |payload: Payload<'_>| payload.list().read_all::<(String, Option<u8>)>().map_err(|error| error.to_string());
    assert_eq!(read(several("[\"a\",1]")), Ok(("a".to_owned(), Some(1))));
    assert_eq!(read(Payload::one(Some("\"a\""))), Ok(("a".to_owned(), None)));
    let short = "invalid length 0, expected a tuple of size 2 at line 1 column 2";
    assert_eq!(read(nothing(Arity::One)), Err(short.to_owned()));
    let wrong = "invalid type: integer `5`, expected a string at line 1 column 2";
    assert_eq!(read(several("[5,1]")), Err(wrong.to_owned()));
    assert!(read(several("[\"a\",1,2]")).unwrap_err().starts_with("trailing characters"));
    assert_eq!(nothing(Arity::Several).list().read_all::<(Option<u8>,)>().unwrap(), (None,));
}

#[test]
fn each_is_read_by_its_place() {
    let args = RawArgs::from(several("[1, {\"a\":[2,3]} ,\"x\"]"));
    assert_eq!(args.read::<u8>(0).unwrap(), 1);
    assert_eq!(args.read::<Value>(1).unwrap(), json!({"a": [2, 3]}));
    assert_eq!(args.read::<String>(2).unwrap(), "x");
    assert_eq!(args.read::<Option<u8>>(3).unwrap(), None);
    assert!(args.read::<u8>(2).is_err());
    let one = RawArgs::one(&[1, 2]).unwrap();
    assert_eq!(one.read::<[u8; 2]>(0).unwrap(), [1, 2]);
    assert_eq!(one.read::<Option<u8>>(1).unwrap(), None);
}

#[test]
fn a_long_list_is_gone_through_once() {
    let count = 20_000;
    let list = format!("[{} ]", (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(" , "));
    let args = RawArgs::from(several(&list));
    // A quadratic scan would read four thousand million bytes.
    for index in 0..args.len() {
        assert_eq!(args.read::<usize>(index).unwrap(), index);
    }
    assert_eq!((args.len(), args.read::<Option<u8>>(count).unwrap()), (count, None));
    assert_eq!(args.clone(), args);
    let behind = args.skip(count - 1);
    assert_eq!((written(&behind), behind.len()), (("19999", Arity::One), 1));
    assert_eq!(behind.read::<Option<usize>>(0).unwrap(), Some(count - 1));
    assert_eq!(RawArgs::from(several(" [ ] ")).len(), 0);
}

#[test]
fn what_is_left_behind_the_first_is_unchanged() {
    let args = RawArgs::from(several("[\"room\",1.10,{ \"a\":1 }]"));
    assert_eq!(written(&args.skip(0)), ("[\"room\",1.10,{ \"a\":1 }]", Arity::Several));
    assert_eq!(written(&args.skip(1)), ("[1.10,{ \"a\":1 }]", Arity::Several));
    assert_eq!(written(&args.skip(2)), ("{ \"a\":1 }", Arity::One));
    assert_eq!(written(&args.skip(3)), ("[]", Arity::Several));
    assert_eq!(written(&args.skip(9)), ("[]", Arity::Several));
    assert_eq!(RawArgs::one("room").unwrap().skip(1), RawArgs::default());
}

#[test]
fn what_is_left_keeps_the_parts_it_names() {
    let args = RawArgs::each(&(Bytes::from_static(b"a"), 1, Bytes::from_static(b"b"))).unwrap();
    assert_eq!(args.read::<Bytes>(0).unwrap(), "a");
    assert_eq!(args.read::<Bytes>(2).unwrap(), "b");
    let left = args.skip(1);
    assert_eq!(written(&left), ("[1,{\"_placeholder\":true,\"num\":0}]", Arity::Several));
    assert_eq!(left.content.attachments, ["b"]);
    assert_eq!(<(u8, Bytes)>::from_args(left).unwrap(), (1, Bytes::from_static(b"b")));
}

#[test]
fn an_answer_is_read_as_one_value_as_a_list_or_not_at_all() {
    let args = || RawArgs::from(several("[true,\"x\"]"));
    assert_eq!(<(bool, String)>::from_args(args()).unwrap(), (true, "x".to_owned()));
    assert_eq!(Args::<Vec<Value>>::from_args(args()).unwrap(), Args(vec![json!(true), json!("x")]));
    assert_eq!(RawArgs::from_args(args()).unwrap(), args());
    let one = || RawArgs::from(Payload::one(Some("true")));
    assert!(bool::from_args(one()).unwrap());
    assert_eq!(Args::<(bool,)>::from_args(one()).unwrap(), Args((true,)));
    let none = || RawArgs::from(nothing(Arity::Several));
    <()>::from_args(none()).unwrap();
    assert_eq!(Args::<Vec<Value>>::from_args(none()).unwrap(), Args(vec![]));
}

fn part(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn placeholder(number: usize) -> String {
    format!(r#"{{"_placeholder":true,"num":{number}}}"#)
}

/// Three arguments, the first with two binary parts.
fn binary() -> RawArgs {
    let list = format!(r#"[[{},{}],"x",{{"a":{}}}]"#, placeholder(0), placeholder(1), placeholder(2));
    let attachments: Arc<[Bytes]> = [part("a"), part("b"), part("c")].into();
    RawArgs::from(Payload { attachments: Some(attachments), ..several(&list) })
}

type All = (Vec<Bytes>, String, HashMap<String, Bytes>);

#[test]
fn binary_parts_are_read_wherever_they_stand() {
    let args = binary();
    assert_eq!(args.read::<Vec<Bytes>>(0).unwrap(), [part("a"), part("b")]);
    assert_eq!(args.read::<HashMap<String, Bytes>>(2).unwrap()["a"], part("c"));
    let expected: All = (vec![part("a"), part("b")], "x".to_owned(), HashMap::from([("a".to_owned(), part("c"))]));
    assert_eq!(All::from_args(args.clone()).unwrap(), expected);
    assert_eq!(Args::<All>::from_args(args.clone()).unwrap(), Args(expected.clone()));
    // One more than was sent.
    let Args((first, text, third, none)) =
        Args::<(Vec<Bytes>, String, HashMap<String, Bytes>, Option<Bytes>)>::from_args(args).unwrap();
    assert_eq!(((first, text, third), none), (expected, None));
}

#[test]
fn binary_parts_are_sent_wherever_they_stand() {
    let args = Args((1, part("a"), vec![part("b")])).to_args().unwrap();
    assert_eq!(args.json(), format!("[1,{},[{}]]", placeholder(0), placeholder(1)));
    assert_eq!(args.content.attachments, [part("a"), part("b")]);
    let one = Args((part("a"),)).to_args().unwrap();
    assert_eq!((written(&one), &one.content.attachments), ((&*placeholder(0), Arity::One), &vec![part("a")]));
    assert_eq!(binary().to_args().unwrap(), binary());
}

#[test]
fn what_is_left_behind_the_first_keeps_its_binary_parts_only() {
    let check = |count: usize, json: String, parts: &[&'static str]| {
        let left = binary().skip(count);
        assert_eq!(left.json(), json);
        assert_eq!(left.content.attachments, parts.iter().map(|text| part(text)).collect::<Vec<_>>());
    };
    check(0, binary().json().into_owned(), &["a", "b", "c"]);
    check(1, format!(r#"["x",{{"a":{}}}]"#, placeholder(0)), &["c"]);
    check(2, format!(r#"[{{"a":{}}}]"#, placeholder(0)), &["c"]);
    check(3, "[]".to_owned(), &[]);
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Body<B> {
    data: B,
    more: Vec<B>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Flat<B> {
    name: String,
    #[serde(flatten)]
    body: Body<B>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged<B> {
    Text { text: String },
    File { data: Option<B> },
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(untagged)]
enum Untagged<B> {
    Text(String),
    File { data: B },
}

fn value_of<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    let payload = Payload::one(Some(json));
    payload.list().read_value::<T>().map_err(|error| payload.list().fault_of_value::<T>(&error).to_string())
}

const FLAT: &str = r#"{"name":"name","data":"","more":["","aGk="]}"#;
const FILE: &str = r#"{"kind":"file","data":"aGk="}"#;

/// See docs/arguments.md: Serde buffers the text before it knows that bytes are expected.
#[test]
fn bytes_that_serde_keeps_first_are_those_of_the_text() {
    assert_eq!(value_of::<Flat<Bytes>>(FLAT).unwrap().body.more[1], "aGk=");
    assert_eq!(value_of::<Tagged<Bytes>>(FILE), Ok(Tagged::File { data: Some(part("aGk=")) }));
    assert_eq!(value_of::<Untagged<Bytes>>(r#"{"data":"aGk="}"#), Ok(Untagged::File { data: part("aGk=") }));
    assert_eq!(value_of::<Untagged<Bytes>>("\"word\""), Ok(Untagged::Text("word".into())));
    assert_eq!(value_of::<Flat<Bytes>>(r#"{"name":"name","data":[104],"more":[]}"#).unwrap().body.data, "h");
    assert_eq!(value_of::<Value>(FLAT).unwrap()["more"][1], "aGk=");
}

#[test]
fn binary_knows_its_base64_everywhere() {
    let hi = Binary(Bytes::from_static(b"hi"));
    let flat = value_of::<Flat<Binary>>(FLAT).unwrap();
    assert_eq!(flat.body, Body { data: Binary::default(), more: vec![Binary::default(), hi.clone()] });
    assert_eq!(value_of(FILE), Ok(Tagged::File { data: Some(hi.clone()) }));
    assert_eq!(value_of(r#"{"data":"aGk="}"#), Ok(Untagged::File { data: hi.clone() }));
    assert_eq!(value_of("[104,105]"), Ok(hi.clone()));
    assert_eq!(
        value_of::<Tagged<Binary>>(r#"{"kind":"file","data":"?"}"#).unwrap_err(),
        "$: no base64: invalid length at 0"
    );
    let content = Content::from_value(std::slice::from_ref(&hi)).unwrap();
    assert_eq!(read::<(Binary,)>(&content.json, &content.attachments).unwrap(), (hi.clone(),));
    let parts = [Bytes::from(hi.clone())];
    let file = r#"{"kind":"file","data":{"_placeholder":true,"num":0}}"#;
    assert_eq!(read::<Tagged<Binary>>(file, &parts).unwrap(), Tagged::File { data: Some(hi) });
}

thread_local! {
    static READ: Cell<usize> = const { Cell::new(0) };
}

/// A text that counts its readings.
#[derive(Debug)]
struct Word;

impl<'de> serde::Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READ.set(READ.get() + 1);
        String::deserialize(deserializer).map(|_| Self)
    }
}

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "read only")]
struct Words {
    kind: String,
    words: Vec<Word>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[expect(dead_code, reason = "read only")]
enum TaggedWords {
    Say { words: Vec<Word> },
}

#[derive(Debug, serde::Deserialize)]
#[serde(tag = "kind", content = "words", rename_all = "lowercase")]
#[expect(dead_code, reason = "read only")]
enum AdjacentWords {
    Say(Vec<Word>),
}

#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "read only")]
enum UntaggedWords {
    Say { words: Vec<Word> },
}

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "read only")]
struct FlatWords {
    kind: String,
    #[serde(flatten)]
    more: HashMap<String, Vec<Word>>,
}

/// Four letters are base64 too, as any word of so many.
#[test]
fn a_payload_that_can_be_read_is_read_once() {
    fn check<T: DeserializeOwned>(count: usize) {
        let json = json!({"kind": "say", "words": vec!["main"; count]}).to_string();
        let payload = Payload::one(Some(&json));
        READ.set(0);
        payload.list().read_value::<T>().map(drop).unwrap();
        assert_eq!(READ.take(), count, "{}", std::any::type_name::<T>());
        let list = format!("[{json}]");
        several(&list).list().read_all::<(T,)>().map(drop).unwrap();
        assert_eq!(READ.take(), count, "{} in a list", std::any::type_name::<T>());
    }
    for count in [1, 400, 20_000] {
        check::<Words>(count);
        check::<TaggedWords>(count);
        check::<AdjacentWords>(count);
        check::<UntaggedWords>(count);
        check::<FlatWords>(count);
    }
}
