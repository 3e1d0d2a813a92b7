//! Guards, interceptors and filters around gateways and handlers, with all that they may be written as.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used)]

use gateway_core::extract::{Cancellation, Extension};
use gateway_core::pipeline::{AsyncGuard, Filter, FilterOutcome, GuardPoints};
use gateway_core::prelude::*;

#[derive(Default)]
struct Nobody;

impl Guard for Nobody {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(false)
    }
}

struct Roles(&'static [&'static str]);

impl AsyncGuard for Roles {
    type Grants = u8;

    async fn check(&self, _: &GuardContext<'_>) -> Result<Grant<u8>, Exception> {
        Ok(Grant::with(u8::try_from(self.0.len()).unwrap_or(0)))
    }

    fn points(&self) -> GuardPoints {
        GuardPoints::EVENT | GuardPoints::CONNECT
    }
}

#[derive(Clone)]
struct Of<T> {
    value: T,
}

impl<T: Send + Sync + 'static> Guard for Of<T> {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        let _ = &self.value;
        Ok(Grant::new())
    }
}

impl<T: Default> Default for Of<T> {
    fn default() -> Self {
        Self { value: T::default() }
    }
}

mod inner {
    #[derive(gateway_core::Injectable)]
    pub struct Timing<T: Clone> {
        pub name: T,
        #[inject(default)]
        pub count: u8,
    }

    #[derive(gateway_core::Injectable)]
    pub struct Tuple(#[inject(default)] pub u8);
}

impl Interceptor for inner::Timing<String> {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let _ = (context.event(), &self.name, self.count);
        next.run().await
    }
}

impl Filter for inner::Tuple {
    type Error = Exception;

    fn catch(&self, _: &Exception, _: &Context<'_>) -> FilterOutcome {
        let _ = self.0;
        FilterOutcome::rethrow()
    }
}

const ADMINS: Roles = Roles(&["admin"]);

/// Above or below: it is the same.
#[guard(Nobody)]
#[gateway(namespace = "/chat")]
#[guard(Roles(&["admin", "guest"]), Of<u8>)]
#[intercept(inner::Timing<String>)]
#[filter(inner::Tuple)]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    #[guard({ ADMINS })]
    fn joined(&self, roles: Auth<u8>) -> Result<(), Exception> {
        Grant::<()>::when(*roles.0 > 0).map(drop)
    }

    #[guard(Of { value: "by value" })]
    #[subscribe]
    #[filter(inner::Tuple(3))]
    fn one(&self, _: Cancellation, _: Result<Extension<u8>, Rejection>) {}

    #[cfg(any())]
    #[subscribe]
    #[guard(Missing)]
    fn two(&self) {}

    #[subscribe]
    #[intercept(inner::Timing { name: String::new(), count: 1 })]
    async fn three(&self) -> Result<(), Failed> {
        Err(Failed)
    }
}

#[derive(Debug, thiserror::Error, Exception)]
#[error("failed")]
struct Failed;

fn exceptions_may_be_returned_by_question_mark() -> Result<(), Exception> {
    Err(Failed)?
}

#[gateway(namespace = "/generic")]
#[guard(Of<T>)]
struct Generic<T: Clone + Default> {
    #[inject(default)]
    value: T,
}

#[gateway]
impl<T: Clone + Default> Generic<T> {
    #[subscribe]
    #[guard(Of<T>)]
    fn value(&self) {
        let _ = self.value.clone();
    }
}

gateway_core::register!(Generic<u16>);

fn main() {
    assert_eq!(exceptions_may_be_returned_by_question_mark().unwrap_err().code(), Some("failed"));
    let server = Server::new().provide("name".to_owned()).provide(Of { value: 7_u8 });
    server
        .guard(ADMINS)
        .intercept(inner::Timing { name: "all".to_owned(), count: 0 })
        .filter(inner::Tuple(1))
        .check()
        .unwrap();
}
