use gateway_core::prelude::*;
#[gateway(namespace = "/c")]
struct C {
    #[inject(default)]
    x: u8,
}
#[gateway]
impl C {
    #[subscribe]
    async fn a(&self) {
        tokio::spawn(async move {
            println!("{}", self.x);
        });
    }
}
fn main() {}
