//! Negotiation of compression between server and client (RFC 7692 §5 and §7.1). Pure.

#![cfg_attr(not(feature = "deflate"), allow(dead_code, unreachable_pub, reason = "public with the feature"))]

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

use crate::options::options;
use crate::protocol::{Deflating, Inflater, LARGEST_WINDOW, SMALLEST_WINDOW, Takeover};

options! {
    /// Options of WebSocket compression (RFC 7692, `permessage-deflate`) for clients that offer it.
    ///
    /// The server compresses each message independently, so a broadcast is compressed once and connections need no
    /// compressor: each thread has one, of at most 372 KiB.
    ///
    /// One compressed byte of a client can inflate to 1000 bytes, so 1 KB on the wire can cost a server as much as 1 MB
    /// without compression. [`Limits::message_bytes`](crate::limits::Limits::message_bytes) counts inflated bytes; set it to the
    /// largest message that clients need to send.
    ///
    /// ```
    /// # #[cfg(feature = "deflate")] {
    /// use gateway_core::serve::Deflate;
    ///
    /// let deflate = Deflate::new().threshold(256).level(6);
    /// # }
    /// ```
    pub struct Deflate {
        /// Minimum size of a compressed message, in bytes. Default 1024, as in the reference server: a shorter message fits into
        /// one network packet anyway.
        threshold: usize = 1024,
        /// Compression level, from 1 (fastest) to 9 (smallest output). Default 2: JSON becomes nearly as small as with level 6,
        /// which takes up to five times as long.
        level: u8 = 2,
        /// Window of the server's compressor in bits, 9 to 15: the distance over which repetitions are found. A client may
        /// request less. Default 15, 32 KiB.
        server_max_window_bits: u8 = 15,
        /// Window of a client's compressor in bits, 8 to 15, if the client keeps it between messages. Default 15, 32 KiB, which
        /// is the most memory a connection then holds.
        client_max_window_bits: u8 = 15,
        /// Makes clients compress each message independently. Default on: a connection then holds no window. If off, similar
        /// small messages become much smaller. Some clients, such as Tornado's, refer to earlier messages anyway: they are
        /// detected within their first 16 compressed messages, and their window is kept as if this were off.
        client_no_context_takeover: bool = true,
    }
}

/// Negotiated parameters of compression on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Agreed {
    server_window: u8,
    /// Set if the client requested a window of the server.
    is_asked: bool,
    /// The client's window, if the client allows the server to set it.
    client_window: Option<u8>,
    takeover: Takeover,
    level: u8,
    threshold: usize,
}

/// The parameters of a client's offer.
#[derive(Debug, Default)]
struct Offer {
    server_no_context_takeover: Option<()>,
    client_no_context_takeover: Option<()>,
    server_max_window_bits: Option<u8>,
    /// The largest window if the client names none, since the server may then choose any.
    client_max_window_bits: Option<u8>,
}

