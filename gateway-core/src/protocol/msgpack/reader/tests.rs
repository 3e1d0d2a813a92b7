use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

const EXTENT: MsgpackLimits = MsgpackLimits { depth: 8, attachments: 4 };

fn read(bytes: &[u8]) -> Result<(String, Vec<Bytes>), Violation> {
    let mut reader = MsgpackReader::new(bytes, EXTENT);
    let read = reader.json()?;
    if reader.is_empty() { Ok(read) } else { Err(Violation::new("bytes behind a value")) }
}

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

#[test]
fn values_are_read_as_javascript_reads_them() {
    let check = |hex: &str, json: &str| assert_eq!(read(&bytes(hex)), Ok((json.to_owned(), Vec::new())), "{hex}");
    check("c0", "null");
    check("d40000", "null");
    check("93c3c2c0", "[true,false,null]");
    check("929080", "[[],{}]");
    check("82a1619201c0a1620a", r#"{"a":[1,null],"b":10}"#);
    check("8105a161", r#"{"5":"a"}"#);
    check("81ffa161", r#"{"-1":"a"}"#);
    check("93007fcc80", "[0,127,128]");
    check("94ccffcd0100ce00010000cfffffffffffffffff", "[255,256,65536,18446744073709551615]");
    check("94e0d0dfd1ff7fd2ffff7fff", "[-32,-33,-129,-32769]");
    check("93d001d3ffffffff7fffffffd38000000000000000", "[1,-2147483649,-9223372036854775808]");
    check("92cb3fe0000000000000cabf800000", "[0.5,-1.0]");
    check("93cb7ff0000000000000cb7ff8000000000000ca7fc00000", "[null,null,null]");
    check("94a0a3c3bc22d90161da000162", r#"["","ü\"","a","b"]"#);
    check("dc000101", "[1]");
    check("dd0000000101", "[1]");
    check("de0001a16101", r#"{"a":1}"#);
    check("df00000001a16101", r#"{"a":1}"#);
}

#[test]
fn dates_are_their_text() {
    let check = |hex: &str, json: &str| assert_eq!(read(&bytes(hex)), Ok((json.to_owned(), Vec::new())), "{hex}");
    check("d700000001941f297893", r#""2024-12-31T23:59:59.123Z""#);
    check("d700ffffffffffffffff", r#""1969-12-31T23:59:59.999Z""#);
    check("d7007fffffffffffffff", "null");
    // The timestamps of the specification itself.
    check("d6ff6774857f", r#""2024-12-31T23:59:59.000Z""#);
    check("d7ff1d5353006774857f", r#""2024-12-31T23:59:59.123Z""#);
    check("c70cff0754d4c0000000006774857f", r#""2024-12-31T23:59:59.123Z""#);
}

#[test]
fn byte_strings_are_attachments() {
    let check = |hex: &str, json: &str, parts: &[&[u8]]| {
        let parts: Vec<Bytes> = parts.iter().map(|part| Bytes::copy_from_slice(part)).collect();
        assert_eq!(read(&bytes(hex)), Ok((json.to_owned(), parts)), "{hex}");
    };
    check("c4020102", r#"{"_placeholder":true,"num":0}"#, &[&[1, 2]]);
    check(
        "92c50001ffc60000000101",
        r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        &[&[255], &[1]],
    );
    check("c70300010203", r#"{"_placeholder":true,"num":0}"#, &[&[1, 2, 3]]);
    check(
        "92c8000100ffc90000000000",
        r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        &[&[255], &[]],
    );
    check("d4050a", r#"[5,{"_placeholder":true,"num":0}]"#, &[&[10]]);
    check("d500ffff", r#"[0,{"_placeholder":true,"num":0}]"#, &[&[255, 255]]);
    assert!(read(&bytes("95c400c400c400c400c400")).is_err());
}

#[test]
fn what_is_no_value_is_found() {
    for hex in [
        "",
        "c1",
        "91",
        "81",
        "81a161",
        "9201",
        "a2ff",
        "a1ff",
        "d9",
        "da00",
        "db000000ff",
        "c4",
        "c402ff",
        "c6ffffffff",
        "dbffffffff",
        "ddffffffff",
        "dfffffffff",
        "dc000201",
        "de000101",
        "cb00",
        "d4",
        "d400",
        "d8ff",
        "c7ff00",
        "81c0a161",
        "81c3a161",
        "819001",
        "81c40061",
        "81d4000001",
        "0101",
    ] {
        assert!(read(&bytes(hex)).is_err(), "{hex}");
    }
}

#[test]
fn depth_is_bounded_and_takes_no_stack() {
    let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    assert!(read(&nested(8)).is_ok());
    assert!(read(&nested(9)).is_err());
    assert!(read(&vec![0x91; 1_000_000]).is_err());
    let deep = MsgpackLimits { depth: usize::MAX, attachments: 0 };
    let (json, _) = MsgpackReader::new(&nested(1_000_000), deep).json().unwrap();
    assert_eq!(json.len(), 2_000_004);
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn whatever_is_read_is_json(values in proptest::collection::vec(any::<(u8, Vec<u8>)>(), 0..6)) {
        let mut bytes = vec![0x96];
        for (marker, rest) in &values {
            bytes.push(*marker);
            bytes.extend_from_slice(rest);
        }
        bytes.extend_from_slice(&[0xc0; 20]);
        if let Ok((json, _)) = MsgpackReader::new(&bytes, EXTENT).json() {
            prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&json).is_ok(), "{}", json);
        }
    }
}
