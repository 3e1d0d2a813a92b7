use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_server_event("reload", concurrency = 2)]
    fn reload(&self) {}

    #[on_server_event(reload)]
    fn unquoted(&self) {}

    #[on_server_event("connection")]
    fn reserved(&self) {}

    #[on_server_event("a*")]
    fn half(&self) {}

    #[on_server_event("guarded")]
    #[guard(Nobody)]
    fn guarded(&self) {}

    #[on_server_event("b")]
    #[on_init]
    fn both(&self) {}
}

fn main() {}
