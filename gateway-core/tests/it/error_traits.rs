//! Everything on an `Err` side is an error: it has a text, goes into `Box<dyn Error>` by `?`, and crosses threads.

use std::error::Error;

use gateway_core::format::FormatError;
use gateway_core::serve::HandshakeRejection;
use gateway_core::testing::{ConnectError, Failure};
use gateway_core::{
    AuthError, ConnectRejection, Exception, JoinError, NamespaceError, Rejection, RequestError, SendError,
    ServiceMissing, StartError,
};

fn is_error<T: Error + Send + Sync + 'static>() {}

#[test]
fn all_errors_of_the_public_interface_are_errors() {
    is_error::<AuthError>();
    is_error::<ConnectError>();
    is_error::<ConnectRejection>();
    is_error::<Exception>();
    is_error::<Failure>();
    is_error::<FormatError>();
    is_error::<HandshakeRejection>();
    is_error::<JoinError>();
    is_error::<NamespaceError>();
    is_error::<Rejection>();
    is_error::<RequestError>();
    is_error::<SendError>();
    is_error::<ServiceMissing>();
    is_error::<StartError>();
    #[cfg(feature = "tls")]
    is_error::<gateway_core::tls::TlsError>();
}

#[test]
fn a_refusal_says_its_text_and_its_code() {
    let refused = ConnectRejection::new("banned", "you are banned").to_string();
    assert!(refused.contains("you are banned"), "{refused}");
    let turned_away = HandshakeRejection::new(gateway_core::http::StatusCode::FORBIDDEN, "not from here").to_string();
    assert_eq!(turned_away, "not from here (status 403)");
}
