//! Collectors that made code fills.

use crate::asyncapi::{Direction, PayloadStyle, SchemaRequest};
use crate::handler::description::arguments::ArgumentKind;
use crate::handler::description::docs::trimmed;
use crate::handler::description::failures::ErrorCodes;
use crate::handler::description::replies::{ReplyKind, ToldReply, of_items};

/// A payload before its schema is written.
#[derive(Clone, Debug)]
pub(crate) struct DescribedPayload {
    pub(crate) style: PayloadStyle,
    /// `None` for one whose schema follows from its style.
    pub(crate) schema: Option<SchemaRequest>,
    pub(crate) may_be_absent: bool,
}

/// A description of a method: filled by the function that its macro wrote.
#[derive(Debug, Default)]
pub struct MethodDescription {
    pub(crate) docs: String,
    pub(crate) is_deprecated: bool,
    /// Payloads that arguments read, usually one.
    pub(crate) reads: Vec<DescribedPayload>,
    /// Types that read the parameters of the namespace.
    pub(crate) paths: Vec<SchemaRequest>,
    pub(crate) reply: ReplyKind,
    pub(crate) replies: Option<DescribedPayload>,
    pub(crate) failures: ErrorCodes,
}

impl MethodDescription {
    /// Sets the doc comment.
    pub fn docs(&mut self, docs: &'static str) {
        self.docs = trimmed(docs);
    }

    /// The codes of its failures.
    pub fn codes(&mut self) -> &mut ErrorCodes {
        &mut self.failures
    }

    /// Marks the method as deprecated.
    pub fn deprecated(&mut self) {
        self.is_deprecated = true;
    }

    /// Adds an argument. `probe` gives the schema of the type that it reads.
    pub fn argument(&mut self, kind: Option<ArgumentKind>, probe: impl FnOnce(Direction) -> SchemaRequest) {
        let read = |style, schema| DescribedPayload { style, ..DescribedPayload::value(schema) };
        match kind {
            Some(ArgumentKind::Value) => self.reads.push(read(PayloadStyle::Value, probe(Direction::Incoming))),
            Some(ArgumentKind::Arguments) => self.reads.push(read(PayloadStyle::Arguments, probe(Direction::Incoming))),
            Some(ArgumentKind::Binary) => self.reads.push(DescribedPayload::binary()),
            Some(ArgumentKind::Path) => self.paths.push(probe(Direction::Incoming)),
            Some(ArgumentKind::Ack) => self.reply = ReplyKind::Untold,
            None => {}
        }
    }

    /// Sets the reply. `probe` gives the schema of its value.
    pub fn reply(&mut self, told: ToldReply, probe: impl FnOnce(Direction) -> SchemaRequest) {
        (told.failures)(&mut self.failures);
        // A handler that takes an `Ack` answers by it.
        if self.reply != ReplyKind::Untold {
            self.reply = told.kind;
            self.replies = replied(told, told.kind, probe);
        }
    }

    /// Sets the reply to a stream of items. `probe` gives the schema of an item.
    pub fn items(&mut self, told: ToldReply, probe: impl FnOnce(Direction) -> SchemaRequest) {
        (told.failures)(&mut self.failures);
        self.reply = of_items(told.kind);
        self.replies = replied(told, told.kind, probe);
    }

    /// Sets the reply to a stream whose items are not told.
    pub fn untold_items(&mut self) {
        self.reply = ReplyKind::Untold;
        self.failures.add_unknown();
    }
}

/// A description of a gateway.
#[derive(Debug, Default)]
pub struct GatewayDescription {
    pub(crate) docs: String,
    pub(crate) module: &'static str,
    pub(crate) version: &'static str,
    pub(crate) credentials: Option<SchemaRequest>,
    /// Events that the gateway names; `None` for those that its module derives.
    pub(crate) emits: Option<Vec<DescribedEvent>>,
}

impl GatewayDescription {
    /// Sets the doc comment.
    pub fn docs(&mut self, docs: &'static str) {
        self.docs = trimmed(docs);
    }

    /// Sets the module, and the version of its package.
    pub fn module(&mut self, module: &'static str, version: Option<&'static str>) {
        (self.module, self.version) = (module, version.unwrap_or_default());
    }

    /// Sets the type of the `auth` payload.
    pub fn credentials(&mut self, probe: impl FnOnce(Direction) -> SchemaRequest) {
        self.credentials = Some(probe(Direction::Incoming));
    }

    /// Names the events from now on: those of the module do not count.
    pub fn names_events(&mut self) {
        self.emits.get_or_insert_default();
    }

    /// Adds an event by its name and style.
    pub fn emits(&mut self, name: &'static str, is_spread: bool, probe: impl FnOnce(Direction) -> SchemaRequest) {
        let event = DescribedEvent::new(name, is_spread, probe(Direction::Outgoing));
        self.emits.get_or_insert_default().push(event);
    }

    /// Sets the answer to the last event.
    pub fn answer(&mut self, probe: impl FnOnce(Direction) -> SchemaRequest) {
        if let Some(event) = self.emits.as_mut().and_then(|events| events.last_mut()) {
            event.answer = Some(DescribedPayload::value(probe(Direction::Incoming)));
        }
    }
}

/// A typed event.
#[derive(Clone, Debug)]
pub(crate) struct DescribedEvent {
    pub(crate) name: &'static str,
    pub(crate) payload: DescribedPayload,
    pub(crate) answer: Option<DescribedPayload>,
}

impl DescribedEvent {
    fn new(name: &'static str, is_spread: bool, schema: SchemaRequest) -> Self {
        let style = if is_spread { PayloadStyle::Arguments } else { PayloadStyle::Value };
        let payload = DescribedPayload { style, ..DescribedPayload::value(schema) };
        Self { name, payload, answer: None }
    }
}

/// A description of an event's type, by its derive.
#[derive(Debug, Default)]
pub struct EventDescription(pub(crate) Option<DescribedEvent>);

impl EventDescription {
    /// Sets the event.
    pub fn event(&mut self, name: &'static str, is_spread: bool, probe: impl FnOnce(Direction) -> SchemaRequest) {
        self.0 = Some(DescribedEvent::new(name, is_spread, probe(Direction::Outgoing)));
    }
}

impl DescribedPayload {
    pub(crate) fn value(schema: SchemaRequest) -> Self {
        Self { style: PayloadStyle::Value, schema: Some(schema), may_be_absent: false }
    }

    pub(crate) fn binary() -> Self {
        Self { style: PayloadStyle::Binary, schema: None, may_be_absent: false }
    }
}

fn replied(
    told: ToldReply,
    kind: ReplyKind,
    probe: impl FnOnce(Direction) -> SchemaRequest,
) -> Option<DescribedPayload> {
    let style = match kind {
        ReplyKind::Empty | ReplyKind::Untold | ReplyKind::StreamOfStreams => return None,
        ReplyKind::Binary => {
            return Some(DescribedPayload { may_be_absent: told.may_be_absent, ..DescribedPayload::binary() });
        }
        ReplyKind::Arguments => PayloadStyle::Arguments,
        ReplyKind::Value | ReplyKind::Stream => PayloadStyle::Value,
    };
    let schema = probe(Direction::Outgoing);
    Some(DescribedPayload { style, may_be_absent: told.may_be_absent, ..DescribedPayload::value(schema) })
}
