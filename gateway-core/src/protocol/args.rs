//! The arguments of an event as a list of any length: typed, raw, and converted for sending.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::Error as _;

use crate::protocol::Event;
use crate::protocol::arity::arity_of;
use crate::protocol::fault::{Fault, every_fault, explain, name_as_sent};
use crate::protocol::json::first_value;
use crate::protocol::payload::{Arity, Content, ContentRef, Payload, keep_named, read};

/// The arguments of an event as a list of any length: `T` is a tuple, a `Vec`, or a type that is read from a list.
///
/// As a handler's argument it reads the list: a single argument is a list of one, no argument an empty list. Tuple
/// elements beyond the list's end are read as `null`, so that an `Option` may be omitted. As a value to send, each element
/// becomes an argument: a Socket.IO client's listener gets one parameter per element. On plain WebSocket, which has a
/// single data field, several arguments are an array, and one argument is itself.
///
/// ```
/// # use gateway_core::prelude::*;
/// # use gateway_core::extract::Args;
/// #[gateway(namespace = "/board")]
/// struct Board;
///
/// #[gateway]
/// impl Board {
///     #[subscribe]
///     fn place(&self, socket: Socket, Args((piece, field)): Args<(String, u8)>) -> Args<(String, bool)> {
///         socket.broadcast().emit("placed", &Args((&piece, field)));
///         Args((piece, true))
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Args<T>(pub T);

/// The raw arguments of an event, including binary parts, without deserialising them. Sent again, they are unchanged to
/// the last digit.
#[derive(Clone, Debug)]
pub struct RawArgs {
    content: Content,
    /// Set if nothing was sent: no arguments, and `null` if read as one value.
    absent: bool,
    /// Position of each argument in the list; filled when a distant argument is read.
    places: OnceLock<Box<[Range<usize>]>>,
}

/// Arguments up to this index are found by scanning.
const NEAR: usize = 4;

/// A value that can be sent: any `Serialize` as a single argument; [`Args`] and [`RawArgs`] as several.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent",
    label = "this cannot be written as the data of an event",
    note = "what is sent is `Serialize`: put `#[derive(serde::Serialize)]` on a type of your own",
    note = "several arguments are sent as `Args((one, other))`, and each of them is `Serialize`"
)]
pub trait ToArgs {
    /// Serialises the arguments.
    ///
    /// # Errors
    ///
    /// When a value cannot be serialised as JSON, or the content of [`Args`] is not a list.
    fn to_args(&self) -> Result<RawArgs, serde_json::Error>;

    /// Converts as [`ToArgs::to_args`] does, and consumes the value.
    ///
    /// # Errors
    ///
    /// As [`ToArgs::to_args`].
    fn into_args(self) -> Result<RawArgs, serde_json::Error>
    where
        Self: Sized,
    {
        self.to_args()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> ToArgs for T {
    fn to_args(&self) -> Result<RawArgs, serde_json::Error> {
        RawArgs::one(self)
    }
}

impl<T: Serialize> ToArgs for Args<T> {
    fn to_args(&self) -> Result<RawArgs, serde_json::Error> {
        RawArgs::each(&self.0)
    }
}

impl ToArgs for RawArgs {
    fn to_args(&self) -> Result<RawArgs, serde_json::Error> {
        Ok(self.clone())
    }

    fn into_args(self) -> Result<RawArgs, serde_json::Error> {
        Ok(self)
    }
}

/// A type that a client's answer can be read as: any deserialisable type, where several arguments are an array; [`Args`],
/// where a single argument is a list too; [`RawArgs`] for the unread arguments.
#[diagnostic::on_unimplemented(
    message = "an answer cannot be read as `{Self}`",
    label = "this cannot be read from the data of an answer",
    note = "what is read is `Deserialize` and owns what it holds: put `#[derive(serde::Deserialize)]` on a type of your own"
)]
pub trait FromArgs: Sized {
    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// When the arguments do not have this type.
    fn from_args(args: RawArgs) -> Result<Self, serde_json::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FromArgs for T {
    fn from_args(args: RawArgs) -> Result<Self, serde_json::Error> {
        args.list().read_value()
    }
}

impl<T: DeserializeOwned> FromArgs for Args<T> {
    fn from_args(args: RawArgs) -> Result<Self, serde_json::Error> {
        args.list().read_all().map(Self)
    }
}

impl FromArgs for RawArgs {
    fn from_args(args: RawArgs) -> Result<Self, serde_json::Error> {
        Ok(args)
    }
}

impl RawArgs {
    /// Creates a single argument of any value.
    ///
    /// # Errors
    ///
    /// When the value cannot be serialised as JSON.
    pub fn one<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Content::from_value(value).map(Self::from)
    }

