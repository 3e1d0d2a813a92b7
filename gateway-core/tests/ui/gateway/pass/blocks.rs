use gateway_core::prelude::*;

macro_rules! helper {
    ($name:ident) => {
        fn $name(&self) -> &'static str {
            "helped"
        }
    };
}

#[gateway(namespace = "/chat/{room}")]
struct Chat;

#[gateway]
impl Chat {
    const GREETING: &'static str = "hello";

    #[subscribe]
    fn greet(&self) -> String {
        Self::GREETING.to_owned() + self.helped()
    }

    helper!(helped);
    helper! { helped_in_braces }

    fn array(grid: Grid<{ 1 + 2 }>) -> [u8; 3] {
        grid.0
    }
}

struct Grid<const N: usize>([u8; N]);

#[gateway]
impl Chat {
    #[subscribe]
    fn bye(&self) -> String {
        let _ = Self::array(Grid([0; 3]));
        self.helped_in_braces().to_owned()
    }
}

mod elsewhere {
    use gateway_core::prelude::*;

    #[gateway]
    impl super::Chat {
        #[subscribe]
        pub(super) async fn later(&self, _socket: Socket) {}
    }
}
