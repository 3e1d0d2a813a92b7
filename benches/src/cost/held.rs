//! Memory: bytes that a server holds for a client that sends and never reads.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use gateway_core::limits::Limits;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::cost::Family;
use crate::cost::client::{Client, narrow_socket};
use crate::cost::gateway::server;
use crate::cost::measure::{Outcome, SIZES};

const KIB: usize = 1024;

/// Bytes of each bound below: small beside what is sent.
const BOUND: usize = 128 * KIB;

/// The bounds that may be held beside what was sent, by the names of [`Limits`]. All are of one size here.
pub const BOUNDS: [&str; 5] = ["message_bytes", "queued_bytes", "outbox_bytes", "burst_bytes", "attachment_bytes"];

/// Bytes that are held for a byte sent, at most.
const FOR_A_BYTE: usize = 2;

/// Bytes that may be held when the client is gone: what the allocator's caller keeps for the next one.
const LEFT: usize = 64 * KIB;

/// Time in which a connection takes nothing, and turns of the server in it, until it is known to be read no more.
const STUCK: (Duration, usize) = (Duration::from_millis(30), 500);

/// Heartbeat of the server: how soon a session of long polling ends whose client is gone.
const PING: Duration = Duration::from_millis(250);

/// Time in which a server gives back what it holds for a client that is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that a family made a server hold.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Bytes that the server let the client send.
    pub sent: usize,
    /// Bytes that were held at most.
    pub most: usize,
    /// Bytes that were held once the client was gone.
    pub left: usize,
}

impl Held {
    /// Returns `true` if it is no more than two bytes for each that was sent and the bounds of [`BOUNDS`].
    #[must_use]
    pub const fn is_bounded(&self) -> bool {
        self.most <= FOR_A_BYTE * self.sent + BOUNDS.len() * BOUND
    }

    /// Returns `true` if all of it was given back.
    #[must_use]
    pub const fn is_given_back(&self) -> bool {
        self.left <= LEFT
    }
}

/// Lets a client of each family send so many bytes and read nothing. `allocated` tells the bytes that this process holds.
///
/// # Errors
///
/// Where a server cannot start, or lets a client not in.
pub fn hold(families: &[Family], bytes: usize, allocated: fn() -> usize) -> Outcome<Vec<Held>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    families.iter().map(|family| runtime.block_on(hold_one(family, bytes, allocated))).collect()
}

async fn hold_one(family: &Family, bytes: usize, allocated: fn() -> usize) -> Outcome<Held> {
    let limits = Limits::new().message_bytes(BOUND).queued_bytes(BOUND).outbox_bytes(BOUND).burst_bytes(BOUND);
    let limits = limits.attachment_bytes(BOUND).post_timeout(Duration::from_millis(20));
    let listener = narrow_socket()?;
    listener.bind(([127, 0, 0, 1], 0).into())?;
    let listener = listener.listen(16)?;
    let address = listener.local_addr()?;
    let server = server(listener, limits, PING).await?;
    // What is made once for all clients is not held for one.
    let mut reader = Client::connect(address, family).await?;
    reader.send(&reader.portions(family, SIZES[0])).await?;
    drop(reader);
    let client = Client::connect_narrow(address, family).await?;
    let input = client.encoded(&(family.messages)(SIZES[0]));
    let client = client.into_unread();
    quiet(|| ()).await;
    let mut meter = Meter { allocated, base: allocated(), most: 0 };
    let sent = flood(&client, &input, bytes, &mut meter).await?;
    drop(client);
    let left = meter.least_within(PATIENCE).await;
    server.stop().await;
    Ok(Held { sent, most: meter.most, left })
}

/// Sends these bytes again and again, until so many were taken or none are for long. Gives how many.
async fn flood(client: &TcpStream, input: &[u8], most: usize, meter: &mut Meter) -> Outcome<usize> {
    let mut sent = 0;
    let (mut taken, mut idle) = (Instant::now(), 0);
    while sent < most && (taken.elapsed() < STUCK.0 || idle < STUCK.1) {
        match client.try_write(&input[sent % input.len()..]) {
            Ok(written) => (sent, taken, idle) = (sent + written, Instant::now(), 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => idle += 1,
            // The server closed a connection whose client is too slow.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => break,
            Err(error) => return Err(error.into()),
        }
        meter.look();
        yield_now().await;
    }
    quiet(|| {
        meter.look();
    })
    .await;
    Ok(sent)
}

/// Lets the server do what it can.
async fn quiet(mut look: impl FnMut()) {
    let begun = Instant::now();
    let mut turns = 0;
    while begun.elapsed() < STUCK.0 || turns < STUCK.1 {
        yield_now().await;
        look();
        turns += 1;
    }
}

/// Bytes that are held beyond those that were held at its start.
struct Meter {
    allocated: fn() -> usize,
    base: usize,
    most: usize,
}

impl Meter {
    fn look(&mut self) -> usize {
        let now = (self.allocated)().saturating_sub(self.base);
        self.most = self.most.max(now);
        now
    }

    /// Bytes that are left when the server has done what it can, once they are few or the time is over.
    async fn least_within(&mut self, patience: Duration) -> usize {
        quiet(|| ()).await;
        let end = Instant::now() + patience;
        loop {
            let now = self.look();
            if now <= LEFT || Instant::now() > end {
                return now;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUND, BOUNDS, Held, LEFT};

    #[test]
    fn twelve_bytes_for_a_byte_are_too_many_and_two_are_not() {
        let check = |most: usize, left: usize, expected: (bool, bool)| {
            let held = Held { sent: 1 << 20, most, left };
            assert_eq!((held.is_bounded(), held.is_given_back()), expected, "{held:?}");
        };
        let bounds = BOUNDS.len() * BOUND;
        check((2 << 20) + bounds, LEFT, (true, true));
        check((2 << 20) + bounds + 1, LEFT + 1, (false, false));
        check(12 << 20, 0, (false, true));
    }
}
