//! Names that macro output uses.

pub use gateway_types::private::Serialize;
pub use gateway_types::private::{Event, Request};
