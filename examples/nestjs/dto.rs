//! Payloads of clients.

use serde::Deserialize;

#[derive(Deserialize, garde::Validate)]
pub(crate) struct Join {
    #[garde(length(chars, min = 1, max = 20))]
    pub(crate) room: String,
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct Say {
    #[garde(length(chars, min = 1, max = 20))]
    pub(crate) room: String,
    #[garde(length(chars, min = 1, max = 200))]
    pub(crate) text: String,
}
