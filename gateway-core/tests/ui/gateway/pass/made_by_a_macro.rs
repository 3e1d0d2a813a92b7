use std::sync::Arc;

use futures_core::Stream;
use gateway_core::prelude::*;

macro_rules! counter {
    ($name:ident, $namespace:literal, $number:ty, $event:expr, $reply:ty) => {
        #[gateway(namespace = $namespace)]
        struct $name {
            #[inject(default)]
            from: $number,
            step: Arc<$number>,
        }

        #[gateway]
        impl $name {
            #[subscribe($event)]
            async fn next(&self, Data(after): Data<$number>) -> $reply {
                self.from + after + *self.step
            }

            #[subscribe]
            fn now(&self, Data(after): Data<$number>) -> $reply {
                self.from + after
            }

            #[subscribe]
            fn all(&self, Data(until): Data<$number>) -> impl Stream<Item = $reply> {
                futures_util::stream::iter(self.from..until)
            }
        }
    };
}

counter!(Counter, "/counter", u32, "next", u32);
