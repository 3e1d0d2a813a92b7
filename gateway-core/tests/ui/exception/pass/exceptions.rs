use std::fmt::Debug;

use gateway_core::IntoException;
use gateway_core::prelude::*;

#[derive(Debug, thiserror::Error, Exception)]
enum ChatError {
    #[error("you are muted until {until}")]
    TooLoud { until: u8 },
    #[error("no room {0}")]
    #[exception(code = "gone")]
    NoRoom(String),
    #[error("secret")]
    #[exception(hide)]
    Store,
    #[error(transparent)]
    #[exception(code = "io", hide)]
    Io(#[from] std::io::Error),
    #[cfg(any())]
    #[error("never")]
    Never(Missing),
}

#[derive(Debug, thiserror::Error, Exception)]
#[error("muted")]
#[exception(code = "quiet")]
struct Muted;

#[derive(Debug, thiserror::Error, Exception)]
#[error("muted")]
struct HTTPProblem;

#[derive(Debug, thiserror::Error, Exception)]
#[exception(code = "everything")]
enum Default {
    #[error("one")]
    One,
    #[error("two")]
    #[exception(code = "two")]
    Two,
}

#[derive(Debug, thiserror::Error, Exception)]
#[error("generic")]
struct Generic<T: Debug>(T);

#[derive(Debug, thiserror::Error, Exception)]
enum Never {}

fn check(error: impl IntoException, code: &str, text: &str) {
    let exception = error.into_exception();
    assert_eq!((exception.code(), exception.text()), (Some(code), text));
}

#[test]
fn exceptions_have_their_codes_and_texts() {
    check(ChatError::TooLoud { until: 3 }, "too_loud", "you are muted until 3");
    check(ChatError::NoRoom("a".to_owned()), "gone", "no room a");
    check(ChatError::Store, "internal", "Internal server error");
    check(ChatError::from(std::io::Error::other("disk")), "io", "Internal server error");
    check(Muted, "quiet", "muted");
    check(HTTPProblem, "http_problem", "muted");
    check(Default::One, "everything", "one");
    check(Default::Two, "two", "two");
    check(Generic(1), "generic", "generic");
    assert!(None::<Never>.is_none());
}
