#![allow(unused_parens)]

use std::pin::Pin;

use futures_core::Stream;
use gateway_core::prelude::*;

#[derive(Debug, thiserror::Error, Exception)]
#[error("stopped")]
struct Stopped;

#[gateway(namespace = "/ticks")]
struct Ticks {
    #[inject(default)]
    names: Vec<String>,
}

#[gateway]
impl Ticks {
    #[subscribe]
    fn numbers(&self, Data(until): Data<u64>) -> impl Stream<Item = u64> {
        futures_util::stream::iter(0..until)
    }

    #[subscribe]
    fn borrowed(&self) -> impl Stream<Item = String> {
        futures_util::stream::iter(self.names.iter().cloned())
    }

    #[subscribe]
    async fn later(&self) -> impl Stream<Item = Result<u64, Stopped>> + Send {
        std::future::ready(()).await;
        futures_util::stream::iter([Ok(1), Err(Stopped)])
    }

    #[subscribe]
    fn in_parentheses(&self) -> (impl Stream<Item = u64>) {
        futures_util::stream::iter([1])
    }

    #[subscribe]
    fn unpinned(&self) -> impl Stream<Item = u64> + use<> {
        Box::pin(futures_util::stream::iter([1_u64])) as Pin<Box<dyn Stream<Item = u64> + Send>>
    }
}
