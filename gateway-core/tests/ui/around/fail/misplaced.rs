use gateway_core::prelude::*;

#[guard(SignedIn)]
struct Plain;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
#[guard(SignedIn)]
impl Chat {
    #[on_init]
    #[guard(SignedIn)]
    fn begin(&self) {}

    #[on_connect]
    #[intercept(Timing)]
    fn joined(&self) {}

    #[on_disconnect]
    #[guard(SignedIn)]
    #[filter(Failures)]
    fn left(&self) {}

    #[guard(SignedIn)]
    fn helper(&self) {}

    #[guard(SignedIn)]
    const LIMIT: u8 = 3;

    #[subscribe]
    fn message(&self) {}
}

fn main() {}
