//! Reading the first message of a connection.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits::Limits;
use crate::metrics::Rejected;
use crate::protocol::{FirstMessage, FoundFirst, Framing, MsgpackLimits, ResumeMembers, find_first};
use crate::server::handshake_check::HandshakeRejection;
use crate::server::lines::RefusedOpening;

/// Bytes of one read: a first message is short.
const READ: usize = 2048;

/// A first message, and how the ones behind it are framed.
pub(super) struct Opening {
    pub(super) framing: Framing,
    pub(super) first: FirstMessage,
    /// Bytes behind the first message.
    pub(super) rest: Vec<u8>,
}

/// Reason why there is no first message.
pub(super) enum Unread {
    /// The client left without a word, as a health check does.
    Gone,
    /// Not all of it came in time.
    Late,
    /// The server stops.
    Stopping,
    Malformed(Cow<'static, str>),
}

impl From<Unread> for RefusedOpening {
    fn from(unread: Unread) -> Self {
        let malformed =
            |status, text: Cow<'static, str>| HandshakeRejection::new(status, text).because(Rejected::Malformed);
        let rejection = match unread {
            Unread::Stopping => HandshakeRejection::stopping(),
            Unread::Gone | Unread::Late => {
                malformed(StatusCode::REQUEST_TIMEOUT, "the first message did not come in time".into())
            }
            Unread::Malformed(text) => malformed(StatusCode::BAD_REQUEST, text),
        };
        Self { path: String::new(), origin: None, rejection }
    }
}

/// Reads up to the end of the first message, and what came with it.
pub(super) async fn read_opening<S: AsyncRead + Unpin>(stream: &mut S, limits: &Limits) -> Result<Opening, Unread> {
    let packed = MsgpackLimits { depth: limits.json_depth, attachments: limits.attachments };
    let most = limits.header_bytes;
    let mut bytes = Vec::new();
    let mut blank = 0;
    loop {
        let searched = bytes.len();
        bytes.reserve(READ);
        let is_end = match stream.read_buf(&mut bytes).await {
            Ok(read) => read == 0,
            Err(_) => return Err(Unread::Gone),
        };
        // Keep-alive lines before the first message are not kept.
        if bytes.iter().all(u8::is_ascii_whitespace) {
            blank += bytes.len();
            bytes.clear();
            if is_end {
                return Err(Unread::Gone);
            }
            if blank > most {
                return Err(Unread::Malformed("there is nothing in the first lines".into()));
            }
            continue;
        }
        let found = find_first(&bytes, searched, most).map_err(Unread::Malformed)?;
        let (framing, first, taken) = match found {
            FoundFirst::Line { start, end, taken } => {
                (Framing::Lines, FirstMessage::from_line(&bytes[start..end]), taken)
            }
            FoundFirst::Packed { start, end } => {
                (Framing::Packed(packed), FirstMessage::from_packed(&bytes[start..end], packed), end)
            }
            FoundFirst::Not if !is_end => continue,
            // A last line needs no line feed.
            FoundFirst::Not => (Framing::Lines, FirstMessage::from_line(bytes.trim_ascii()), bytes.len()),
        };
        let first = first.map_err(Unread::Malformed)?;
        return Ok(Opening { framing, first, rest: bytes.split_off(taken) });
    }
}

/// Members of `headers` as the headers of a request. What a proxy says of its client counts over HTTP alone, where a proxy
/// replaces what its client says: here it would be the client's own word.
///
/// # Errors
///
/// A name or value that no header can have, and more of them than a request may have.
pub(super) fn header_map(headers: &[(String, String)], limits: &Limits) -> Result<HeaderMap, HandshakeRejection> {
    if headers.len() > limits.headers {
        let text = format!("there are more than {} headers", limits.headers);
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(HandshakeRejection::new(status, text).because(Rejected::Malformed));
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            let text = "a member of `headers` is no header";
            return Err(HandshakeRejection::new(StatusCode::BAD_REQUEST, text).because(Rejected::Malformed));
        };
        let is_of_proxies = name == "forwarded" || name == "x-real-ip" || name.as_str().starts_with("x-forwarded-");
        if !is_of_proxies {
            map.append(name, value);
        }
    }
    Ok(map)
}

/// The query with the members that ask to resume, as a WebSocket's URL has them.
pub(super) fn with_resume(query: &str, resume: Option<&ResumeMembers>) -> String {
    let Some(ResumeMembers { key, offset }) = resume else { return query.to_owned() };
    let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
    // The first parameter of a name counts.
    format!("resume={key}&offset={offset}&{query}")
}
