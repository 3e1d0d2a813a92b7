//! Masking (RFC 6455 §5.3): the same both ways.

/// Unmasks in place. `offset` is how many bytes of the frame's payload came before `data`.
pub(crate) fn unmask(data: &mut [u8], mask: [u8; 4], offset: usize) {
    let mask: [u8; 4] = std::array::from_fn(|index| mask[(index + offset) % 4]);
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (words, rest) = data.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    // Fewer than eight bytes: what is left of the last word.
    for (byte, mask) in rest.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_split_unmasks_the_same(data in proptest::collection::vec(any::<u8>(), 0..64), mask: [u8; 4], split in 0_usize..64) {
            let expected: Vec<u8> = data.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]).collect();
            let mut split_data = data.clone();
            let split = split.min(data.len());
            let (left, right) = split_data.split_at_mut(split);
            unmask(left, mask, 0);
            unmask(right, mask, split);
            prop_assert_eq!(split_data, expected);
        }
    }
}