impl Agreed {
    /// Accepts the first acceptable offer (§5.1); without one messages stay uncompressed.
    pub(crate) fn on(headers: &HeaderMap, own: &Deflate) -> Option<Self> {
        if !cfg!(feature = "deflate") {
            return None;
        }
        let lines = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).find_map(Offer::parse).map(|offer| Self::accept(&offer, own))
    }

    fn accept(offer: &Offer, own: &Deflate) -> Self {
        let own_window = own.server_max_window_bits.clamp(SMALLEST_WINDOW, LARGEST_WINDOW);
        let server_window = offer.server_max_window_bits.map_or(own_window, |bits| bits.min(own_window));
        let most = own.client_max_window_bits.clamp(SMALLEST_WINDOW - 1, LARGEST_WINDOW);
        let client_window = offer.client_max_window_bits.map(|bits| bits.min(most));
        // §7.1.2.2: without the parameter in the offer the server cannot set a window, and the client may use the largest.
        let window = client_window.unwrap_or(LARGEST_WINDOW);
        let may_keep = !own.client_no_context_takeover && window <= most;
        let takeover = match offer.client_no_context_takeover {
            Some(()) => Takeover::Never,
            None if may_keep => Takeover::Kept(window),
            None => Takeover::Declined(window.min(most)),
        };
        let is_asked = offer.server_max_window_bits.is_some();
        Self {
            server_window,
            is_asked,
            client_window,
            takeover,
            level: own.level.clamp(1, 9),
            threshold: own.threshold,
        }
    }

    /// The header in the handshake's response (§7.1): the server compresses messages independently, and parameters that
    /// differ from the defaults are listed.
    pub(crate) fn answer(&self) -> HeaderValue {
        let mut answer = "permessage-deflate; server_no_context_takeover".to_owned();
        if !matches!(self.takeover, Takeover::Kept(_)) {
            answer.push_str("; client_no_context_takeover");
        }
        // §7.1.2.1: a requested window is always answered.
        let unusual = |window: &u8| *window < LARGEST_WINDOW;
        let windows = [
            ("server_max_window_bits", Some(self.server_window).filter(|window| self.is_asked || unusual(window))),
            ("client_max_window_bits", self.client_window.filter(unusual)),
        ];
        for (name, window) in windows {
            if let Some(window) = window {
                answer.extend(["; ", name, "=", &window.to_string()]);
            }
        }
        HeaderValue::try_from(answer).expect("parameters are ASCII")
    }

    /// Compression of messages to the client. `None` for a window that zlib does not support: messages are then sent
    /// uncompressed (§6).
    pub(crate) fn deflating(&self) -> Option<Deflating> {
        let Self { server_window: window, level, threshold, .. } = *self;
        (window >= SMALLEST_WINDOW).then_some(Deflating { window, level, threshold })
    }

    /// Returns a decoder of the client's compressed messages.
    pub(crate) fn inflater(&self) -> Inflater {
        Inflater::new(self.takeover)
    }
}

impl Offer {
    /// Reads a list element, if it is an offer of compression and each parameter is known, valid and unique (§7.1).
    fn parse(element: &str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        if parts.next() != Some("permessage-deflate") {
            return None;
        }
        let mut offer = Self::default();
        for parameter in parts {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
                None => (parameter, None),
            };
            let is_first = match (name, value) {
                ("server_no_context_takeover", None) => offer.server_no_context_takeover.replace(()).is_none(),
                ("client_no_context_takeover", None) => offer.client_no_context_takeover.replace(()).is_none(),
                ("server_max_window_bits", Some(value)) => offer.server_max_window_bits.replace(bits(value)?).is_none(),
                ("client_max_window_bits", value) => {
                    let window = value.map_or(Some(LARGEST_WINDOW), bits)?;
                    offer.client_max_window_bits.replace(window).is_none()
                }
                _ => false,
            };
            if !is_first {
                return None;
            }
        }
        Some(offer)
    }
}

/// RFC 6455 §9.1: a value may be quoted.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// §7.1.2: from 8 to 15, without leading zeros.
fn bits(value: &str) -> Option<u8> {
    const WINDOWS: [&str; 8] = ["8", "9", "10", "11", "12", "13", "14", "15"];
    (8..).zip(WINDOWS).find_map(|(bits, text)| (text == value).then_some(bits))
}

#[cfg(test)]
#[cfg(feature = "deflate")]
mod tests {
    use super::*;