    /// Creates one argument per element of a tuple, an array or a `Vec`; `()` has none.
    ///
    /// # Errors
    ///
    /// When the value cannot be serialised as JSON, or is not a list.
    pub fn each<T: Serialize + ?Sized>(list: &T) -> Result<Self, serde_json::Error> {
        let content = Content::from_value(list)?;
        match content.json.as_bytes() {
            [b'[', ..] => Ok(Self::from_list(content.json, content.attachments)),
            b"null" => Ok(Self::from_list("[]".to_owned(), Vec::new())),
            _ => Err(serde_json::Error::custom("arguments are spread from a tuple, an array or a `Vec`")),
        }
    }

    /// Creates the arguments of a typed event.
    ///
    /// # Errors
    ///
    /// When the event cannot be serialised as JSON, or its arguments are spread and it is not a list.
    pub fn event<E: Event>(event: &E) -> Result<Self, serde_json::Error> {
        if E::IS_SPREAD { Self::each(event) } else { Self::one(event) }
    }

    /// Number of arguments. The first call scans all of them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places().len()
    }

    /// Returns `true` if there are no arguments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().elements().next().is_none()
    }

    /// The arguments as a JSON array. `{"_placeholder":true,"num":0}` stands for the first binary part.
    #[must_use]
    pub fn json(&self) -> Cow<'_, str> {
        self.list().text()
    }

    /// Reads the argument at `index`; beyond the last it is `null`. Reading each by its index costs no more than reading all.
    ///
    /// # Errors
    ///
    /// When the argument is not a `T`.
    pub fn read<T: DeserializeOwned>(&self, index: usize) -> Result<T, serde_json::Error> {
        let list = self.list();
        let element = if index < NEAR {
            list.elements().nth(index)
        } else {
            self.places().get(index).map(|place| &list.json.unwrap_or_default()[place.clone()])
        };
        read(element.unwrap_or("null"), list.attachments)
    }

    /// Returns the arguments after the first `count`, such as those a handler has not read itself. The result owns its text,
    /// so it can be stored or sent; the bytes are copied once.
    #[must_use]
    pub fn skip(&self, count: usize) -> Self {
        let mut elements = self.list().elements();
        elements.by_ref().take(count).for_each(drop);
        let (left, attachments) = keep_named(elements.into_list(), &self.content.attachments);
        Self::from_list(left, attachments)
    }

    fn places(&self) -> &[Range<usize>] {
        self.places.get_or_init(|| {
            let (mut elements, mut places) = (self.list().elements(), Vec::new());
            while let Some(element) = elements.next() {
                let end = self.content.json.len() - elements.rest.len();
                places.push(end - element.len()..end);
            }
            places.into()
        })
    }

    /// The JSON of each argument.
    pub(in crate::protocol) fn elements(&self) -> impl Iterator<Item = &str> {
        self.list().elements()
    }

    pub(in crate::protocol) fn attachments(&self) -> &[Bytes] {
        &self.content.attachments
    }

    /// Returns `true` for a list of arguments whose only argument is a list: without the outer list that one would be read as
    /// the arguments.
    pub(in crate::protocol) fn is_list_of_one_list(&self) -> bool {
        let Content { json, shape, attachments: _ } = &self.content;
        let begins_with_list = || json.strip_prefix('[').is_some_and(|rest| rest.trim_ascii_start().starts_with('['));
        *shape == Arity::Several && begins_with_list() && only_element(json).is_some()
    }

    /// The list of arguments that has this single one.
    pub(in crate::protocol) fn into_list(mut self) -> Self {
        let Content { json, shape, attachments: _ } = &mut self.content;
        if *shape == Arity::One && !self.absent {
            *json = format!("[{json}]");
            *shape = Arity::Several;
        }
        self
    }

    /// Writes a single argument as itself, unless that would be read as a list.
    pub(crate) fn from_list(list: String, attachments: Vec<Bytes>) -> Self {
        let (json, shape) = match only_element(&list) {
            Some(only) if !only.starts_with('[') => (only.to_owned(), Arity::One),
            Some(_) | None => (list, Arity::Several),
        };
        Content { json, shape, attachments }.into()
    }

    /// The arguments as the payload of an event.
    pub(crate) fn as_payload(&self) -> Payload<'_> {
        let Content { json, shape, attachments } = &self.content;
        let json = (!self.absent).then_some(Cow::Borrowed(json.as_str()));
        let attachments = (!attachments.is_empty()).then(|| attachments.as_slice().into());
        Payload { json, shape: *shape, attachments, trace: None }
    }

    /// Size in bytes of the JSON text and the binary parts.
    pub(crate) fn bytes(&self) -> usize {
        self.content.json.len() + self.content.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    pub(crate) fn into_content(self) -> Content {
        self.content
    }

    /// The content as it is sent, borrowed.
    pub(crate) fn content(&self) -> ContentRef<'_> {
        if self.absent {
            return ContentRef { json: "[]", shape: Arity::Several, attachments: &[] };
        }
        self.content.borrowed()
    }

    fn list(&self) -> ArgList<'_> {
        let Content { json, shape, attachments } = &self.content;
        ArgList { json: (!self.absent).then_some(json), shape: *shape, attachments }
    }
}

