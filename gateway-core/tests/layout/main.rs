//! The layout of the sources, read from them: nothing of the crate is linked, so this suite is ready in a moment.

mod copies;
mod layers;
mod portable;
mod source;
mod style;
