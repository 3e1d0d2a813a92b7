//! The families: what is sent, what it is like, and how much more than its cheapest like it may cost.

use gateway_core::Message;

use crate::cost::{msgpack, tables};

/// Way in which a family is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// As the protocol's JSON.
    Plain,
    /// As packets of Socket.IO.
    SocketIo,
    /// As `gateway.v1.msgpack`.
    Packed,
    /// As the protocol's JSON, each message compressed. A byte is a byte of the JSON.
    Deflated,
    /// As packets of Socket.IO in the bodies of POSTs.
    Polling,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Plain, Self::SocketIo, Self::Packed, Self::Deflated, Self::Polling];

    /// Text for the table.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Plain => "plain WebSocket",
            Self::SocketIo => "Socket.IO over a WebSocket",
            Self::Packed => "MessagePack",
            Self::Deflated => "compressed messages",
            Self::Polling => "Socket.IO over long polling",
        }
    }
}

/// Messages of one kind, of any size.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What it is called in the table.
    pub name: &'static str,
    /// Families of one group do the same work for a byte.
    pub group: &'static str,
    /// How it is sent.
    pub way: Way,
    /// Namespace that it is sent to.
    pub namespace: &'static str,
    /// Whether each message is answered.
    pub answered: bool,
    /// The messages, of so many bytes together.
    pub messages: fn(usize) -> Vec<Message>,
    /// A byte of it takes at most so many times the instructions that one of the group's cheapest family takes.
    pub most: f64,
}

/// The bound where nothing else is said.
const MOST: f64 = 3.0;

const fn plain(group: &'static str, name: &'static str, messages: fn(usize) -> Vec<Message>) -> Family {
    Family { name, group, way: Way::Plain, namespace: "/", answered: true, messages, most: MOST }
}

const fn socket_io(group: &'static str, name: &'static str, messages: fn(usize) -> Vec<Message>) -> Family {
    Family { way: Way::SocketIo, ..plain(group, name, messages) }
}

const fn packed(group: &'static str, name: &'static str, messages: fn(usize) -> Vec<Message>) -> Family {
    Family { way: Way::Packed, ..plain(group, name, messages) }
}

const fn deflated(group: &'static str, name: &'static str, messages: fn(usize) -> Vec<Message>) -> Family {
    Family { way: Way::Deflated, ..plain(group, name, messages) }
}

const fn polling(group: &'static str, name: &'static str, messages: fn(usize) -> Vec<Message>) -> Family {
    Family { way: Way::Polling, ..plain(group, name, messages) }
}

impl Family {
    /// Bytes of the messages of this size.
    #[must_use]
    pub fn bytes(&self, size: usize) -> usize {
        let bytes = |message: &Message| match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        };
        (self.messages)(size).iter().map(bytes).sum()
    }

    const fn up_to(self, most: f64) -> Self {
        Self { most, ..self }
    }

    const fn in_namespace(self, namespace: &'static str) -> Self {
        Self { namespace, ..self }
    }

    const fn unanswered(self) -> Self {
        Self { answered: false, ..self }
    }
}

/// What is sent again and again, between two texts, in so many bytes.
fn filled(before: &str, unit: &str, after: &str, size: usize) -> String {
    let count = size.saturating_sub(before.len() + after.len()) / unit.len();
    [before, &unit.repeat(count.max(1)), after].concat()
}

/// An array of these.
fn array(unit: &str, size: usize) -> String {
    let list = filled("[", &format!("{unit},"), "", size);
    format!("{}]", list.trim_end_matches(','))
}

/// An object of many members whose names are numbers.
fn members(value: &str, size: usize, name: impl Fn(usize) -> usize) -> String {
    let mut object = String::from("{");
    for index in 0.. {
        if object.len() >= size {
            break;
        }
        object.extend(["\"", &name(index).to_string(), "\":", value, ","]);
    }
    format!("{}}}", object.trim_end_matches(','))
}

