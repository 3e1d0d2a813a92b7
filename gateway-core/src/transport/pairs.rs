//! Names and values, one behind the other: two allocations however many there are.

/// Pairs in their order.
#[derive(Default)]
pub(crate) struct Pairs {
    bytes: Box<[u8]>,
    /// Where each name and each value ends.
    ends: Box<[u32]>,
}

impl Pairs {
    pub(crate) fn len(&self) -> usize {
        self.ends.len() / 2
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.chunks_exact(2).map(move |ends| {
            let (middle, end) = (ends[0] as usize, ends[1] as usize);
            let pair = (&self.bytes[start..middle], &self.bytes[middle..end]);
            start = end;
            pair
        })
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (name, value) in pairs {
            for part in [name.as_ref(), value.as_ref()] {
                bytes.extend_from_slice(part);
                // Heads are bounded far below 4 GiB.
                ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            }
        }
        Self { bytes: bytes.into(), ends: ends.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_as_they_were() {
        for pairs in [&[][..], &[("a", "1")], &[("", ""), ("a", ""), ("", "b"), ("ü", "ü")]] {
            let kept: Pairs = pairs.iter().copied().collect();
            let read: Vec<_> = kept.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            let expected = pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
            assert_eq!((kept.len(), read), (pairs.len(), expected.collect()));
        }
    }
}
