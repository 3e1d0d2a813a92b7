//! What stands in the place of TLS in a build without it: there is none.

#[derive(Clone, Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn accept<S>(&self, _: S) -> S {
        match *self {}
    }

    pub(crate) fn try_reload(&self) {
        match *self {}
    }
}