    /// Answers offers, one per header line.
    fn answer(own: &Deflate, offers: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for offer in offers {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, offer.parse().unwrap());
        }
        let answer = Agreed::on(&headers, own)?.answer();
        let rest = answer.to_str().unwrap().strip_prefix("permessage-deflate; server_no_context_takeover").unwrap();
        Some(rest.trim_start_matches("; ").to_owned())
    }

    #[test]
    fn an_offer_is_accepted_only_where_every_parameter_is_valid_and_there_once() {
        let check = |parameters: &str, expected: Option<&str>| {
            let offer = format!("permessage-deflate{parameters}");
            assert_eq!(answer(&Deflate::default(), &[&offer]).as_deref(), expected, "{offer}");
        };
        let alone = Some("client_no_context_takeover");
        check("", alone);
        check("; server_no_context_takeover; client_no_context_takeover", alone);
        check("; client_max_window_bits", alone);
        check(" ;client_max_window_bits = 15 ", alone);
        check("; server_max_window_bits=10", Some("client_no_context_takeover; server_max_window_bits=10"));
        check("; server_max_window_bits=\"10\"", Some("client_no_context_takeover; server_max_window_bits=10"));
        check("; server_max_window_bits=15", Some("client_no_context_takeover; server_max_window_bits=15"));
        check("; server_max_window_bits=8", Some("client_no_context_takeover; server_max_window_bits=8"));
        check("; client_max_window_bits=8", Some("client_no_context_takeover; client_max_window_bits=8"));
        for wrong in [
            "; unknown",
            "; server_no_context_takeover=1",
            "; client_no_context_takeover=",
            "; server_no_context_takeover; server_no_context_takeover",
            "; client_max_window_bits; client_max_window_bits=9",
            "; server_max_window_bits",
            "; server_max_window_bits=7",
            "; server_max_window_bits=16",
            "; server_max_window_bits=09",
            "; server_max_window_bits=+9",
            "; server_max_window_bits=\"9",
            "; server_max_window_bits=9; server_max_window_bits=9",
            "; client_max_window_bits=",
            "; client_max_window_bits=08",
            ";",
            "; Client_max_window_bits",
        ] {
            check(wrong, None);
        }
        check("-2", None);
    }

    #[test]
    fn the_first_offer_that_can_be_accepted_counts_whichever_line_it_is_on() {
        let answer = |offers: &[&str]| answer(&Deflate::default(), offers);
        assert_eq!(answer(&[]), None);
        assert_eq!(answer(&["permessage-bzip2", "x-webkit-deflate-frame"]), None);
        let offers = [
            "permessage-bzip2, permessage-deflate; what",
            "permessage-deflate; server_max_window_bits=9, permessage-deflate",
        ];
        assert_eq!(answer(&offers).as_deref(), Some("client_no_context_takeover; server_max_window_bits=9"));
    }

    #[test]
    fn a_client_keeps_its_window_only_where_its_size_is_bounded() {
        let check = |own: &Deflate, offer: &str, takeover: Takeover, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.append(SEC_WEBSOCKET_EXTENSIONS, offer.parse().unwrap());
            assert_eq!(Agreed::on(&headers, own).unwrap().takeover, takeover, "{offer}");
            assert_eq!(answer(own, &[offer]).unwrap(), expected, "{offer}");
        };
        let keeping = Deflate { client_no_context_takeover: false, ..Deflate::default() };
        let small = Deflate { client_max_window_bits: 10, server_max_window_bits: 12, ..keeping.clone() };
        check(&keeping, "permessage-deflate", Takeover::Kept(15), "");
        check(
            &keeping,
            "permessage-deflate; client_max_window_bits=12",
            Takeover::Kept(12),
            "client_max_window_bits=12",
        );
        check(
            &keeping,
            "permessage-deflate; client_no_context_takeover",
            Takeover::Never,
            "client_no_context_takeover",
        );
        let windows = "server_max_window_bits=12; client_max_window_bits=10";
        check(&small, "permessage-deflate; client_max_window_bits", Takeover::Kept(10), windows);
        check(
            &small,
            "permessage-deflate",
            Takeover::Declined(10),
            "client_no_context_takeover; server_max_window_bits=12",
        );
        check(&Deflate::default(), "permessage-deflate", Takeover::Declined(15), "client_no_context_takeover");
    }

    #[test]
    fn what_zlib_cannot_compress_goes_out_plain() {
        let agreed = |window| {
            Agreed::accept(
                &Offer { server_max_window_bits: Some(window), ..Offer::default() },
                &Deflate { server_max_window_bits: 40, level: 0, ..Deflate::default() },
            )
        };
        assert_eq!(agreed(8).deflating(), None);
        assert_eq!(agreed(9).deflating(), Some(Deflating { window: 9, level: 1, threshold: 1024 }));
    }
}
