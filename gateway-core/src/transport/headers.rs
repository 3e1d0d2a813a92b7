//! The headers of a request, kept for as long as its connection lives: one small copy, as the map they came in holds on to
//! the server's read buffer.

use std::fmt;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Names and values one behind the other; the map is made again for whoever asks for all of it.
#[derive(Default)]
pub(crate) struct Headers {
    bytes: Box<[u8]>,
    /// Where each name and each value ends.
    ends: Box<[u32]>,
    map: OnceLock<Box<HeaderMap>>,
}

impl Headers {
    pub(crate) fn copy(map: &HeaderMap) -> Self {
        let mut bytes = Vec::with_capacity(map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum());
        let mut ends = Vec::with_capacity(map.len() * 2);
        for (name, value) in map {
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                bytes.extend_from_slice(part);
                // Heads are bounded far below 4 GiB.
                ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            }
        }
        Self { bytes: bytes.into(), ends: ends.into(), map: OnceLock::new() }
    }

    /// The values of a header, in order.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let name = name.to_ascii_lowercase();
        self.iter().filter(move |(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let parse =
                |(name, value)| Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?));
            Box::new(self.iter().filter_map(parse).fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            }))
        })
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| *end as usize));
        let parts: Vec<_> = starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end as usize]).collect();
        (0..parts.len() / 2).map(move |index| (parts[index * 2], parts[index * 2 + 1]))
    }
}

/// Values are credentials often enough.
impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} headers", self.ends.len() / 2)
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
