use gateway_core::Event as _;
use gateway_core::extract::RawArgs;
use gateway_core::prelude::*;

#[derive(serde::Serialize, Event)]
#[event("posted")]
struct Posted<'a, T: Clone>
where
    T: Send,
{
    from: &'a [T],
}

#[derive(serde::Serialize, Event)]
#[event("grid")]
struct Grid<const N: usize>;

#[derive(serde::Serialize, Event)]
#[event("moved")]
enum Moved {
    #[allow(dead_code)]
    Left,
}

// A name the server may send and no client may.
#[derive(serde::Serialize, Event)]
#[event("exception")]
struct Own;

// Each field, or none, as an argument of its own.
#[derive(serde::Serialize, Event)]
#[event("placed", args)]
struct Placed<'a>(&'a str, u8);

#[derive(serde::Serialize, Event)]
#[event(args, "rang")]
struct Rang;

#[test]
fn events_have_their_names_and_their_form() {
    assert_eq!(RawArgs::event(&Placed("king", 4)).unwrap().json(), r#"["king",4]"#);
    assert_eq!(RawArgs::event(&Rang).unwrap().json(), "[]");
    assert_eq!(RawArgs::event(&Own).unwrap().json(), "[null]");
    assert_eq!(Posted::<u8>::NAME, "posted");
    assert_eq!(Posted { from: &[1, 2] }.from.len(), 2);
    assert_eq!(Grid::<3>::NAME, "grid");
    assert_eq!(Moved::NAME, "moved");
    assert_eq!(Own::NAME, "exception");
}
