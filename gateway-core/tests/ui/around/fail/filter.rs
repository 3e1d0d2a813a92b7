use gateway_core::prelude::*;
use gateway_core::pipeline::{Filter, FilterOutcome};

struct NoError;

impl Filter for NoError {
    type Error = String;

    fn catch(&self, _: &String, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::rethrow()
    }
}

struct Answers;

impl Filter for Answers {
    type Error = Exception;

    fn catch(&self, error: &Exception, _: &Context<'_>) -> Reply {
        error.clone().into()
    }
}

fn main() {}
