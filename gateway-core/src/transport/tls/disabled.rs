//! Stub in place of TLS for builds without the feature: no value of its types exists.

#[derive(Clone, Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn accept<S>(&self, _: S) -> S {
        match *self {}
    }

    #[cfg(feature = "http2")]
    pub(crate) fn shake_hands<S: Send>(&self, _: S) -> std::future::Ready<std::io::Result<(S, bool)>> {
        match *self {}
    }

    pub(crate) fn try_reload(&self) {
        match *self {}
    }
}
