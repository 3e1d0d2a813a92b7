//! The parameters of a request's query, kept as long as its connection lives.

use std::borrow::Cow;
use std::str;

use percent_encoding::percent_decode_str;

use crate::limits::Limits;
use crate::transport::pairs::Pairs;

/// The decoded parameters, in little more memory than their text.
#[derive(Default)]
pub(crate) struct Query(Pairs);

/// Reason why a query is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("the query is longer than a request's head may be")]
    TooLong,
    #[error("there are too many query parameters")]
    TooManyParameters,
}

impl Query {
    /// Checks the length and the number of parameters before the query is stored: a foreign HTTP server may not limit them.
    pub(crate) fn check(text: &str, limits: &Limits) -> Result<(), QueryError> {
        if text.len() > limits.header_bytes {
            return Err(QueryError::TooLong);
        }
        let parameters =
            text.split('&').filter(|pair| !pair.is_empty()).take(limits.query_parameters.saturating_add(1));
        if parameters.count() > limits.query_parameters { Err(QueryError::TooManyParameters) } else { Ok(()) }
    }

    pub(crate) fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self(Pairs::keep(parse_query(text).map(|(name, value)| (QueryText(name), QueryText(value))), text.len()))
    }

    /// Total size in bytes of all names and values.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// The first value of a parameter.
    pub(crate) fn first(&self, wanted: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |bytes| str::from_utf8(bytes).expect("it was a text when it was kept");
        self.0.iter().map(move |(name, value)| (text(name), text(value)))
    }
}

struct QueryText<'a>(Cow<'a, str>);

impl AsRef<[u8]> for QueryText<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Parses `application/x-www-form-urlencoded`, the format of queries.
pub(crate) fn parse_query(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decode(name), decode(value)))
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_kept_in_order() {
        let query = Query::parse("a=%20b+c&flag&&a=2&%C3%BC=%ff");
        let read: Vec<_> = query.iter().collect();
        assert_eq!(read, [("a", " b c"), ("flag", ""), ("a", "2"), ("ü", "\u{fffd}")]);
        assert_eq!((query.first("a"), query.first("b")), (Some(" b c"), None));
    }

    #[test]
    fn a_query_has_its_bounds() {
        let limits = Limits { query_parameters: 2, header_bytes: 10, ..Limits::default() };
        let check = |text: &str, expected| assert_eq!(Query::check(text, &limits), expected, "{text}");
        check("", Ok(()));
        check("a&b", Ok(()));
        check("&&a&&b&&", Ok(()));
        check("a&b&c", Err(QueryError::TooManyParameters));
        check("12345678901", Err(QueryError::TooLong));
    }
}
