use gateway_core::prelude::*;

#[derive(Debug, thiserror::Error, Exception)]
enum ChatError {
    #[error("muted")]
    #[exception(cod = "muted")]
    Misspelt,
    #[error("muted")]
    #[exception(code = 3)]
    Number,
    #[error("muted")]
    #[exception(code = "")]
    Empty,
    #[error("muted")]
    #[exception("muted")]
    Bare,
    #[error("muted")]
    #[exception(hide = true)]
    Valued,
    #[error("muted")]
    #[exception(transparent)]
    Transparent,
}

fn main() {}
