use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat {
    #[inject(default)]
    always: u8,
    #[cfg(any())]
    never: Missing,
    #[cfg(not(any()))]
    #[inject(default)]
    also: u8,
}

#[gateway]
impl Chat {
    #[subscribe("sum")]
    fn sum(&self) -> u8 {
        self.always + self.also
    }

    #[subscribe("never")]
    #[cfg(any())]
    fn never(&self, _missing: Missing) {}

    // One event, two methods, of which one exists.
    #[cfg(any())]
    #[subscribe("either")]
    fn one(&self) {}

    #[cfg(not(any()))]
    #[subscribe("either")]
    fn other(&self) {}
}

#[gateway]
#[cfg(any())]
impl Chat {
    #[subscribe]
    fn absent(&self, _missing: Missing) {}
}

#[gateway(namespace = "/absent")]
#[cfg(any())]
struct Absent {
    missing: Missing,
}
