//! Adds the event's name to what is answered.

use gateway_core::prelude::*;
use serde_json::{Map, Value};

#[derive(Default)]
pub(crate) struct Stamp;

impl Interceptor for Stamp {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let pattern = context.event().to_owned();
        next.run().await.map_value(move |mut value: Map<String, Value>| {
            value.insert("pattern".to_owned(), pattern.clone().into());
            value
        })
    }
}
