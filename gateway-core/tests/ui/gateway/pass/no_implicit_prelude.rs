//! No name is expected in scope, and none around is taken for one of the made code.
#![no_implicit_prelude]
#![deny(warnings)]
#![allow(dead_code)]
extern crate gateway_core;
use ::gateway_core::extract::Data;
use ::gateway_core::{Event, Exception, Injectable, filter, gateway, guard, on_connect, on_init, subscribe};
use ::std::clone::Clone;
use ::std::option::Option::{self, Some};
mod std {}
mod core {}
mod alloc {}

#[gateway(namespace = "/a")]
#[guard(Yes, Other)]
struct A {
    #[inject(default)]
    x: u8,
    y: ::std::sync::Arc<u8>,
    #[inject(with = mk)]
    z: u8,
}
fn mk() -> u8 {
    1
}
#[derive(Injectable)]
struct Yes {
    a: ::std::sync::Arc<u8>,
}
impl ::gateway_core::pipeline::Guard for Yes {
    type Grants = ();
    fn check(
        &self,
        _: &::gateway_core::pipeline::GuardContext<'_>,
    ) -> ::std::result::Result<::gateway_core::pipeline::Grant, ::gateway_core::Exception> {
        ::gateway_core::pipeline::Grant::when(true)
    }
}
#[derive(::std::default::Default)]
struct Other;
impl ::gateway_core::pipeline::Guard for Other {
    type Grants = ();
    fn check(
        &self,
        _: &::gateway_core::pipeline::GuardContext<'_>,
    ) -> ::std::result::Result<::gateway_core::pipeline::Grant, ::gateway_core::Exception> {
        ::gateway_core::pipeline::Grant::when(true)
    }
}
#[derive(::serde::Serialize, Event)]
#[event("x", args)]
struct E(u8, u8);
#[derive(::std::fmt::Debug, ::thiserror::Error, Exception)]
enum Er {
    #[error("a")]
    A,
    #[error("b")]
    #[exception(hide)]
    B,
}
#[derive(::std::fmt::Debug, ::thiserror::Error, Exception)]
#[error("a")]
struct Er2;
struct Fil;
impl ::gateway_core::pipeline::Filter for Fil {
    type Error = Er;
    fn catch(&self, _: &Er, _: &::gateway_core::Context<'_>) -> ::gateway_core::pipeline::FilterOutcome {
        ::gateway_core::pipeline::FilterOutcome::rethrow()
    }
}
#[gateway]
impl A {
    #[on_init]
    fn i(&self) {}
    #[on_connect]
    async fn c(&self) -> ::std::result::Result<(), Er> {
        ::std::result::Result::Ok(())
    }
    #[subscribe]
    async fn a(&self, d: Data<u8>) -> u8 {
        d.0
    }
    #[subscribe]
    #[guard(Yes)]
    #[filter(Fil)]
    fn b(&self, d: Data<u8>) -> Option<u8> {
        Some(Clone::clone(&d.0))
    }
    #[subscribe]
    fn s(&self) -> impl ::futures_core::Stream<Item = u8> {
        ::futures_util::stream::iter([1])
    }
}
#[gateway(namespace = "/b")]
struct B<S: Clone>(S);
#[gateway]
impl<S: Clone> B<S> {
    #[subscribe]
    fn a(&self, d: Data<u8>) -> u8 {
        d.0
    }
}
::gateway_core::register!(B<u8>);
