use gateway_core::prelude::*;
use gateway_core::extract::EventName;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[gateway(namespace = "/chat")]
struct Chat(#[inject(with = origin)] Point);

fn origin() -> Point {
    Point { x: 0, y: 0 }
}

impl Chat {
    const WIDTH: usize = 3;
}

#[gateway]
impl Chat {
    /// By its own name.
    #[subscribe]
    fn named(&self) {}

    #[subscribe("by another name")]
    async fn unnamed(&self) {}

    #[subscribe("parallel", concurrency = 8)]
    async fn parallel(&self) {}

    #[subscribe("one", "another", "third.*")]
    fn several(&self, EventName(event): EventName) -> String {
        event
    }

    #[subscribe(
        "bounded",
        concurrency = 4,
        queue = 16,
        overflow = "drop_oldest",
        timeout = "5s",
        rate = "20/s",
    )]
    async fn bounded(&self) {}

    #[subscribe(queue = 0, overflow = "drop_newest", timeout = "250ms", rate = "5/10s")]
    async fn bounded_by_name(&self) {}

    #[subscribe(concurrency = 2)]
    async fn parallel_by_name(&self) {}

    #[subscribe]
    async fn pattern(&self, _socket: Socket, Data(Point { x, y }): Data<Point>, mut sum: Data<i32>) -> Data<Point> {
        sum.0 += x + y;
        Data(Point { x: sum.0, y })
    }

    #[subscribe]
    fn own_constant(&self, _row: Data<[u8; Self::WIDTH]>) -> Option<u8> {
        None
    }

    #[subscribe]
    fn tuple(&self, Data((one, two)): Data<(u8, String)>) -> String {
        two + &one.to_string()
    }

    #[subscribe]
    fn borrowed(&self) -> Data<&Point> {
        Data(&self.0)
    }

    #[subscribe]
    async fn borrowed_later(&self) -> Option<Data<&Point>> {
        Some(Data(&self.0))
    }

    #[subscribe]
    const fn constant(&self) -> bool {
        true
    }

    #[subscribe]
    #[must_use]
    fn with_other_attributes(&self) -> bool {
        true
    }

    #[gateway_core::subscribe("path")]
    fn marked_by_path(&self) {}
}

#[test]
fn a_handler_is_a_method_that_others_call() {
    assert_eq!(Chat(origin()).tuple(Data((1, "a".to_owned()))), "a1");
}
