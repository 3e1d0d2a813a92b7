//! Descriptions of methods, gateways and events for the contract, found by the expansion of macros: the kinds of arguments and replies by
//! traits, and the schema of a type by a probe, so that a type without `JsonSchema` compiles all the same.

mod arguments;
mod docs;
mod entry;
mod failures;
mod foreign;
mod lenient;
mod replies;
mod schema_probe;

pub use arguments::{ArgumentKind, ArgumentProbe, ArgumentShape, UnknownArgument};
pub(crate) use entry::{DescribedEvent, DescribedPayload};
pub use entry::{EventDescription, GatewayDescription, MethodDescription};
pub use failures::{ErrorCodes, RefusalProbe, UnknownRefusal};
pub use replies::{ReplyKind, ReplyProbe, ReplyShape, ToldReply, UnknownReply};
pub use schema_probe::{NoSchema, SchemaProbe};