impl PartialEq for RawArgs {
    fn eq(&self, other: &Self) -> bool {
        (&self.content, self.absent) == (&other.content, other.absent)
    }
}

impl Default for RawArgs {
    fn default() -> Self {
        Self::from_list("[]".to_owned(), Vec::new())
    }
}

impl From<Content> for RawArgs {
    fn from(content: Content) -> Self {
        Self { content, absent: false, places: OnceLock::new() }
    }
}

impl From<&Payload<'_>> for RawArgs {
    fn from(payload: &Payload<'_>) -> Self {
        let json = match (payload.json.as_deref(), payload.shape) {
            (Some(json), _) => json,
            (None, Arity::One) => "null",
            (None, Arity::Several) => "[]",
        };
        let (json, attachments) = (json.to_owned(), payload.attachments().to_vec());
        let content = Content { json, shape: payload.shape, attachments };
        Self { content, absent: payload.json.is_none(), places: OnceLock::new() }
    }
}

impl From<Payload<'_>> for RawArgs {
    fn from(payload: Payload<'_>) -> Self {
        Self::from(&payload)
    }
}

/// Borrowed arguments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ArgList<'a> {
    /// `None` if nothing was sent.
    pub(super) json: Option<&'a str>,
    pub(super) shape: Arity,
    pub(super) attachments: &'a [Bytes],
}

