//! The body of a POST as a text, within bounds.

use std::pin::pin;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;

use crate::server::http::body::Body;

/// Maximum capacity that is reserved because of an announced length.
const EXPECTED_BYTES: usize = 16 * 1024;
/// Maximum number of pieces of a body, as in Socket.IO's server: each costs a turn, however small.
const BODY_PIECES: usize = 10_000;

/// Reason why the body of a request was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PostError {
    TooLarge,
    TooManyPieces,
    TooSlow,
    /// The body was interrupted, or the session ended meanwhile.
    Lost,
    NotText,
}

/// The announced size of a body, and its limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodySize {
    announced: Option<usize>,
    most: usize,
}

impl BodySize {
    pub(crate) fn new(headers: &HeaderMap, most: usize) -> Self {
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self { announced, most }
    }
}

/// Reads the whole body, within the size limit and until `ended`. The caller sets the time.
///
/// # Errors
///
/// [`PostError`], but for [`PostError::TooSlow`].
pub(crate) async fn read_text(
    body: &mut Body,
    size: BodySize,
    ended: impl Future<Output = ()>,
) -> Result<String, PostError> {
    if size.announced.is_some_and(|announced| announced > size.most) {
        return Err(PostError::TooLarge);
    }
    let mut ended = pin!(ended);
    let mut read = Vec::with_capacity(size.announced.unwrap_or_default().min(EXPECTED_BYTES));
    let mut pieces = 0;
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = &mut ended => return Err(PostError::Lost),
        };
        match frame {
            None => return String::from_utf8(read).map_err(|_| PostError::NotText),
            Some(Err(_)) => return Err(PostError::Lost),
            Some(Ok(frame)) => read.extend_from_slice(frame.data_ref().map_or(&[][..], AsRef::as_ref)),
        }
        if read.len() > size.most {
            return Err(PostError::TooLarge);
        }
        pieces += 1;
        if pieces > BODY_PIECES {
            return Err(PostError::TooManyPieces);
        }
    }
}
