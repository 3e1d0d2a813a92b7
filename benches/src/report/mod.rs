//! Report of a run: a page with tables, and plots.

mod machine;
mod page;
mod plot;

pub use machine::machine;
pub use page::page;
pub(crate) use plot::number;
pub use plot::{Bar, Line, bars, lines};
