//! Made code keeps apart from the names around it.
#![allow(dead_code)]

use ::std::sync::Arc;

use gateway_core::prelude::*;

struct Option;
struct Some;
struct Ok;
struct Err;
struct Default;
struct Clone;
struct String;
mod core {}
mod std {}

#[gateway(namespace = "/names")]
struct Names {
    fields: Arc<u8>,
    #[inject(default)]
    cx: u8,
    #[inject(default)]
    r#type: u8,
    value: Arc<u8>,
}

#[gateway]
impl Names {
    #[subscribe]
    async fn clone(&self, _gateway: Data<u8>, _cx: Data<u8>) -> u8 {
        self.cx + *self.fields
    }

    #[subscribe]
    fn r#match(&self) -> u8 {
        self.r#type + *self.value
    }

    #[subscribe]
    fn handlers(&self, _a0: Data<u8>) {}
}
