//! Bodies of HTTP requests and responses of any library.

use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

use crate::server::http::lingering::UnreadBody;

/// Any error of a body.
type BoxError = Box<dyn Error + Send + Sync>;

/// The body of a request to the fallback and of every response. Created from text, bytes, or any other body.
pub struct Body {
    inner: UnsyncBoxBody<Bytes, BoxError>,
    /// Receiver of the unread rest when the body is dropped.
    unread: Option<UnreadBody>,
}

impl Body {
    /// Wraps the body of another library.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self { inner: body.map_err(Into::into).boxed_unsync(), unread: None }
    }

    /// Passes the unread rest to `unread` when the body is dropped.
    pub(crate) fn returning(mut self, unread: UnreadBody) -> Self {
        self.unread = Some(unread);
        self
    }

    /// Creates an empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(Empty::new())
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

macro_rules! from_bytes {
    ($($type:ty)*) => {$(
        impl From<$type> for Body {
            fn from(bytes: $type) -> Self {
                Self::new(Full::from(bytes))
            }
        }
    )*};
}

from_bytes!(Bytes Vec<u8> String &'static str &'static [u8]);

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Some(unread) = &self.unread {
            unread.note_read();
            if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                self.unread = None;
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(unread) = self.unread.take() {
            unread.put(Self { inner: mem::take(&mut self.inner), unread: None });
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Body")
    }
}
