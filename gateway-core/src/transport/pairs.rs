//! A compact list of names and values: two allocations for any number of pairs.

/// Pairs in order.
#[derive(Default)]
pub(crate) struct Pairs {
    bytes: Box<[u8]>,
    /// End positions of names and values.
    ends: Box<[u32]>,
}

impl Pairs {
    /// Copies pairs. `bytes` is their expected total size; more bytes are only slower.
    pub(crate) fn keep<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl Iterator<Item = (N, V)>, bytes: usize) -> Self {
        let mut kept = Vec::with_capacity(bytes);
        let mut ends = Vec::with_capacity(pairs.size_hint().0 * 2);
        for (name, value) in pairs {
            for part in [name.as_ref(), value.as_ref()] {
                kept.extend_from_slice(part);
                // Request heads are limited far below 4 GiB.
                ends.push(u32::try_from(kept.len()).unwrap_or(u32::MAX));
            }
        }
        Self { bytes: kept.into(), ends: ends.into() }
    }

    /// Total size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_as_they_were() {
        for pairs in [&[][..], &[("a", "1")], &[("", ""), ("a", ""), ("", "b"), ("ü", "ü")]] {
            let kept = Pairs::keep(pairs.iter().copied(), 3);
            let read: Vec<_> = kept.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            let expected = pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
            assert_eq!((kept.len(), read), (pairs.len(), expected.collect()));
        }
    }
}
