use gateway_core::prelude::*;

struct Roles(&'static [&'static str]);

impl Guard for Roles {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(self.0.is_empty())
    }
}

const ADMINS: Roles = Roles(&["admin"]);

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    #[guard(ADMINS)]
    fn clear(&self) {}
}

fn main() {}
