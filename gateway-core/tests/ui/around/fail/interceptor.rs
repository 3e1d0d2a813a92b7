use gateway_core::prelude::*;

struct Value;

impl Interceptor for Value {
    async fn intercept(&self, _: &Context<'_>, next: Next<'_>) -> Result<Reply, Exception> {
        Ok(next.run().await)
    }
}

struct Waits;

impl Interceptor for Waits {
    fn intercept(&self, _: &Context<'_>, next: Next<'_>) -> Reply {
        next.run()
    }
}

struct Forgets;

impl Interceptor for Forgets {
    async fn intercept(&self, context: &Context<'_>, _: Next<'_>) -> Reply {
        context.event()
    }
}

fn main() {}
