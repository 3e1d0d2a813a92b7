//! Conversion from MessagePack to JSON.

use bytes::Bytes;

use crate::protocol::Violation;
use crate::protocol::json::{push_integer, push_string};
use crate::protocol::msgpack::date::push_date;
use crate::protocol::payload::push_placeholder;

/// Limits of a value, inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MsgpackLimits {
    pub(crate) depth: usize,
    /// Maximum number of byte strings.
    pub(crate) attachments: usize,
}

/// A reader of consecutive values.
#[derive(Debug)]
pub(crate) struct MsgpackReader<'a> {
    rest: &'a [u8],
    extent: MsgpackLimits,
}

/// A marker with its content, except for the elements of arrays and maps.
#[derive(Debug, PartialEq)]
enum Token<'a> {
    Nil,
    /// The extension that `notepack` writes for JavaScript's `undefined`.
    Undefined,
    Bool(bool),
    Natural(u64),
    Negative(i64),
    Float(f64),
    Text(&'a str),
    Binary(&'a [u8]),
    Array(usize),
    Map(usize),
    /// Milliseconds since 1970.
    Date(i64),
    Extension(i8, &'a [u8]),
}

/// An open array or map.
struct Level {
    /// Number of values left; an entry of a map is two.
    left: usize,
    close: u8,
}

impl<'a> MsgpackReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], extent: MsgpackLimits) -> Self {
        Self { rest: bytes, extent }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads the header of a map and returns its number of entries.
    pub(crate) fn map(&mut self) -> Result<usize, Violation> {
        match self.token()? {
            Token::Map(entries) => Ok(entries),
            _ => Err(Violation::new("a packet is no map")),
        }
    }

    /// Reads the header of an array and returns its number of elements.
    pub(crate) fn array(&mut self) -> Result<usize, Violation> {
        match self.token()? {
            Token::Array(elements) => Ok(elements),
            _ => Err(Violation::new("a list is missing")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Violation> {
        match self.token()? {
            Token::Text(text) => Ok(text),
            _ => Err(Violation::new("a text is missing")),
        }
    }

    /// Reads a natural number; `None` for nil and `undefined`.
    pub(crate) fn natural(&mut self) -> Result<Option<u64>, Violation> {
        match self.token()? {
            Token::Natural(value) => Ok(Some(value)),
            Token::Nil | Token::Undefined => Ok(None),
            _ => Err(Violation::new("a number is none")),
        }
    }

    /// Reads the next value as JSON, with its byte strings as attachments. As with `JSON.stringify`, `undefined` becomes
    /// `null`, and a date its text.
    pub(crate) fn json(&mut self) -> Result<(String, Vec<Bytes>), Violation> {
        let mut json = Vec::with_capacity(self.rest.len().min(1024));
        let mut attachments = Vec::new();
        let mut levels: Vec<Level> = Vec::new();
        loop {
            let token = self.token()?;
            let is_name = levels.last().is_some_and(|level| level.close == b'}' && level.left % 2 == 0);
            separate(&mut json, &levels);
            if let Some(level) = levels.last_mut() {
                level.left -= 1;
            }
            match token {
                _ if is_name => push_name(&mut json, &token)?,
                Token::Array(len) => self.open(&mut levels, &mut json, Level { left: len, close: b']' })?,
                Token::Map(len) => self.open(&mut levels, &mut json, Level { left: 2 * len, close: b'}' })?,
                Token::Binary(bytes) => self.attach(&mut json, &mut attachments, bytes)?,
                Token::Extension(kind, bytes) => {
                    json.extend_from_slice(format!("[{kind},").as_bytes());
                    self.attach(&mut json, &mut attachments, bytes)?;
                    json.push(b']');
                }
                scalar => push_scalar(&mut json, &scalar),
            }
            while let Some(level) = levels.pop_if(|level| level.left == 0) {
                json.push(level.close);
            }
            if levels.is_empty() {
                let json = String::from_utf8(json).expect("JSON of texts that are UTF-8");
                return Ok((json, attachments));
            }
        }
    }

    fn open(&self, levels: &mut Vec<Level>, json: &mut Vec<u8>, level: Level) -> Result<(), Violation> {
        if levels.len() == self.extent.depth {
            return Err(Violation::new("a packet is nested too deeply"));
        }
        json.push(if level.close == b']' { b'[' } else { b'{' });
        levels.push(level);
        Ok(())
    }

    fn attach(&self, json: &mut Vec<u8>, attachments: &mut Vec<Bytes>, bytes: &[u8]) -> Result<(), Violation> {
        if attachments.len() == self.extent.attachments {
            return Err(Violation::new("too many attachments"));
        }
        push_placeholder(json, attachments.len());
        attachments.push(Bytes::copy_from_slice(bytes));
        Ok(())
    }

    fn token(&mut self) -> Result<Token<'a>, Violation> {
        let [marker] = self.bytes()?;
        Ok(match marker {
            0x00..=0x7f => Token::Natural(u64::from(marker)),
            0x80..=0x8f => self.map_of(usize::from(marker & 0x0f))?,
            0x90..=0x9f => self.array_of(usize::from(marker & 0x0f))?,
            0xa0..=0xbf => self.text_of(usize::from(marker & 0x1f))?,
            0xc0 => Token::Nil,
            0xc1 => return Err(Violation::new("unknown marker")),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 => self.len8().and_then(|len| self.take(len)).map(Token::Binary)?,
            0xc5 => self.len16().and_then(|len| self.take(len)).map(Token::Binary)?,
            0xc6 => self.len32().and_then(|len| self.take(len)).map(Token::Binary)?,
            0xc7 => self.len8().and_then(|len| self.extension(len))?,
            0xc8 => self.len16().and_then(|len| self.extension(len))?,
            0xc9 => self.len32().and_then(|len| self.extension(len))?,
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.bytes()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.bytes()?)),
            0xcc => Token::Natural(u64::from(u8::from_be_bytes(self.bytes()?))),
            0xcd => Token::Natural(u64::from(u16::from_be_bytes(self.bytes()?))),
            0xce => Token::Natural(u64::from(u32::from_be_bytes(self.bytes()?))),
            0xcf => Token::Natural(u64::from_be_bytes(self.bytes()?)),
            0xd0 => integer(i64::from(i8::from_be_bytes(self.bytes()?))),
            0xd1 => integer(i64::from(i16::from_be_bytes(self.bytes()?))),
            0xd2 => integer(i64::from(i32::from_be_bytes(self.bytes()?))),
            0xd3 => integer(i64::from_be_bytes(self.bytes()?)),
            0xd4..=0xd8 => self.fixed_extension(1 << (marker - 0xd4))?,
            0xd9 => self.len8().and_then(|len| self.text_of(len))?,
            0xda => self.len16().and_then(|len| self.text_of(len))?,
            0xdb => self.len32().and_then(|len| self.text_of(len))?,
            0xdc => self.len16().and_then(|len| self.array_of(len))?,
            0xdd => self.len32().and_then(|len| self.array_of(len))?,
            0xde => self.len16().and_then(|len| self.map_of(len))?,
            0xdf => self.len32().and_then(|len| self.map_of(len))?,
            0xe0..=0xff => integer(i64::from(i8::from_be_bytes([marker]))),
        })
    }

    /// Checks a length: every element takes a byte, so a length above the remaining bytes is invalid.
    fn array_of(&self, len: usize) -> Result<Token<'a>, Violation> {
        if len > self.rest.len() { Err(truncated()) } else { Ok(Token::Array(len)) }
    }

    fn map_of(&self, len: usize) -> Result<Token<'a>, Violation> {
        if len > self.rest.len() / 2 { Err(truncated()) } else { Ok(Token::Map(len)) }
    }

    fn text_of(&mut self, len: usize) -> Result<Token<'a>, Violation> {
        let text = std::str::from_utf8(self.take(len)?);
        text.map(Token::Text).map_err(|_| Violation::new("a text is no UTF-8"))
    }

    /// An `ArrayBuffer` has the type 0.
    fn extension(&mut self, len: usize) -> Result<Token<'a>, Violation> {
        let kind = i8::from_be_bytes(self.bytes()?);
        let bytes = self.take(len)?;
        Ok(match kind {
            0 => Token::Binary(bytes),
            _ => timestamp(bytes).filter(|_| kind == -1).map_or(Token::Extension(kind, bytes), Token::Date),
        })
    }

    /// `undefined` and dates have the type 0.
    fn fixed_extension(&mut self, len: usize) -> Result<Token<'a>, Violation> {
        let kind = i8::from_be_bytes(self.bytes()?);
        let bytes = self.take(len)?;
        Ok(match (kind, len) {
            (0, 1) => Token::Undefined,
            (0, 8) => Token::Date(i64::from_be_bytes(bytes.try_into().expect("eight bytes"))),
            _ => timestamp(bytes).filter(|_| kind == -1).map_or(Token::Extension(kind, bytes), Token::Date),
        })
    }

    fn len8(&mut self) -> Result<usize, Violation> {
        self.bytes().map(|[len]| usize::from(len))
    }

    fn len16(&mut self) -> Result<usize, Violation> {
        self.bytes().map(|len| usize::from(u16::from_be_bytes(len)))
    }

    fn len32(&mut self) -> Result<usize, Violation> {
        self.bytes().and_then(|len| usize::try_from(u32::from_be_bytes(len)).map_err(|_| truncated()))
    }

    fn bytes<const LEN: usize>(&mut self) -> Result<[u8; LEN], Violation> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Violation> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

