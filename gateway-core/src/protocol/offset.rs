//! Positions of events, and the forms in which clients read and name them.

use crate::protocol::WireFormat;

/// The first millisecond that an offset of a log names: the beginning of 2020 in UTC.
const FIRST_MILLISECOND: u64 = 1_577_836_800_000;

/// Bits of the number within a millisecond.
const SEQUENCE_BITS: u32 = 12;

/// Milliseconds from the first one on that an offset can name; an offset is below 2^53, which JavaScript keeps exactly.
const MILLISECONDS: u64 = 1 << (53 - SEQUENCE_BITS);

/// Set in positions in a log, so that both kinds fit into eight bytes: every event that is kept has one.
const IN_LOG: u64 = 1 << 63;

/// The position of an event among others: its number on its server from 1 on, or an entry in the log of a cluster, with
/// the milliseconds since 2020 in the upper bits and the number within the millisecond in the lower 12. 0 is before the
/// first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct OffsetNumber(u64);

impl OffsetNumber {
    /// The event with this number on its server.
    pub(crate) const fn on_server(number: u64) -> Self {
        Self(number)
    }

    /// The entry of a log with this number.
    pub(crate) const fn in_log(number: u64) -> Self {
        Self(number | IN_LOG)
    }

    /// Reads the offset of an entry, `<milliseconds since 1970>-<number>`. `None` for other forms, for times before 2020, and
    /// for numbers from 4096 on.
    pub(crate) fn of_entry(entry: &str) -> Option<Self> {
        entry_number(entry).map(Self::in_log)
    }

    /// Returns `true` for an entry of a log.
    pub(crate) fn is_in_log(self) -> bool {
        self.0 >= IN_LOG
    }

    pub(crate) fn number(self) -> u64 {
        self.0 & !IN_LOG
    }

    /// The form that clients of this format read: Socket.IO's clients know an entry of a log by its id in the log.
    pub(crate) fn text(self, format: WireFormat) -> String {
        let number = self.number();
        if self.0 > IN_LOG && format.takes_texts_for_offsets() { entry_of(number) } else { number.to_string() }
    }
}

/// Reads an offset that a client names, in any form.
pub(crate) fn read_offset(text: &str) -> Option<u64> {
    if text.contains('-') { entry_number(text) } else { text.parse().ok() }
}

/// The id of an entry in the log.
pub(crate) fn entry_of(number: u64) -> String {
    let (milliseconds, sequence) = (number >> SEQUENCE_BITS, number & ((1 << SEQUENCE_BITS) - 1));
    format!("{}-{sequence}", FIRST_MILLISECOND + milliseconds)
}

fn entry_number(entry: &str) -> Option<u64> {
    let digits =
        |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u64>().ok() } else { None };
    let (milliseconds, sequence) = entry.split_once('-')?;
    let milliseconds = digits(milliseconds)?.checked_sub(FIRST_MILLISECOND)?;
    let sequence = digits(sequence).filter(|sequence| sequence >> SEQUENCE_BITS == 0)?;
    (milliseconds < MILLISECONDS).then_some(milliseconds << SEQUENCE_BITS | sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_an_integer_below_2_to_the_53_and_the_reverse() {
        for (entry, number) in [
            ("1577836800000-1", 1),
            ("1577836800001-0", 4096),
            ("1796086389238-7", (1_796_086_389_238 - FIRST_MILLISECOND) * 4096 + 7),
            ("3776860055551-4095", (1 << 53) - 1),
        ] {
            assert_eq!(OffsetNumber::of_entry(entry), Some(OffsetNumber::in_log(number)), "{entry}");
            assert_eq!((entry_of(number), read_offset(entry)), (entry.to_owned(), Some(number)));
            assert_eq!(OffsetNumber::in_log(number).text(WireFormat::SocketIo), entry);
            assert_eq!(OffsetNumber::in_log(number).text(WireFormat::PlainNumbered), number.to_string());
            assert_eq!(read_offset(&number.to_string()), Some(number));
        }
        assert_eq!(OffsetNumber::in_log(0).text(WireFormat::SocketIo), "0");
        assert_eq!(OffsetNumber::on_server(7).text(WireFormat::SocketIo), "7");
    }

    #[test]
    fn other_forms_are_no_entry() {
        for text in
            ["", "-", "1", "1-", "-1", "a-1", "1-1-1", "+1577836800000-1", "1577836799999-0", "1577836800000-4096"]
        {
            assert_eq!(OffsetNumber::of_entry(text), None, "{text}");
        }
        for text in ["3776860055552-0", "99999999999999999999-0", "1577836800000-99999999999999999999"] {
            assert_eq!(OffsetNumber::of_entry(text), None, "{text}");
        }
        for text in ["", "-1", "x", "1.5", "99999999999999999999"] {
            assert_eq!(read_offset(text), None, "{text}");
        }
    }
}
