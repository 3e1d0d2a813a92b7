//! Methods of a gateway as constants: all that a macro says of a method besides the code that calls it.

use crate::error::{ConnectRejection, Exception};
use crate::handler::{Argument, ErrorTypes, HandlerFuture, Hook, RawReply, Reply, Requirements, Subscription, Written};

/// A method, its source location, and the types of its arguments.
#[derive(Clone, Copy, Debug)]
pub struct MethodEntry {
    /// The method's name.
    pub name: &'static str,
    /// The source file, as named by the compiler.
    pub file: &'static str,
    /// The lines of the method's name and of its arguments' types.
    pub lines: &'static [u32],
    /// The source text of the arguments' types.
    pub arguments: &'static [&'static str],
    /// The requirements of the arguments.
    pub needs: &'static [fn(&mut Requirements<'_>)],
    /// The description for the contract.
    pub describe: Option<Describe>,
}

/// A function that describes a method for the contract.
#[cfg(feature = "contract")]
pub type Describe = fn(&mut crate::handler::MethodDescription);
/// Nothing describes a method without the feature `contract`.
#[cfg(not(feature = "contract"))]
pub type Describe = std::convert::Infallible;

/// A handler of events.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionEntry {
    /// The handler.
    pub method: MethodEntry,
    /// The events' names, at least one.
    pub events: &'static [&'static str],
    /// The source text of the return type.
    pub reply: &'static str,
    /// The error types that the handler may return.
    pub error_types: fn(&mut ErrorTypes),
}

/// The outcome of `#[subscribe]`.
pub type EventFuture = HandlerFuture<Reply>;
/// The outcome of `#[on_init]`.
pub type InitFuture = HandlerFuture<Result<(), String>>;
/// The outcome of `#[on_connect]`.
pub type ConnectFuture = HandlerFuture<Result<(), ConnectRejection>>;
/// The outcome of `#[on_disconnect]`.
pub type DisconnectFuture = HandlerFuture<Result<(), Exception>>;
/// The outcome of `#[on_message]`.
pub type MessageFuture = HandlerFuture<RawReply>;

impl MethodEntry {
    pub(crate) fn hook(&self) -> Hook {
        Hook::new(self.name, self.file, self.line(0))
    }

    /// The arguments, in their order.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = Argument> {
        let arguments = self.arguments.iter().zip(self.needs).enumerate();
        arguments
            .map(|(index, (text, needs))| Argument::new(Written::new(text, self.file, self.line(1 + index)), *needs))
    }

    fn line(&self, index: usize) -> u32 {
        self.lines.get(index).copied().unwrap_or_default()
    }
}

impl SubscriptionEntry {
    pub(crate) fn subscription(&self) -> Subscription {
        let method = &self.method;
        let (event, also) = self.events.split_first().expect("a macro names at least one event");
        let subscription = Subscription::new(event, method.name, method.file, method.line(0)).also(also);
        subscription.arguments(method.arguments).reply(self.reply)
    }
}
