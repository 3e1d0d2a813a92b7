//! As much of MessagePack as the families need.

use gateway_core::Message;

/// The message of a request.
pub(super) fn event(name: &str, data: &[u8]) -> Vec<Message> {
    let mut message = vec![0x83];
    for (key, value) in [("event", &text_of(name)[..]), ("data", data), ("id", &[7])] {
        message.extend(text_of(key));
        message.extend_from_slice(value);
    }
    vec![message.into()]
}

/// A text of so many bytes.
pub(super) fn text(size: usize) -> Vec<u8> {
    text_of(&"a".repeat(size))
}

/// As many of these as are so many bytes.
pub(super) fn array(element: &[u8], size: usize) -> Vec<u8> {
    let count = size / element.len();
    let mut out = vec![0xdd];
    out.extend_from_slice(&length(count));
    out.extend(element.iter().copied().cycle().take(count * element.len()));
    out
}

fn text_of(text: &str) -> Vec<u8> {
    let mut out = vec![0xdb];
    out.extend_from_slice(&length(text.len()));
    out.extend_from_slice(text.as_bytes());
    out
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a message of some megabytes").to_be_bytes()
}
