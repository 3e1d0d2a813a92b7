//! A server with a handler for each kind of payload.

#![allow(clippy::needless_pass_by_value, clippy::unused_self, reason = "handlers take what they read")]

use std::collections::HashMap;
use std::time::Duration;

use gateway_core::extract::{Args, RawArgs};
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{Deflate, RunningServer};
use gateway_core::socket_io::SocketIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::cost::tables::{self, Named, Patterned};

#[gateway(namespace = "/")]
struct Costs;

#[derive(Deserialize)]
struct Words {
    #[serde(rename = "kind")]
    _kind: String,
    words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    Say { words: Vec<String> },
}

#[derive(Deserialize)]
#[serde(tag = "kind", content = "words", rename_all = "lowercase")]
enum Adjacent {
    Say(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Untagged {
    Say { words: Vec<String> },
    Other(u8),
}

#[derive(Deserialize)]
struct Flat {
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(flatten)]
    inside: Inside,
}

#[derive(Deserialize)]
struct Inside {
    words: Vec<String>,
}

#[derive(Deserialize)]
struct Small {
    #[serde(default)]
    number: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[serde(default)]
    number: u8,
}

#[derive(Deserialize, garde::Validate)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[garde(length(min = 1))]
    paid_with: String,
    #[garde(dive)]
    #[serde(default)]
    all_items: Vec<Item>,
}

#[derive(Deserialize, garde::Validate)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[garde(range(max = 9))]
    unit_price: u8,
}

#[gateway]
impl Costs {
    #[subscribe]
    fn nothing(&self) {}

    #[subscribe]
    fn text(&self, Data(text): Data<String>) -> bool {
        text.is_empty()
    }

    #[subscribe]
    fn value(&self, Data(value): Data<Value>) -> bool {
        value.is_null()
    }

    #[subscribe]
    fn bytes(&self, bytes: Bytes) -> usize {
        bytes.len()
    }

    #[subscribe]
    fn floats(&self, Data(list): Data<Vec<f64>>) -> usize {
        list.len()
    }

    #[subscribe]
    fn numbers(&self, Data(list): Data<Vec<u8>>) -> usize {
        list.len()
    }

    #[subscribe]
    fn strings(&self, Data(list): Data<Vec<String>>) -> usize {
        list.len()
    }

    #[subscribe]
    fn list(&self, Args(list): Args<Vec<Value>>) -> usize {
        list.len()
    }

    #[subscribe]
    fn pair(&self, Args(pair): Args<(u8, u8)>) -> u8 {
        pair.0
    }

    #[subscribe("by-index")]
    fn by_index(&self, args: RawArgs) -> usize {
        (0..args.len()).filter(|index| args.read::<u8>(*index).is_ok()).count()
    }

    #[subscribe]
    fn map(&self, Data(map): Data<HashMap<String, u8>>) -> usize {
        map.len()
    }

    #[subscribe]
    fn small(&self, Data(small): Data<Small>) -> u8 {
        small.number
    }

    #[subscribe]
    fn strict(&self, Data(strict): Data<Strict>) -> u8 {
        strict.number
    }

    #[subscribe]
    fn words(&self, Data(words): Data<Words>) -> usize {
        words.words.len()
    }

    #[subscribe]
    fn tagged(&self, Data(Tagged::Say { words }): Data<Tagged>) -> usize {
        words.len()
    }

    #[subscribe]
    fn adjacent(&self, Data(Adjacent::Say(words)): Data<Adjacent>) -> usize {
        words.len()
    }

    #[subscribe]
    fn untagged(&self, Data(read): Data<Untagged>) -> usize {
        match read {
            Untagged::Say { words } => words.len(),
            Untagged::Other(number) => number.into(),
        }
    }

    #[subscribe]
    fn flat(&self, Data(flat): Data<Flat>) -> usize {
        flat.inside.words.len()
    }

    #[subscribe]
    fn order(&self, Valid(Data(order)): Valid<Data<Order>>) -> usize {
        order.all_items.iter().map(|item| usize::from(item.unit_price)).sum::<usize>() + order.paid_with.len()
    }
}

/// Patterns that an event may be compared with; none of them has an exact name.
#[gateway]
impl Costs {
    #[subscribe(
        "amber.*.changed",
        "*.amber.*",
        "birch.*.changed",
        "*.birch.*",
        "cedar.*.changed",
        "*.cedar.*",
        "delta.*.changed",
        "*.delta.*",
        "ember.*.changed",
        "*.ember.*",
        "fjord.*.changed",
        "*.fjord.*",
        "grove.*.changed",
        "*.grove.*",
        "heath.*.changed",
        "*.heath.*",
        "islet.*.changed",
        "*.islet.*",
        "jetty.*.changed",
        "*.jetty.*",
        "knoll.*.changed",
        "*.knoll.*",
        "ledge.*.changed",
        "*.ledge.*",
        "marsh.*.changed",
        "*.marsh.*",
        "north.*.changed",
        "*.north.*",
        "ocean.*.changed",
        "*.ocean.*",
        "point.*.changed",
        "*.point.*",
        "quarry.*.changed",
        "*.quarry.*",
        "ridge.*.changed",
        "*.ridge.*",
        "shore.*.changed",
        "*.shore.*",
        "tidal.*.changed",
        "*.tidal.*",
        "upland.*.changed",
        "*.upland.*",
        "vale.*.changed",
        "*.vale.*",
        "woods.*.changed",
        "*.woods.*",
        "yard.*.changed",
        "*.yard.*"
    )]
    fn pattern(&self) {}
}

/// A server of all of these. `ping` is its heartbeat, in both of its times.
///
/// # Errors
///
/// Where it cannot start.
pub(super) async fn server(
    listener: TcpListener,
    limits: Limits,
    ping: Duration,
) -> Result<RunningServer, Box<dyn std::error::Error>> {
    let server = Server::empty()
        .gateway::<Costs>()
        .gateway_with::<Named>(tables::names)
        .gateway_with::<Patterned>(tables::patterns)
        .deflate(Deflate::new())
        .socket_io(SocketIo::new().ping_interval(ping).ping_timeout(ping))
        .limits(limits.ping_interval(ping).ping_timeout(ping));
    Ok(server.start(listener).await?)
}