fn truncated() -> Violation {
    Violation::new("a packet is cut short")
}

fn integer<'a>(value: i64) -> Token<'a> {
    u64::try_from(value).map_or(Token::Negative(value), Token::Natural)
}

/// Reads one of the three forms of a timestamp, in milliseconds.
fn timestamp(bytes: &[u8]) -> Option<i64> {
    let (nanos, seconds) = match bytes.len() {
        4 => (0, i64::from(u32::from_be_bytes(bytes.try_into().ok()?))),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            (both >> 34, i64::try_from(both & 0x3_ffff_ffff).ok()?)
        }
        12 => {
            let (nanos, seconds) = bytes.split_first_chunk()?;
            (u64::from(u32::from_be_bytes(*nanos)), i64::from_be_bytes(seconds.try_into().ok()?))
        }
        _ => return None,
    };
    seconds.checked_mul(1000)?.checked_add(i64::try_from(nanos / 1_000_000).ok()?)
}

/// Writes the separator between a value and the one before it.
fn separate(json: &mut Vec<u8>, levels: &[Level]) {
    let Some(level) = levels.last() else { return };
    if level.close == b'}' && level.left % 2 == 1 {
        json.push(b':');
    } else if !matches!(json.last(), Some(b'[' | b'{')) {
        json.push(b',');
    }
}

