//! Conversion from JSON to MessagePack, in the shortest forms.

use std::borrow::Cow;

use bytes::Bytes;

use crate::protocol::json::{skip_space, string_end};
use crate::protocol::payload::placeholder_at_front;

/// A writer of consecutive values.
#[derive(Debug)]
pub(crate) struct MsgpackWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> MsgpackWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub(crate) fn map(&mut self, entries: usize) {
        self.header(entries, [0x80, 0xde]);
    }

    pub(crate) fn array(&mut self, elements: usize) {
        self.header(elements, [0x90, 0xdc]);
    }

    pub(crate) fn natural(&mut self, value: u64) {
        match value {
            0..=0x7f => self.out.push(narrow(value)[7]),
            0x80..=0xff => self.sized(0xcc, &narrow(value)[7..]),
            0x100..=0xffff => self.sized(0xcd, &narrow(value)[6..]),
            0x1_0000..=0xffff_ffff => self.sized(0xce, &narrow(value)[4..]),
            _ => self.sized(0xcf, &narrow(value)),
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        let len = text.len() as u64;
        match len {
            0..=0x1f => self.out.push(0xa0 | narrow(len)[7]),
            0x20..=0xff => self.sized(0xd9, &narrow(len)[7..]),
            0x100..=0xffff => self.sized(0xda, &narrow(len)[6..]),
            _ => self.sized(0xdb, &narrow(len)[4..]),
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes a JSON value with `attachments` in place of its placeholders. The JSON must be valid; the output for other
    /// text is meaningless.
    pub(crate) fn json(&mut self, json: &str, attachments: &[Bytes]) {
        self.values(json, &mut counts(json).into_iter(), attachments);
    }

    /// Writes the elements of a JSON array without the array. `begin` is called with their number before the first.
    pub(crate) fn elements(&mut self, json: &str, attachments: &[Bytes], begin: impl FnOnce(&mut Self, usize)) {
        let mut counts = counts(json).into_iter();
        begin(self, counts.next().unwrap_or_default());
        let inside = json.trim_start();
        self.values(inside.strip_prefix('[').unwrap_or(inside), &mut counts, attachments);
    }

    /// Writes the values of a JSON text. Separators are skipped: `counts` replaces them.
    fn values(&mut self, json: &str, counts: &mut dyn Iterator<Item = usize>, attachments: &[Bytes]) {
        let bytes = json.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += match byte {
                b'[' => {
                    self.array(counts.next().unwrap_or_default());
                    1
                }
                b'{' => {
                    let members = counts.next().unwrap_or_default();
                    match placeholder_at_front(&json[at..]) {
                        Some((number, len)) if number < attachments.len() => {
                            self.binary(&attachments[number]);
                            len
                        }
                        _ => {
                            self.map(members);
                            1
                        }
                    }
                }
                b'"' => {
                    let end = string_end(bytes, at + 1);
                    self.text(&unescaped(&json[at..end]));
                    end - at
                }
                b'n' => self.literal(0xc0, "null"),
                b'f' => self.literal(0xc2, "false"),
                b't' => self.literal(0xc3, "true"),
                b'-' | b'0'..=b'9' => {
                    let len = bytes[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                    self.number(&json[at..at + len]);
                    len
                }
                _ => 1,
            };
        }
    }

    fn literal(&mut self, marker: u8, json: &str) -> usize {
        self.out.push(marker);
        json.len()
    }

    fn binary(&mut self, bytes: &[u8]) {
        let len = bytes.len() as u64;
        match len {
            0..=0xff => self.sized(0xc4, &narrow(len)[7..]),
            0x100..=0xffff => self.sized(0xc5, &narrow(len)[6..]),
            _ => self.sized(0xc6, &narrow(len)[4..]),
        }
        self.out.extend_from_slice(bytes);
    }

    /// Writes a number: an integer if it is written as one and fits, or else a float.
    fn number(&mut self, json: &str) {
        let natural = json.parse().map(|value| self.natural(value));
        let integer = natural.or_else(|_| json.parse().map(|value| self.integer(value)));
        if integer.is_err() {
            let value: f64 = json.parse().unwrap_or(f64::NAN);
            self.sized(0xcb, &value.to_be_bytes());
        }
    }

    pub(crate) fn integer(&mut self, value: i64) {
        let bytes = value.to_be_bytes();
        match value {
            0.. => self.natural(value.unsigned_abs()),
            -0x20..=-1 => self.out.push(bytes[7]),
            -0x80..=-0x21 => self.sized(0xd0, &bytes[7..]),
            -0x8000..=-0x81 => self.sized(0xd1, &bytes[6..]),
            -0x8000_0000..=-0x8001 => self.sized(0xd2, &bytes[4..]),
            _ => self.sized(0xd3, &bytes),
        }
    }

    /// Writes the header of an array or map. `short` is the marker that has the length in it, `long` the next.
    fn header(&mut self, len: usize, [short, long]: [u8; 2]) {
        let bytes = narrow(len as u64);
        match len {
            0..=0xf => self.out.push(short | bytes[7]),
            0x10..=0xffff => self.sized(long, &bytes[6..]),
            _ => self.sized(long + 1, &bytes[4..]),
        }
    }

    fn sized(&mut self, marker: u8, bytes: &[u8]) {
        self.out.push(marker);
        self.out.extend_from_slice(bytes);
    }
}

fn narrow(value: u64) -> [u8; 8] {
    value.to_be_bytes()
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Counts the elements or members of each array and object, in the order of their opening brackets.
fn counts(json: &str) -> Vec<usize> {
    let bytes = json.as_bytes();
    let mut counts = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(bytes, at),
            b'[' | b'{' => {
                let is_empty = matches!(bytes.get(skip_space(bytes, at)), Some(b']' | b'}') | None);
                open.push(counts.len());
                counts.push(usize::from(!is_empty));
            }
            b']' | b'}' => drop(open.pop()),
            b',' => {
                if let Some(&inner) = open.last() {
                    counts[inner] += 1;
                }
            }
            _ => {}
        }
    }
    counts
}

/// Returns the text of a JSON string. An unpaired surrogate becomes a replacement character.
fn unescaped(quoted: &str) -> Cow<'_, str> {
    let inside = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    Cow::Owned(serde_json::from_str(quoted).unwrap_or_else(|_| lossy(inside)))
}

fn lossy(inside: &str) -> String {
    let mut units = Vec::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match characters.next() {
            Some('u') => {
                let digits = characters.by_ref().take(4);
                digits.fold(0, |unit, digit| unit << 4 | u16::try_from(digit.to_digit(16).unwrap_or(0)).unwrap_or(0))
            }
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('n') => 0x0a,
            Some('r') => 0x0d,
            Some('t') => 0x09,
            Some(character) => u16::try_from(u32::from(character)).unwrap_or(0xfffd),
            None => 0xfffd,
        });
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests;
