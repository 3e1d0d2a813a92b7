//! The load generator: one thread, never asleep, so that a slow server does not also pay for waking it. Every answer is
//! checked for content, order and count.

mod across;
mod avalanche;
mod beside;
mod broadcast;
mod counted;
mod crowd;
mod echo;
mod idle;
mod polling;
mod soak;
mod watcher;
mod window;

pub use across::{Across, Audience, Crossed, Node};
pub use avalanche::{Avalanche, Returned};
pub use beside::{Beside, Delivered};
pub use broadcast::Broadcast;
pub use counted::Counted;
pub use crowd::{Crowd, Wrong};
pub use echo::{Echo, Way};
pub use idle::{Idle, handshakes};
pub use polling::Polling;
pub use soak::{Slope, Soak, Soaked};
pub use watcher::{Figures, Watcher};
pub use window::{Measured, Window};
