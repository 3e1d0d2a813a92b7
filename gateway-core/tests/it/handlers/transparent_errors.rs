//! Errors behind `#[error(transparent)]`, which nobody comes by through their sources.

use gateway_core::pipeline::{Filter, FilterOutcome};
use gateway_core::prelude::*;

#[derive(Debug, thiserror::Error)]
#[error("store")]
struct StoreError(#[source] std::io::Error);
#[derive(Debug, thiserror::Error, Exception)]
enum Mid {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("x")]
    X,
}
#[derive(Debug, thiserror::Error)]
#[error("db")]
struct DbError;
#[derive(Debug, thiserror::Error, Exception)]
#[exception(hide)]
enum ChatError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("mid")]
    Mid(#[source] Mid),
    #[error(transparent)]
    Boxed(Box<dyn std::error::Error + Send + Sync>),
    #[error("n {source}")]
    Named { source: std::fmt::Error },
    #[error(transparent)]
    Any {
        #[from]
        inner: std::num::ParseIntError,
    },
    #[error("m")]
    Muted,
}
#[derive(Debug, thiserror::Error, Exception)]
#[error(transparent)]
struct Wrap(#[from] DbError);
macro_rules! filters { ($($n:ident $t:ty;)*) => { $(#[derive(Default)] struct $n; impl Filter for $n { type Error = $t; fn catch(&self, e: &$t, _: &Context<'_>) -> FilterOutcome { FilterOutcome::answer(Exception::new(stringify!($n), e.to_string())) } })* } }
filters! { FStore StoreError; FDb DbError; FFmt std::fmt::Error; FInt std::num::ParseIntError; FIo std::io::Error; }
#[gateway(namespace = "/c")]
#[filter(FDb, FFmt, FInt)]
struct C;
#[gateway]
impl C {
    #[subscribe]
    #[filter(FStore)]
    fn a(&self) -> Result<u8, ChatError> {
        Err(StoreError(std::io::Error::other("d")).into())
    }
    #[subscribe]
    fn b(&self) -> Result<u8, ChatError> {
        Err(ChatError::Mid(DbError.into()))
    }
    #[subscribe]
    fn c(&self) -> Result<u8, ChatError> {
        Err(ChatError::Boxed(Box::new(DbError)))
    }
    #[subscribe]
    fn d(&self) -> Result<u8, ChatError> {
        Err(ChatError::Named { source: std::fmt::Error })
    }
    #[subscribe]
    fn e(&self) -> Result<u8, ChatError> {
        Err("x".parse::<u8>().expect_err("no number").into())
    }
    #[subscribe]
    fn f(&self) -> Result<u8, ChatError> {
        let _ = (ChatError::Muted, Mid::X);
        Err(ChatError::Muted)
    }
    #[subscribe]
    fn g(&self) -> Result<u8, Wrap> {
        Err(DbError)?
    }
    #[subscribe]
    #[filter(FIo)]
    fn h(&self) -> Result<u8, Exception> {
        Err(ChatError::Store(StoreError(std::io::Error::other("d"))))?
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_is_asked_for_the_error_behind_a_transparent_one() {
    let server = Server::empty().gateway::<C>().test().await.unwrap();
    let mut ann = server.connect("/c").await.unwrap();
    for (event, code) in [
        ("a", "FStore"),
        ("b", "FDb"),
        ("c", "FDb"),
        ("d", "FFmt"),
        ("e", "FInt"),
        ("f", "internal"),
        ("g", "FDb"),
        ("h", "FIo"),
    ] {
        let failure = ann.emit_with_ack::<u8>(event, ()).await.unwrap_err().to_string();
        assert!(failure.contains(&format!("\"code\":\"{code}\"")), "{event}: {failure}");
    }
}
