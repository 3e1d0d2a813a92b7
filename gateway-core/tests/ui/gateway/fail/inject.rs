use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat {
    #[inject]
    bare: u8,
    #[inject(defualt)]
    misspelt: u8,
    #[inject(with = "zero")]
    quoted: u8,
    #[inject(default, with = zero)]
    both: u8,
    #[inject(default = 3)]
    valued: u8,
    #[inject(default)]
    #[inject(default)]
    twice: u8,
    #[inject = "default"]
    assigned: u8,
}

fn zero() -> u8 {
    0
}

fn main() {}
