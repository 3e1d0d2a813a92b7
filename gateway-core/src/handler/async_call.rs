//! Futures of `async` methods, which own the gateway that the method borrows. Each is compiled once here for all methods with as many
//! arguments: an `async` block beside every method would cost the compiler several times as much.

use std::sync::Arc;

use crate::handler::Reply;

macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ident),*);)*) => {$(
        /// Calls an `async` method and converts its value into a reply.
        // The conversion is a pointer: the compiler would report the unmet bounds of a generic one again at each use of the future.
        pub fn $name<G, $($type,)* M, R>(
            gateway: &Arc<G>,
            $($argument: $type,)*
            method: M,
            into_reply: fn(R) -> Reply,
        ) -> impl Future<Output = Reply> + use<G, $($type,)* M, R>
        where
            M: AsyncFnOnce(&G, $($type),*) -> R,
        {
            let gateway = Arc::clone(gateway);
            async move { into_reply(method(&gateway, $($argument),*).await) }
        }
    )*};
}

calls! {
    call_0();
    call_1(a: A);
    call_2(a: A, b: B);
    call_3(a: A, b: B, c: C);
    call_4(a: A, b: B, c: C, d: D);
}
