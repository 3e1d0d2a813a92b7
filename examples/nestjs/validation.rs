//! Answer to data that cannot be read or breaks a rule, in the shape that `exceptionFactory` made.

use gateway_core::pipeline::{Filter, FilterOutcome};
use gateway_core::prelude::*;
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct Validation;

impl Filter for Validation {
    type Error = Rejection;

    fn catch(&self, error: &Rejection, _: &Context<'_>) -> FilterOutcome {
        let faults = error.details().and_then(Value::as_array).into_iter().flatten();
        let fields: Vec<&str> = faults.filter_map(|fault| fault["path"].as_str()?.strip_prefix("$.")).collect();
        FilterOutcome::answer(Exception::payload(
            &json!({ "status": "error", "message": "Validation failed", "fields": fields }),
        ))
    }
}