impl<'a> ArgList<'a> {
    /// Reads the arguments as one value: a single argument, an array of several, or `null` if there is none.
    pub(crate) fn read_value<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        read(self.json.unwrap_or("null"), self.attachments)
    }

    /// Reads the arguments as a list. Omitted ones at its end are `null`, as they are `undefined` in a JavaScript function.
    pub(crate) fn read_all<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        read(&self.text(), self.attachments).or_else(|error| {
            let Some(filled) = arity_of::<T>().and_then(|wanted| self.filled(wanted)) else { return Err(error) };
            read(&filled, self.attachments).map_err(|_| error)
        })
    }

    /// Returns the fault of the payload as one value, after reading failed.
    pub(crate) fn fault_of_value<T: DeserializeOwned>(self, error: &serde_json::Error) -> Fault {
        let given = self.json.is_none().then_some(0);
        explain::<T>(self.json.unwrap_or("null"), self.attachments, given).unwrap_or_else(|| Fault::from_parser(error))
    }

    /// Returns all faults of the payload as one value, up to `most`, and a value with samples in the faulty places.
    pub(crate) fn faults_of_value<T: DeserializeOwned>(self, most: usize) -> Option<(Option<T>, Vec<Fault>)> {
        // With binary parts the JSON alone does not represent the payload.
        self.attachments.is_empty().then(|| every_fault(self.json.unwrap_or("null"), most)).flatten()
    }

    /// Returns all faults of the payload as a list, as [`ArgList::faults_of_value`].
    pub(crate) fn faults_of_list<T: DeserializeOwned>(self, most: usize) -> Option<(Option<T>, Vec<Fault>)> {
        let wanted = arity_of::<T>().unwrap_or_default();
        let list = self.filled(wanted).map_or_else(|| self.text(), Cow::Owned);
        self.attachments.is_empty().then(|| every_fault(&list, most)).flatten()
    }

    /// Returns the fault of the payload as a list, after reading failed.
    pub(crate) fn fault_of_list<T: DeserializeOwned>(self, error: &serde_json::Error) -> Fault {
        let wanted = arity_of::<T>().unwrap_or_default();
        let given = self.elements().take(wanted).count();
        let list = self.filled(wanted).map_or_else(|| self.text(), Cow::Owned);
        explain::<T>(&list, self.attachments, Some(given)).unwrap_or_else(|| Fault::from_parser(error))
    }

    /// Returns the list padded with `null` to `wanted` elements; `None` if it is long enough.
    fn filled(self, wanted: usize) -> Option<String> {
        let mut elements: Vec<_> = self.elements().take(wanted).collect();
        if elements.len() == wanted {
            return None;
        }
        elements.resize(wanted, "null");
        Some(format!("[{}]", elements.join(",")))
    }

    /// Replaces names in faults by the names that were sent.
    pub(crate) fn name_as_sent(self, faults: &mut [Fault]) {
        name_as_sent(faults, self.json.unwrap_or("null"));
    }

    /// The arguments as a JSON array.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match (self.json, self.shape) {
            (None, _) => Cow::Borrowed("[]"),
            (Some(list), Arity::Several) => Cow::Borrowed(list),
            (Some(only), Arity::One) => Cow::Owned(format!("[{only}]")),
        }
    }

    fn elements(self) -> ArgElements<'a> {
        match (self.json, self.shape) {
            (None, _) => ArgElements { only: None, rest: "" },
            (Some(only), Arity::One) => ArgElements { only: Some(only), rest: "" },
            (Some(rest), Arity::Several) => ArgElements { only: None, rest },
        }
    }
}

/// An iterator of the texts of a list's elements.
struct ArgElements<'a> {
    /// A single argument, which stands for a list of one.
    only: Option<&'a str>,
    /// The rest, beginning with a bracket or a comma.
    rest: &'a str,
}

impl ArgElements<'_> {
    /// Returns the list of the remaining elements.
    fn into_list(self) -> String {
        match (self.only, self.rest.trim_ascii_start().strip_prefix(['[', ','])) {
            (Some(only), _) => format!("[{only}]"),
            (None, Some(rest)) => format!("[{}", rest.trim_ascii_start()),
            (None, None) => "[]".to_owned(),
        }
    }
}

impl<'a> Iterator for ArgElements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if let Some(only) = self.only.take() {
            return Some(only);
        }
        // The whole is known to be an array.
        let (element, rest) = first_value(self.rest.trim_ascii_start().strip_prefix(['[', ','])?)?;
        self.rest = rest;
        Some(element)
    }
}

/// Returns the element of a list with exactly one.
fn only_element(list: &str) -> Option<&str> {
    let (first, rest) = first_value(list.strip_prefix('[')?)?;
    (rest.trim_ascii_start() == "]").then_some(first)
}

#[cfg(test)]
mod tests;
