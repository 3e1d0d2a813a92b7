//! From a decoded envelope to an answer: find the handler, read its arguments, run it, encode its reply. Knows one socket
//! and one event at a time; connections and servers are on higher layers.

mod async_call;
mod context;
#[cfg(feature = "contract")]
mod description;
mod error_types;
mod extract;
mod filter;
mod guard;
mod handler_future;
mod handler_timing;
mod hooks;
mod interceptor;
mod into_exception;
mod layer;
pub mod on;
mod pipeline;
mod policy;
mod reply;
mod requirements;
mod router;
mod services;
mod validate;

pub use async_call::{call_0, call_1, call_2, call_3, call_4};
pub use context::Context;
pub(crate) use context::{Event, MethodName, OwnedContext, Scope, Subject};
#[cfg(feature = "contract")]
pub use description::{
    ArgumentKind, ArgumentProbe, ArgumentShape, ErrorCodes, EventDescription, GatewayDescription, MethodDescription,
    NoSchema, RefusalProbe, ReplyKind, ReplyProbe, ReplyShape, SchemaProbe, ToldReply, UnknownArgument, UnknownRefusal,
    UnknownReply,
};
#[cfg(feature = "contract")]
pub(crate) use description::{DescribedEvent, DescribedPayload};
pub use error_types::ErrorTypes;
pub(crate) use filter::{ErasedFilter, FilteredReply, Filters};
pub use filter::{Filter, FilterOutcome};
pub use hooks::{ConnectOutput, DisconnectOutput, InitOutput, IntoConnectRejection};
pub(crate) use hooks::{GuardedHook, Hooks, RunHandler, RunHook};
pub(crate) use interceptor::ErasedInterceptor;
pub use interceptor::{Interceptor, Next};
pub use into_exception::{FrameworkError, IntoException};
pub(crate) use pipeline::{KeptEvent, Pipeline, PipelineStart};

pub(crate) use extract::ServerEventNamespace;
pub use extract::{
    Auth, Cancellation, Data, EventName, Extension, Extensions, FromContext, FromContextOptional, FromServerEvent,
    Path, PerSocket, State,
};
pub use guard::{
    AsyncGuard, ErasedGuard, Grant, Guard, GuardContext, GuardPoint, GuardPoints, IntoGuard, Prompt, Waits,
};
pub(crate) use guard::{Guards, SocketGrants};
pub use handler_future::HandlerFuture;
pub(crate) use handler_future::{HandlerState, drop_quietly};
pub(crate) use handler_timing::measured;
pub(crate) use layer::Layer;
pub use layer::Written;
pub use policy::EventOverflow;
pub(crate) use policy::{Policy, Rate};
pub use reply::{Ack, Driven, IntoReply, Items, RawOutput, Reply, ReplyStream, Streamed};
pub(crate) use reply::{Compat, Finished, Outcome, RawReply, Responder, Share, SharedResponder, StreamStep, Streaming};
pub use requirements::{Argument, Requirements};
pub(crate) use requirements::{Available, Missing};
pub use router::{Declared, Hook, Subscription};
pub(crate) use router::{Handler, Names, Router, cannot_be_subscribed};
pub use services::Service;
pub(crate) use services::ServiceMap;
pub use validate::{Valid, Validate, ValidationErrors};
