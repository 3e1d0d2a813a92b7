//! The headers of a request, kept as long as its connection lives: a compact copy, because the original map keeps the
//! server's read buffer alive.

use std::fmt;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::transport::pairs::Pairs;

/// Names and values in one buffer; the map is rebuilt on demand.
#[derive(Default)]
pub(crate) struct Headers {
    lines: Pairs,
    map: OnceLock<Box<HeaderMap>>,
}

impl Headers {
    pub(crate) fn copy(map: &HeaderMap) -> Self {
        let bytes = map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        Self { lines: Pairs::keep(map.iter(), bytes), map: OnceLock::new() }
    }

    /// The values of a header, in order.
    pub(crate) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.lines.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Bytes of all names and values.
    pub(crate) fn bytes(&self) -> usize {
        self.lines.bytes()
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let parse =
                |(name, value)| Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?));
            Box::new(self.lines.iter().filter_map(parse).fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            }))
        })
    }
}

/// Shows no values, which may be credentials.
impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} headers", self.lines.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_reads_like_its_original() {
        let mut map = HeaderMap::new();
        map.append("cookie", "a=1".parse().unwrap());
        map.append("host", "x".parse().unwrap());
        map.append("cookie", "b=2".parse().unwrap());
        let headers = Headers::copy(&map);
        assert_eq!(headers.all("Cookie").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!(headers.all("x").count(), 0);
        assert_eq!(headers.map(), &map);
    }
}
