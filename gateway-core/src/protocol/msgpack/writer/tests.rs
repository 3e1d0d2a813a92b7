use data_encoding::HEXLOWER;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader};

fn written(json: &str, attachments: &[Bytes]) -> String {
    let mut out = Vec::new();
    MsgpackWriter::new(&mut out).json(json, attachments);
    HEXLOWER.encode(&out)
}

#[test]
fn values_have_the_forms_notepack_gives_them() {
    let check = |json: &str, hex: &str| assert_eq!(written(json, &[]), hex, "{json}");
    check("[null,true,false]", "93c0c3c2");
    check(
        "[0,127,128,255,256,65535,65536,4294967295,4294967296,9007199254740991]",
        "9a007fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf001fffffffffffff",
    );
    check(
        "[-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649]",
        "99ffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffff",
    );
    check("[0.5,-1.25]", "92cb3fe0000000000000cbbff4000000000000");
    check("18446744073709551615", "cfffffffffffffffff");
    check("18446744073709551616", "cb43f0000000000000");
    check("\"\"", "a0");
    check(&format!("\"{}\"", "a".repeat(32)), &format!("d920{}", "61".repeat(32)));
    check(r#"{"message":"no"}"#, "81a76d657373616765a26e6f");
    check(" { \"a\" : [ 1 , { } , [ ] ] } ", "81a161930180 90".replace(' ', "").as_str());
    check(r#"["a,b]","c\"}","\u00fc\n"]"#, "93a4612c625da363227da3c3bc0a");
    check("[]", "90");
    check(&format!("[{}0]", "0,".repeat(15)), &format!("dc0010{}", "00".repeat(16)));
}

#[test]
fn half_a_surrogate_pair_is_replaced() {
    let check = |json: &str, text: &str| {
        let expected = HEXLOWER.encode(text.as_bytes());
        assert_eq!(written(json, &[])[2..], expected, "{json}");
    };
    check(r#""\ud800\"\\\/\b\f\n\r\tüüüüüüüü""#, "\u{fffd}\"\\/\u{8}\u{c}\n\r\tüüüüüüüü");
    check(r#""\ud83d\ude00\udc00 a""#, "😀\u{fffd} a");
}

#[test]
fn attachments_stand_where_their_placeholders_stood() {
    let parts = [Bytes::from_static(&[1, 2]), Bytes::from(vec![7; 256])];
    let json = r#"[{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":2}]"#;
    let expected = format!("93c402010281a161c50100{}82ac5f706c616365686f6c646572c3a36e756d02", "07".repeat(256));
    assert_eq!(written(json, &parts), expected);
}

#[test]
fn elements_are_counted_before_they_are_written() {
    let check = |json: &str, hex: &str| {
        let mut out = Vec::new();
        MsgpackWriter::new(&mut out).elements(json, &[], |out, elements| out.array(elements + 1));
        assert_eq!(HEXLOWER.encode(&out), hex, "{json}");
    };
    check("[]", "91");
    check(" [1, [2,3]]", "93019202 03".replace(' ', "").as_str());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            proptest::collection::vec((".{0,4}", inner), 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_can_be_read(value in any_json()) {
        let mut bytes = Vec::new();
        MsgpackWriter::new(&mut bytes).json(&value.to_string(), &[]);
        let mut reader = MsgpackReader::new(&bytes, MsgpackLimits { depth: 8, attachments: 0 });
        let (json, _) = reader.json().unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
    }

    #[test]
    fn no_text_makes_writing_panic(json in r#"(\{|\}|\[|\]|"|\\|:|,|\{"_placeholder":true,"num":|-?[0-9.e]{1,3}|[tfnü]|.){0,30}"#) {
        written(&json, &[Bytes::new()]);
        let mut out = Vec::new();
        MsgpackWriter::new(&mut out).elements(&json, &[], MsgpackWriter::array);
    }
}