/// Appends the name of a member. JavaScript converts every name to a text; only texts and numbers are accepted here.
fn push_name(json: &mut Vec<u8>, token: &Token<'_>) -> Result<(), Violation> {
    match token {
        Token::Text(text) => push_string(json, text),
        Token::Natural(_) | Token::Negative(_) => {
            json.push(b'"');
            push_scalar(json, token);
            json.push(b'"');
        }
        _ => return Err(Violation::new("a member's name is no text")),
    }
    Ok(())
}

fn push_scalar(json: &mut Vec<u8>, token: &Token<'_>) {
    match *token {
        Token::Bool(value) => json.extend_from_slice(if value { b"true" } else { b"false" }),
        Token::Natural(value) => push_integer(json, value),
        Token::Negative(value) => {
            json.push(b'-');
            push_integer(json, value.unsigned_abs());
        }
        // NaN and infinity become `null`, as in JavaScript.
        Token::Float(value) => serde_json::to_writer(json, &value).expect("writing to memory cannot fail"),
        Token::Text(text) => push_string(json, text),
        Token::Date(millis) => push_date(json, millis),
        Token::Nil | Token::Undefined | Token::Binary(_) | Token::Array(_) | Token::Map(_) | Token::Extension(..) => {
            json.extend_from_slice(b"null");
        }
    }
}

#[cfg(test)]
mod tests;
