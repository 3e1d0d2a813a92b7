//! Checking what clients send: what has another shape, or breaks a rule, does not reach the handler, and the client reads which
//! field is wrong and why.
//!
//! `cargo run --example validation`, then send to `ws://127.0.0.1:3000/orders`
//! `{"event":"order","data":{"table":3,"items":[{"dish":"soup","count":2}]},"id":1}`. Then leave something out, order no soup at all,
//! or sit down at table 99.

use gateway_core::prelude::*;
use gateway_core::validation::{Validate, ValidationErrors};
use serde::Deserialize;

/// Members beyond these are refused.
#[derive(Deserialize, garde::Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    #[garde(range(min = 1, max = 20))]
    table: u8,
    #[garde(length(min = 1, max = 50), dive)]
    items: Vec<Item>,
    /// May be left out.
    #[garde(inner(length(chars, max = 80)))]
    paid_with: Option<String>,
}

#[derive(Deserialize, garde::Validate)]
struct Item {
    #[garde(custom(on_the_menu))]
    dish: String,
    #[garde(range(min = 1, max = 9))]
    count: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is garde's")]
fn on_the_menu(dish: &str, (): &()) -> garde::Result {
    if ["soup", "rice", "tea"].contains(&dish) { Ok(()) } else { Err(garde::Error::new("is not on the menu")) }
}

/// A rule about two members, by hand.
#[derive(Deserialize)]
struct Reservation {
    from: u8,
    to: u8,
}

impl Validate for Reservation {
    fn check(&self, faults: &mut ValidationErrors) {
        if self.to <= self.from {
            faults.add("to", "order", format!("must be after {} o'clock", self.from));
        }
        if self.to > 23 {
            faults.add("to", "range", "must be at most 23");
        }
    }
}

#[gateway(namespace = "/orders")]
struct Orders;

#[gateway]
impl Orders {
    #[subscribe]
    fn order(&self, Valid(Data(order)): Valid<Data<Order>>) -> String {
        let dishes: Vec<String> = order.items.iter().map(|Item { dish, count }| format!("{count} {dish}")).collect();
        let paid = order.paid_with.map(|with| format!(", paid with {with}")).unwrap_or_default();
        format!("table {}: {}{paid}", order.table, dishes.join(", "))
    }

    #[subscribe]
    fn reserve(&self, Valid(Data(Reservation { from, to })): Valid<Data<Reservation>>) -> u8 {
        to - from
    }

    /// Here the handler decides what becomes of it.
    #[subscribe]
    fn draft(&self, order: Result<Valid<Data<Order>>, Rejection>) -> String {
        match order {
            Ok(_) => "complete".to_owned(),
            Err(rejection) => format!("incomplete: {rejection}"),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    Server::new().serve(address).await
}

#[cfg(test)]
mod tests {
    use gateway_core::testing::{TestClient, TestServer};
    use serde_json::{Value, json};

    use super::*;

    async fn connected() -> (TestServer, TestClient) {
        let server = Server::empty().gateway::<Orders>().test().await.unwrap();
        let client = server.connect("/orders").await.unwrap();
        (server, client)
    }

    /// The code, and path and rule of each fault.
    async fn told(event: &str, data: Value) -> (String, Vec<(String, String)>) {
        let (_server, mut ann) = connected().await;
        let failure = ann.emit_with_ack::<Value>(event, data).await.unwrap_err();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let faults = failure.payload()["details"].as_array().unwrap();
        let faults = faults.iter().map(|fault| (text(&fault["path"]), text(&fault["rule"]))).collect();
        (failure.code().unwrap().to_owned(), faults)
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_of_the_right_shape_by_the_rules_is_taken() {
        let (_server, mut ann) = connected().await;
        let order = json!({"table": 3, "items": [{"dish": "soup", "count": 2}, {"dish": "tea", "count": 1}], "paidWith": "cash"});
        assert_eq!(
            ann.emit_with_ack::<String>("order", &order).await.unwrap(),
            "table 3: 2 soup, 1 tea, paid with cash"
        );
        assert_eq!(ann.emit_with_ack::<String>("draft", order).await.unwrap(), "complete");
        assert_eq!(ann.emit_with_ack::<u8>("reserve", json!({"from": 18, "to": 20})).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn every_broken_rule_is_named() {
        let order = json!({"table": 99, "items": [{"dish": "soup", "count": 1}, {"dish": "gold", "count": 0}]});
        let faults = [("$.items[1].count", "range"), ("$.items[1].dish", "custom"), ("$.table", "range")];
        let faults = faults.map(|(path, rule)| (path.to_owned(), rule.to_owned())).to_vec();
        assert_eq!(told("order", order).await, ("invalid".to_owned(), faults));
        let faults = vec![("$.to".to_owned(), "order".to_owned())];
        assert_eq!(told("reserve", json!({"from": 20, "to": 20})).await, ("invalid".to_owned(), faults));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_another_shape_is_named_with_its_place() {
        for (order, path, rule) in [
            (json!({"items": []}), "$.table", "missing"),
            (json!({"table": "3", "items": []}), "$.table", "type"),
            (json!({"table": 300, "items": []}), "$.table", "range"),
            (json!({"table": 3, "items": [{"dish": "tea", "count": null}]}), "$.items[0].count", "type"),
            (json!({"table": 3, "items": [], "tip": 1}), "$.tip", "unknown"),
        ] {
            assert_eq!(told("order", order).await, ("unreadable".to_owned(), vec![(path.to_owned(), rule.to_owned())]));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_may_take_the_failure_itself() {
        let (_server, mut ann) = connected().await;
        let answer = ann.emit_with_ack::<String>("draft", json!({"table": 0, "items": []})).await.unwrap();
        assert!(answer.starts_with("incomplete: "), "{answer}");
        assert!(answer.contains("$.items"), "{answer}");
    }
}
