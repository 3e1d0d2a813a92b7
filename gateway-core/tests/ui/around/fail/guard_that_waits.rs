use gateway_core::prelude::*;

#[derive(Default)]
struct SignedIn;

impl Guard for SignedIn {
    type Grants = ();

    async fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Ok(Grant::new())
    }
}

#[gateway(namespace = "/chat")]
#[guard(SignedIn)]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self) {}
}

fn main() {}
