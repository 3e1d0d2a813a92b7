//! Gateways that `macro_rules!` write: what it hands on, of every kind, is read as what stands there.
#![allow(dead_code)]
#![allow(
    clippy::needless_arbitrary_self_type,
    clippy::unused_self,
    clippy::init_numbered_fields,
    reason = "written as people do"
)]

use gateway_core::prelude::*;
use std::sync::Arc;

macro_rules! with_body { ($name:ident, $b:block, $c:block) => {
    #[gateway(namespace = "/a")]
    struct $name;
    #[gateway]
    impl $name {
        #[subscribe]
        fn first(&self) -> u8 $b
        #[on_connect]
        fn joined(&self) -> Result<(), ConnectRejection> $c
        #[subscribe]
        fn last(&self) {}
    }
} }
with_body!(A, { 1 }, { Err(ConnectRejection::message("no")) });

macro_rules! repeated { ($($n:ident $e:literal $b:block)*) => {
    #[gateway(namespace = "/b")]
    struct B;
    #[gateway]
    impl B { $( #[subscribe($e)] fn $n(&self) -> u8 $b )* }
} }
repeated!(a "a" {1} b "b" {2} c "c" {3} d "d" {4});

macro_rules! items { ($($i:item)*) => {
    #[gateway(namespace = "/c")]
    struct C;
    #[gateway]
    impl C { $($i)* }
} }
items! { #[subscribe] fn a(&self) {} #[subscribe] pub fn b(&self) {} const X: u8 = 1; fn plain(&self) {} #[on_init] fn c(&self) {} }

macro_rules! metas { ($v:vis, $($m:meta)*; $t:ty, $e:expr, $l:literal) => {
    #[gateway(namespace = $l)]
    $v struct D;
    #[gateway]
    impl D { $(#[$m])* $v fn a(&self) -> $t { $e } #[$($m)*] $v async fn b(&self, _d: Socket) -> $t { $e } }
} }
mod m {
    use super::*;
    metas! {pub(crate), on_connect; (), (), "/d"}
}
mod m2 {
    use super::*;
    macro_rules! metas2 { ($v:vis, $m:meta, $m2:meta; $t:ty, $e:expr, $l:literal, $st:item) => {
    #[gateway(namespace = $l)]
    $st
    #[gateway]
    impl D { #[$m] $v fn a(&self) -> $t { $e } #[$m2] $v async fn b(&self, d: Data<$t>) -> $t { d.0 + $e } }
} }
    metas2! {, subscribe("x"), subscribe("y", concurrency = 3); u8, 1, "/d2", struct D;}
}
macro_rules! whole { ($i:item $j:item) => { #[gateway(namespace = "/e")] $i #[gateway] $j } }
whole! { struct E; impl E { #[subscribe] fn a(&self) {} #[on_disconnect] fn b(&self) {} } }

#[derive(Default)]
struct Yes;
impl Guard for Yes {
    type Grants = ();
    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(true)
    }
}
struct Roles(u8);
impl Guard for Roles {
    type Grants = ();
    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(true)
    }
}
fn make() -> u8 {
    1
}
mod mk {
    pub(crate) fn make() -> u8 {
        1
    }
    pub(crate) struct K;
    impl K {
        pub(crate) fn make() -> u8 {
            2
        }
    }
}
macro_rules! guards {
    ($e:expr, $f:expr, $t:ty, $p:path, $q:path, $x:expr, $c:path) => {
        #[gateway(namespace = "/f", crate = $c)]
        #[guard($e, $f)]
        struct F {
            #[inject(with = $p)]
            a: u8,
            #[inject(with = $q)]
            b: u8,
            #[inject(with = $x)]
            c: u8,
            #[inject(with = <mk::K>::make)]
            d: u8,
        }
        #[gateway(crate = $c)]
        impl F {
            #[subscribe]
            #[guard($t)]
            fn a(&self) -> u8 {
                self.a + self.b + self.c + self.d
            }
            #[subscribe]
            #[guard($f)]
            fn b(&self) {}
        }
    };
}
guards!(Yes, Roles(3), Yes, make, mk::make, mk::make, gateway_core);

#[gateway(namespace = "/g")]
struct G {
    #[cfg_attr(all(), inject(default))]
    x: u8,
    #[cfg_attr(any(), inject(default))]
    y: Arc<u8>,
    #[cfg_attr(any(), cfg(any()))]
    z: Arc<u8>,
    #[cfg_attr(all(), cfg(any()), doc = "x")]
    w: Nope,
    #[cfg_attr(all(), cfg_attr(all(), inject(with = make)))]
    v: u8,
    #[cfg_attr(any(), inject(with = nope))]
    #[cfg_attr(all(), inject(with = make))]
    u: u8,
}
#[gateway]
impl G {
    #[subscribe]
    fn a(&'_ self) {}
    #[subscribe]
    fn b(self: &Self) {}
    #[subscribe]
    fn c<'a>(&'a self) -> &'a str {
        "x"
    }
    #[subscribe]
    async fn d<'a>(&'a self, _d: Data<u8>) -> &'a str {
        "x"
    }
    #[subscribe]
    fn e<'a>(self: &'a Self) -> Option<std::borrow::Cow<'a, str>> {
        None
    }
    #[subscribe]
    #[cfg_attr(all(), cfg(any()))]
    fn f(&self) -> Nope {}
    #[subscribe]
    #[cfg_attr(all(), guard(Yes))]
    fn g(&self) {}
    #[subscribe]
    #[cfg_attr(any(), guard(Nope))]
    fn h(&self) {}
    #[subscribe]
    #[cfg_attr(all(), cfg(all()), guard(Roles(1)), doc = "hello")]
    fn i(&self) {}
    #[subscribe]
    fn j<'a>(&'a self) -> impl futures_core::Stream<Item = &'a str> + use<'a> {
        futures_util::stream::iter([""])
    }
    #[subscribe]
    fn k(self: &'_ Self) -> &str {
        ""
    }
}
#[gateway(namespace = "/h")]
struct H<S: Default>(#[inject(default)] S);
impl<S: Default + Send + Sync + 'static> Guard for H<S> {
    type Grants = ();
    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(true)
    }
}
#[gateway]
impl<S: Copy + Default> H<S> {
    #[subscribe]
    #[guard(Self(S::default()))]
    fn a(&self) {}
    #[subscribe]
    #[guard(Self::made())]
    fn b(&self) {}
    #[subscribe]
    #[guard(Self { 0: S::default() })]
    fn c(&self) {}
    fn made() -> Self {
        Self(S::default())
    }
}
gateway_core::register!(H<u8>);

#[tokio::test(start_paused = true)]
async fn every_marked_method_answers_whatever_wrote_it() {
    let server = Server::new().provide(Arc::new(1_u8)).test().await.unwrap();
    for (namespace, events) in
        [("/b", "abcd"), ("/c", "ab"), ("/d2", "xy"), ("/e", "a"), ("/f", "ab"), ("/g", "abcdegik"), ("/h", "abc")]
    {
        let mut ann = server.connect(namespace).await.unwrap();
        for event in events.chars() {
            let answer = ann.emit_with_ack::<serde_json::Value>(&event.to_string(), 1).await;
            let is_refused_by_guard = namespace == "/h" || (namespace, event) == ("/g", 'h');
            assert!(answer.is_ok() || is_refused_by_guard, "{namespace} {event}: {answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_hook_behind_a_body_that_was_handed_on_refuses() {
    let server = Server::new().provide(Arc::new(1_u8)).test().await.unwrap();
    assert!(server.connect("/a").await.is_err());
    let mut ann = server.connect("/d").await.unwrap();
    assert!(ann.emit_with_ack::<()>("a", ()).await.is_err(), "a hook is no handler");
}
