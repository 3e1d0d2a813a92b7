use gateway_core::prelude::*;

#[gateway(namespace = "/board")]
struct Board;

#[gateway]
impl Board {
    #[subscribe("draw", queue = "16")]
    fn draw(&self) {}

    #[subscribe("erase", queue = 16, overflow = "drop_oldst")]
    fn erase(&self) {}

    #[subscribe("fill", queue = 16, overflow = "wait")]
    fn fill(&self) {}

    #[subscribe("undo", overflow = "refuse")]
    fn undo(&self) {}

    #[subscribe("move", rate = "60/s", overflow = "drop_oldest")]
    fn shift(&self) {}

    #[subscribe("zoom", timeout = "5")]
    async fn zoom(&self) {}

    #[subscribe("rotate", timeout = 5)]
    async fn rotate(&self) {}

    #[subscribe("save", rate = "often")]
    fn save(&self) {}
}

fn main() {}
