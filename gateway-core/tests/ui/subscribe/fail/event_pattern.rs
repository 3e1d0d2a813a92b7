use gateway_core::prelude::*;

#[gateway(namespace = "/shop")]
struct Shop;

#[gateway]
impl Shop {
    #[subscribe("order*")]
    fn partly(&self) {}

    #[subscribe("order.**")]
    fn twice(&self) {}

    #[subscribe("paid", "sent", "paid")]
    fn again(&self) {}

    #[subscribe("order.*", "returned")]
    fn orders(&self) {}

    #[subscribe("stock.*", "order.*")]
    fn stock(&self) {}
}

fn main() {}
