//! Check that a text can name an event.

/// Names that Socket.IO's clients keep for themselves: they cannot send them, and take one that comes for a broken message.
/// `gateway-core` knows the same names.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Names that servers of Socket.IO keep for themselves. `gateway-core` knows the same names.
const RESERVED_OF_SERVERS: [&str; 3] = ["connect", "connection", "new_namespace"];

/// Longer names are refused on the wire.
const MAX_BYTES: usize = 256;

/// Characters that end a segment of a name. `gateway-core` knows the same.
const SEPARATORS: [char; 3] = ['.', ':', '/'];

/// Which way an event goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a client, to `#[subscribe]`.
    In,
    /// To a client, from `#[derive(Event)]`.
    Out,
    /// From another server, to `#[on_server_event]`.
    Server,
}

/// Describes the fault of an event's name, if it has one.
pub(crate) fn event_mistake(name: &str, direction: Direction) -> Option<String> {
    if name.is_empty() {
        return Some("an event has a name\nhelp: write one, as in `\"message\"`".to_owned());
    }
    if name.len() > MAX_BYTES {
        return Some(format!("an event's name has at most {MAX_BYTES} bytes, and this one has {}", name.len()));
    }
    let hook = match name {
        "connect" => "; what is to happen then goes into a method with `#[on_connect]`",
        "disconnect" | "disconnecting" => "; what is to happen then goes into a method with `#[on_disconnect]`",
        _ => "",
    };
    if direction != Direction::Out && name.split(SEPARATORS).any(|segment| segment != "*" && segment.contains('*')) {
        return Some(
            "a `*` stands for a whole segment of an event's name, between `.`, `:` or `/`\nhelp: write it as in `order.*`, or `*` alone for every other event"
                .to_owned(),
        );
    }
    let (reserved, by) = match direction {
        Direction::In | Direction::Out => (RESERVED.as_slice(), "clients"),
        Direction::Server => (RESERVED_OF_SERVERS.as_slice(), "servers"),
    };
    if reserved.contains(&name) {
        let (why, hook) = match direction {
            Direction::In => ("and cannot send it", hook),
            Direction::Out => ("and close the connection when it comes", ""),
            Direction::Server => ("and cannot send it to each other", ""),
        };
        return Some(format!(
            "Socket.IO {by} keep the event name `{name}` for themselves, {why}\nhelp: choose another name{hook}"
        ));
    }
    if direction == Direction::In && name == "exception" {
        return Some(
            "`exception` is how the server tells a client of a failure; no client sends it\nhelp: choose another name"
                .to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Direction, event_mistake};

    fn check(name: &str, direction: Direction, expected: Option<&str>) {
        let mistake = event_mistake(name, direction);
        match expected {
            Some(part) => assert!(mistake.as_deref().is_some_and(|text| text.contains(part)), "{name}: {mistake:?}"),
            None => assert_eq!(mistake, None, "{name}"),
        }
    }

    #[test]
    fn reserved_names_are_known_in_both_directions() {
        check("message", Direction::In, None);
        check("connected", Direction::In, None);
        check("exception", Direction::Out, None);
        check("exception", Direction::In, Some("no client sends it"));
        check("connect", Direction::In, Some("#[on_connect]"));
        check("newListener", Direction::Out, Some("newListener"));
        check("", Direction::Out, Some("has a name"));
        check("order.*", Direction::In, None);
        check("room:*:left", Direction::In, None);
        check("*", Direction::In, None);
        check("a*", Direction::In, Some("whole segment"));
        check("a.**", Direction::In, Some("whole segment"));
        check("a*", Direction::Out, None);
        check("a*", Direction::Server, Some("whole segment"));
        check("connection", Direction::Server, Some("servers keep"));
        check("disconnect", Direction::Server, None);
        check(&"é".repeat(128), Direction::In, None);
        check(&"é".repeat(129), Direction::In, Some("258"));
    }
}
