//! Compressed responses to polls, made piece by piece as they are sent. `tower-http` would add `async-compression`;
//! `flate2` is in the tree for compressed `WebSocket` messages.

use std::convert::Infallible;
use std::fmt;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use http::{Response, header};
use http_body::{Body as HttpBody, Frame};

use crate::server::http::body::Body;

/// Bytes that are compressed before the task yields.
const PIECE: usize = 64 * 1024;

/// Sets the packets as the body of `response`, compressed if the client accepts it.
pub(super) fn compress(request: &HeaderMap, mut response: Response<Body>, packets: Bytes) -> Response<Body> {
    let Some(encoding) = choose(request) else {
        *response.body_mut() = Body::from(packets);
        return response;
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    headers.append(VARY, HeaderValue::from(header::ACCEPT_ENCODING));
    *response.body_mut() = Body::new(Compressed { encoder: Some(encoding.encoder()), packets });
    response
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Encoding {
    Gzip,
    Deflate,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    fn encoder(self) -> Encoder {
        match self {
            Self::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            // RFC 9110 §8.4.1.2: the zlib format.
            Self::Deflate => Encoder::Deflate(ZlibEncoder::new(Vec::new(), Compression::fast())),
        }
    }
}

/// Returns the encoding that the client prefers (RFC 9110 §12.5.3); among equals gzip.
fn choose(request: &HeaderMap) -> Option<Encoding> {
    let mut weights = [None, None];
    let mut any = 0.0;
    let lines = request.get_all(ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    for offer in lines.flat_map(|line| line.split(',')) {
        let (name, parameters) = offer.split_once(';').unwrap_or((offer, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" => weights[0] = Some(weight),
            "deflate" => weights[1] = Some(weight),
            "*" => any = weight,
            _ => {}
        }
    }
    let [gzip, deflate]: [f32; 2] = weights.map(|weight| weight.unwrap_or(any));
    if gzip > 0.0 && gzip >= deflate { Some(Encoding::Gzip) } else { (deflate > 0.0).then_some(Encoding::Deflate) }
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Encoder {
    /// Compresses a piece and returns the bytes that are ready to send.
    fn write(&mut self, piece: &[u8]) -> Vec<u8> {
        let (written, ready) = match self {
            Self::Gzip(encoder) => (encoder.write_all(piece), std::mem::take(encoder.get_mut())),
            Self::Deflate(encoder) => (encoder.write_all(piece), std::mem::take(encoder.get_mut())),
        };
        written.expect("memory takes everything");
        ready
    }

    fn finish(self) -> Vec<u8> {
        let rest = match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Deflate(encoder) => encoder.finish(),
        };
        rest.expect("memory takes everything")
    }
}

struct Compressed {
    encoder: Option<Encoder>,
    packets: Bytes,
}

impl HttpBody for Compressed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(mut encoder) = self.encoder.take() else { return Poll::Ready(None) };
        let piece = self.packets.len().min(PIECE);
        let piece = self.packets.split_to(piece);
        let mut ready = encoder.write(&piece);
        if self.packets.is_empty() {
            ready.extend_from_slice(&encoder.finish());
        } else {
            self.encoder = Some(encoder);
        }
        if ready.is_empty() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(ready.into()))))
    }
}

impl fmt::Debug for Compressed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Compressed")
    }
}