fn event(name: &str, data: &str) -> Vec<Message> {
    vec![format!(r#"{{"event":"{name}","data":{data},"id":7}}"#).into()]
}

fn packet(name: &str, arguments: &str) -> Vec<Message> {
    vec![format!(r#"427["{name}",{arguments}]"#).into()]
}

/// Many messages, in so many bytes.
fn many(text: &str, size: usize) -> Vec<Message> {
    vec![text.to_owned().into(); (size / text.len()).max(1)]
}

fn words(name: &str, size: usize) -> Vec<Message> {
    event(name, &format!(r#"{{"kind":"say","words":{}}}"#, array("\"main\"", size.saturating_sub(24))))
}

fn order(paid_with: &str, rest: &str) -> Vec<Message> {
    event("order", &format!(r#"{{"paidWith":"{paid_with}",{rest}}}"#))
}

fn items(price: u8, size: usize) -> String {
    format!("\"allItems\":{}", array(&format!(r#"{{"unitPrice":{price}}}"#), size))
}

/// Bytes of a name and of the data behind it, together.
const NAMED: usize = 300;

/// Messages of one length, whatever the name of their event.
fn named(name: &str, size: usize) -> Vec<Message> {
    let junk = "a".repeat(NAMED.saturating_sub(name.len()));
    many(&format!(r#"{{"event":"{name}","data":"{junk}","id":7}}"#), size)
}

/// Messages of one length, each with a name of its own.
fn numbered(name: impl Fn(usize) -> String, size: usize) -> Vec<Message> {
    (0..(size / NAMED).max(1)).flat_map(|number| named(&name(number * 7), 0)).collect()
}

/// All of them.
pub const FAMILIES: &[Family] = &[
    plain("text", "a text", |size| event("text", &filled("\"", "a", "\"", size))),
    plain("text", "a text that may be base64", |size| event("text", &filled("\"", "main", "\"", size))),
    // Each letter of more than one byte is looked at to know that it is UTF-8.
    plain("text", "a text of two-byte letters", |size| event("text", &filled("\"", "ü", "\"", size))).up_to(4.0),
    plain("text", "a long name of a member", |size| event("small", &filled("{\"", "a", "\":1}", size))),
    plain("text passed over", "a text nobody reads", |size| event("nothing", &filled("\"", "a", "\"", size))),
    plain("text", "bytes as base64", |size| event("bytes", &filled("\"", "main", "\"", size))),
    plain("spaces", "spaces", |size| event("text", &filled("", " ", "\"\"", size))),
    // Every ninth byte is a number, which takes more than the spaces around it.
    plain("spaces", "spaces between elements", |size| event("numbers", &array("1   \n   ", size))).up_to(5.0),
    plain("escapes", "escapes of one letter", |size| event("text", &filled("\"", "\\n", "\"", size))),
    plain("escapes", "escapes of four digits", |size| event("text", &filled("\"", "\\u0061", "\"", size))),
    plain("escapes", "escapes in pairs", |size| event("text", &filled("\"", "\\ud83d\\ude00", "\"", size))),
    plain("floats", "floats of 17 digits", |size| event("floats", &array("0.12345678901234567", size))),
    plain("digits", "floats of 770 digits", |size| event("floats", &array(&format!("0.{}", "7".repeat(770)), size))),
    plain("floats", "floats with exponents", |size| event("floats", &array("1.5e300", size))),
    plain("digits", "one number of digits alone", |size| event("floats", &filled("[1.", "1", "]", size))),
    plain("elements", "small numbers, typed", |size| event("numbers", &array("1", size))),
    plain("elements", "small numbers as a tree", |size| event("value", &array("1", size))),
    plain("elements", "small numbers as arguments", |size| event("list", &array("1", size))),
    plain("elements", "small numbers by index", |size| event("by-index", &array("1", size))),
    plain("elements", "empty arrays", |size| event("value", &array("[]", size))),
    plain("elements", "empty objects", |size| event("value", &array("{}", size))),
    plain("elements", "empty texts", |size| event("strings", &array("\"\"", size))),
    plain("elements", "a fault at the very end", |size| event("numbers", &array("1", size).replace("1]", "\"\"]"))),
    plain("elements refused", "no JSON at the very end", |size| {
        event("numbers", &array("1", size).replace("1]", "1,]"))
    }),
    plain("elements", "thousands of arguments, two wanted", |size| event("pair", &array("1", size))),
    plain("refused at once", "nested too deeply", |size| {
        event("value", &filled("", "[", &"]".repeat(size / 2), size / 2))
    }),
    plain("members passed over", "members, typed and passed over", |size| {
        event("small", &members("1", size, |index| index))
    }),
    plain("members", "members of a map", |size| event("map", &members("1", size, |index| index))),
    plain("members", "members of a tree", |size| event("value", &members("1", size, |index| index))),
    plain("members", "one member again and again", |size| event("map", &members("1", size, |_| 1))),
    plain("members passed over", "a member nobody knows", |size| {
        event(
            "strict",
            &format!(
                "{{{},\"other\":1}}",
                &members("1", size, |_| 1).trim_matches(['{', '}']).replace("\"1\"", "\"\"")
            ),
        )
    }),
    plain("words", "words of a struct", |size| words("words", size)),
    plain("words", "words under `tag`", |size| words("tagged", size)),
    plain("words", "words under `tag` and `content`", |size| words("adjacent", size)),
    plain("words", "words under `untagged`", |size| words("untagged", size)),
    plain("words", "words under `flatten`", |size| words("flat", size)),
    plain("rules", "rules that are kept", |size| order("cash", &items(1, size))),
    // `garde` works out all of them, also those that are not told.
    plain("rules", "rules that are all broken", |size| order("cash", &items(10, size))).up_to(4.0),
    plain("rules", "a broken rule beside junk", |size| order("", &format!("\"junk\":{}", array("{\"a\":[1]}", size)))),
    plain("rules", "a broken rule beside deep junk", |size| {
        let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
        order("", &format!("\"junk\":{}", array(&deep, size)))
    }),
    plain("rules", "broken rules behind many names", |size| {
        order("cash", &format!("{},{}", members("1", size, |index| index).trim_matches(['{', '}']), items(10, 600)))
    }),
    plain("names", "events by their name", |size| named("nothing", size)),
    plain("names", "events by a pattern", |size| named("woods.oak.changed", size)),
    // The answer says the name, twice.
    plain("names", "names that no pattern meets", |size| named(&"else.".repeat(50), size)).up_to(6.0),
    plain("names", "names of 256 bytes without a separator", |size| named(&"a".repeat(256), size)).up_to(6.0),
    plain("names", "names that are too long", |size| named(&"a.".repeat(500), size)),
    plain("names", "5000 names, each in turn", |size| numbered(tables::name, size)).in_namespace(tables::NAMES),
    plain("names", "1500 patterns, each word in turn", |size| {
        numbered(|number| format!("{}.oak.changed", tables::word(number)), size)
    })
    .in_namespace(tables::PATTERNS),
    plain("names", "1500 patterns, names that nearly match", |size| {
        numbered(|number| format!("{0}.{0}.{0}.changed", tables::word(number)), size)
    })
    .in_namespace(tables::PATTERNS),
    plain("names", "1500 patterns, names that end otherwise", |size| {
        numbered(|number| format!("things.oak.thing-{number:04}-"), size)
    })
    .in_namespace(tables::PATTERNS),
    plain("small", "small events", |size| many(r#"{"event":"small","data":{"number":1},"id":7}"#, size)),
    // It is looked at a second time, and the answer of 200 bytes says where the fault is.
    plain("small", "small data of a wrong shape", |size| {
        many(r#"{"event":"small","data":{"number":""},"id":7}"#, size)
    })
    .up_to(8.0),
    plain("small", "small messages that are malformed", |size| {
        many(r#"{"event":7,"data":{"number":""},"id":7}"#, size)
    }),
    plain("small", "events nobody knows", |size| many(r#"{"event":"other","data":{"number":1},"id":7}"#, size)),
    plain("small", "cancels of nothing", |size| many(r#"{"cancel":123456789012345678}"#, size)).unanswered(),
    plain("small", "answers to nothing", |size| many(r#"{"answer":1234567890,"data":1}"#, size)).unanswered(),
    socket_io("text", "Socket.IO: a text", |size| packet("text", &filled("\"", "a", "\"", size))),
    socket_io("elements", "Socket.IO: small numbers as a tree", |size| packet("value", &array("1", size))),
    socket_io("elements", "Socket.IO: thousands of arguments", |size| {
        packet("list", array("1", size).trim_matches(['[', ']']))
    }),
    socket_io("words", "Socket.IO: words of a struct", |size| {
        packet("words", &format!(r#"{{"kind":"say","words":{}}}"#, array("\"main\"", size.saturating_sub(24))))
    }),
    socket_io("small", "Socket.IO: small events", |size| many(r#"427["small",{"number":1}]"#, size)),
    socket_io("small", "Socket.IO: acks of nothing", |size| many("4312345678[1234567890]", size)).unanswered(),
    socket_io("namespaces", "Socket.IO: namespaces nobody serves", |size| {
        many("40/nobody/serves/a/namespace/of/this/name,", size)
    }),
    deflated("text", "compressed: a text", |size| event("text", &filled("\"", "a", "\"", size))),
    deflated("text", "compressed: a text of numbers", |size| {
        event("text", &format!("\"{}\"", members("1", size, |index| index).replace('"', "'")))
    })
    // Of the other nearly nothing is sent.
    .up_to(4.0),
    deflated("elements", "compressed: small numbers, typed", |size| event("numbers", &array("1", size))),
    deflated("elements", "compressed: small numbers as a tree", |size| event("value", &array("1", size))),
    deflated("words", "compressed: words of a struct", |size| words("words", size)),
    deflated("words", "compressed: words under `untagged`", |size| words("untagged", size)),
    deflated("rules", "compressed: rules that are kept", |size| order("cash", &items(1, size))),
    deflated("names", "compressed: names that are too long", |size| named(&"a.".repeat(500), size)),
    deflated("small", "compressed: small events", |size| many(r#"{"event":"small","data":{"number":1},"id":7}"#, size)),
    polling("text", "polling: a text", |size| packet("text", &filled("\"", "a", "\"", size))),
    polling("elements", "polling: small numbers as a tree", |size| packet("value", &array("1", size))),
    polling("elements", "polling: thousands of arguments", |size| {
        packet("list", array("1", size).trim_matches(['[', ']']))
    }),
    polling("text", "polling: bytes in base64", |size| {
        vec![r#"451-["nothing",{"_placeholder":true,"num":0}]"#.into(), vec![7; size].into()]
    })
    .unanswered(),
    // As many as wait at a time share two requests, one that brings them and one that takes their answers.
    polling("small", "polling: small events", |size| many(r#"427["small",{"number":1}]"#, size)).up_to(4.0),
    polling("small", "polling: acks of nothing", |size| many("4312345678[1234567890]", size)).unanswered(),
    polling("engine", "polling: pongs", |size| many("3", size)).unanswered(),
    polling("engine", "polling: noops", |size| many("6", size)).unanswered(),
    polling("namespaces", "polling: namespaces nobody serves", |size| {
        many("40/nobody/serves/a/namespace/of/this/name,", size)
    }),
    packed("text", "MessagePack: a text", |size| msgpack::event("text", &msgpack::text(size))),
    packed("packed", "MessagePack: nil", |size| msgpack::event("value", &msgpack::array(&[0xc0], size))),
    packed("packed", "MessagePack: numbers of a byte", |size| msgpack::event("value", &msgpack::array(&[1], size))),
    packed("packed numbers", "MessagePack: numbers of nine bytes", |size| {
        msgpack::event("value", &msgpack::array(&[0xcf, 1, 2, 3, 4, 5, 6, 7, 8], size))
    }),
    packed("packed numbers", "MessagePack: floats", |size| {
        msgpack::event("value", &msgpack::array(&[0xcb, 0x3f, 0xbf, 0x9a, 0xdd, 0x37, 0x3b, 0x5f, 0x0d], size))
    }),
    packed("packed", "MessagePack: empty arrays", |size| msgpack::event("value", &msgpack::array(&[0x90], size))),
];
