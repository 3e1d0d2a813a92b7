//! Generic gateways in places that no path names.

use gateway_core::prelude::*;
fn f() {
    #[gateway(namespace = "/a")]
    struct A<S: Clone>(S);
    #[gateway]
    impl<S: Clone> A<S> {
        #[subscribe]
        fn a(&self) {}
    }
    gateway_core::register!(A<u8>);
    #[gateway(namespace = "/a1")]
    struct B {
        #[inject(default)]
        x: u8,
    }
    #[gateway]
    impl B {
        #[subscribe]
        fn a(&self) -> u8 {
            self.x
        }
    }
}
const _: () = {
    #[gateway(namespace = "/b")]
    struct A<S: Clone>(S);
    #[gateway]
    impl<S: Clone> A<S> {
        #[subscribe]
        fn a(&self) {}
    }
    gateway_core::register!(A<u8>);
};
mod r#mod {
    use gateway_core::prelude::*;
    #[gateway(namespace = "/c")]
    struct A<S: Clone>(S);
    #[gateway]
    impl<S: Clone> A<S> {
        #[subscribe]
        fn a(&self) {}
    }
    gateway_core::register!(A<u8>);
    #[allow(non_camel_case_types, reason = "a raw name is the case")]
    pub(crate) mod r#type {
        use gateway_core::prelude::*;
        #[gateway(namespace = "/d")]
        pub(crate) struct r#struct<r#S: Clone>(r#S);
        #[gateway]
        impl<S: Clone> r#struct<S> {
            #[subscribe]
            fn r#fn(&self) {}
        }
    }
    gateway_core::register!(r#type::r#struct<u8>);
}
macro_rules! g { ($n:ident, $ns:literal) => {
    #[gateway(namespace = $ns)] struct $n<S: Clone, const N: usize>(S);
    #[gateway] impl<S: Clone, const N: usize> $n<S, N> { #[subscribe] fn a(&self) -> usize { N } }
    gateway_core::register!($n<u8, 3>);
} }
g!(X, "/x");
g!(Y, "/y");
#[allow(dead_code, reason = "what is declared in a function that never runs is registered too")]
fn never() {
    #[gateway(namespace = "/z")]
    struct Z<S: Clone>(S);
    #[gateway]
    impl<S: Clone> Z<S> {
        #[subscribe]
        fn a(&self) {}
    }
}

/// As a library offers one: whoever uses the library need not register it.
#[gateway(namespace = "/offered")]
#[derive(Debug)]
pub struct Offered<S: Clone>(S);
#[gateway]
impl<S: Clone> Offered<S> {
    #[subscribe]
    fn a(&self) {}
}

#[tokio::test(start_paused = true)]
async fn only_a_gateway_that_nobody_registered_is_reported() {
    f();
    let StartError::Problems(problems) = Server::new().provide(1_u8).check().unwrap_err() else {
        panic!("no problems")
    };
    let [problem] = &*problems else { panic!("{problems:?}") };
    assert_eq!(problem.what(), "the generic gateway `Z<S>` was never registered");
}
