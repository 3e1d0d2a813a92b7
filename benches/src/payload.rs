//! Payloads: data that names its connection and its number, so that a lost, doubled, altered or misplaced one is seen.

use std::str::FromStr;

/// The shape of the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A string of this many bytes.
    Text(usize),
    /// An object `{id, user, text, tags, pos}` of this many bytes.
    Object(usize),
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (shape, size) = text.split_once(':').ok_or("text:SIZE or object:SIZE")?;
        let size = size.parse().map_err(|error| format!("{error}"))?;
        match shape {
            "text" if size >= 24 => Ok(Self::Text(size)),
            "object" if size >= 512 => Ok(Self::Object(size)),
            _ => Err("text of 24 bytes or more, object of 512 or more".to_owned()),
        }
    }
}

/// The data of one connection: the same text but for the number.
#[derive(Clone, Debug)]
pub struct Payload {
    text: Vec<u8>,
    number_at: usize,
}

const WORDS: &[u8] = b"the quick brown fox jumps over the lazy dog and comes home late to sleep ";
/// A number has always ten digits, the first of them a one, so that it is an integer in JSON too.
const FIRST: u64 = 1_000_000_000;

impl Payload {
    /// The data of connection `index`.
    #[must_use]
    pub fn new(shape: Shape, index: usize) -> Self {
        let mut text = Vec::new();
        let number_at;
        match shape {
            Shape::Text(size) => {
                text.push(b'"');
                number_at = text.len();
                text.extend_from_slice(format!("{FIRST} {index:05} ").as_bytes());
                fill(&mut text, size + 1);
                text.push(b'"');
            }
            Shape::Object(size) => {
                text.extend_from_slice(br#"{"id":"#);
                number_at = text.len();
                text.extend_from_slice(format!(r#"{FIRST},"user":"user-{index:05}","text":""#).as_bytes());
                let tail = tail(size - TEXT);
                fill(&mut text, size - tail.len());
                text.extend_from_slice(tail.as_bytes());
            }
        }
        Self { text, number_at }
    }

    /// The data with this number.
    pub fn numbered(&mut self, number: u64) -> &[u8] {
        let mut rest = FIRST + number;
        for digit in self.text[self.number_at..self.number_at + 10].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.text
    }
}

fn fill(text: &mut Vec<u8>, until: usize) {
    let missing = until.saturating_sub(text.len());
    text.extend(WORDS.iter().cycle().take(missing));
}

/// Many small parts, as real objects have them: what is rich in tokens tells servers apart, one long string does not.
fn tail(room: usize) -> String {
    let tags: Vec<String> = (0..room / TAG).map(|tag| format!("\"tag-{tag:02}\"")).collect();
    format!(r#"","tags":[{}],"pos":{{"x":12.5,"y":-3.25,"z":100}}}}"#, tags.join(","))
}

/// Bytes of one tag with its quotes and comma.
const TAG: usize = 9;
/// Bytes left for the other members.
const TEXT: usize = 230;

#[cfg(test)]
mod tests {
    use super::{Payload, Shape};
    use serde_json::Value;

    #[test]
    fn data_is_json_of_the_size_asked_for() {
        for (shape, size) in [(Shape::Text(32), 34), (Shape::Text(1024), 1026), (Shape::Object(1024), 1024)] {
            let mut payload = Payload::new(shape, 17);
            assert_eq!(payload.numbered(1234).len(), size);
            let value: Value = serde_json::from_slice(payload.numbered(1234)).unwrap();
            assert!(value.to_string().contains("1000001234"), "{value}");
        }
    }
}
