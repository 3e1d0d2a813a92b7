use gateway_core::prelude::*;

struct User;

#[derive(Default)]
struct SignedIn;

impl Guard for SignedIn {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        Ok(Grant::with(User))
    }
}

#[derive(Default)]
struct Known;

impl Guard for Known {
    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Ok(Grant::new())
    }
}

fn main() {}
