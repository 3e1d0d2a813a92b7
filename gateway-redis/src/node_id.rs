//! Ids of nodes, in the forms of Node's adapters.

use gateway_core::cluster::NodeId;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// Six characters of `A–Z a–z 0–9 _ -`: the classic adapter.
pub(crate) fn short_id() -> NodeId {
    let id: String = random::<6>().iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect();
    NodeId::new(id)
}

/// Sixteen hexadecimal digits: the other adapters.
pub(crate) fn long_id() -> NodeId {
    NodeId::new(format!("{:016x}", u64::from_be_bytes(random())))
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the system's random source works");
    bytes
}
