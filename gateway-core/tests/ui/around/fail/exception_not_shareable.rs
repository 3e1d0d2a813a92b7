use gateway_core::prelude::*;

#[derive(Debug, thiserror::Error, Exception)]
#[error("the store failed")]
struct Failed(std::rc::Rc<str>);

fn main() {}
