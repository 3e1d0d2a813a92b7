use gateway_core::prelude::*;

struct User;

#[derive(Default)]
struct SignedIn;

impl Guard for SignedIn {
    type Grants = ();

    fn check(&self, _: &Access<'_>) -> Result<Pass<User>, Exception> {
        Ok(Pass::with(User))
    }
}

#[derive(Default)]
struct Known;

impl Guard for Known {
    fn check(&self, _: &Access<'_>) -> Result<Pass, Exception> {
        Ok(Pass::new())
    }
}

fn main() {}
