//! Negotiation of compressed messages between a server and a client (RFC 7692 §5 and §7.1). Pure.

#![cfg_attr(not(feature = "deflate"), allow(dead_code, unreachable_pub, reason = "public with the feature"))]

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

use crate::options::options;
use crate::protocol::{Deflating, Inflater, LARGEST_WINDOW, SMALLEST_WINDOW, Takeover};

options! {
    /// Options of compression on a `WebSocket` (RFC 7692, `permessage-deflate`), with clients that offer it.
    ///
    /// Messages of the server are always compressed one by one, so that a broadcast is compressed once and a connection
    /// needs no compressor: each thread has one, of at most 372 KiB.
    ///
    /// Messages of a client are bounded once they are inflated, and deflate makes up to 1000 bytes of one. A client that has agreed on
    /// it costs a server as much for 1 KB on the wire as another for 1 MB: [`Limits::message_bytes`](crate::limits::Limits::message_bytes)
    /// counts inflated bytes, and is better set to the largest message that clients have a reason to send.
    ///
    /// ```
    /// # #[cfg(feature = "deflate")] {
    /// use gateway_core::serve::Deflate;
    ///
    /// let deflate = Deflate::new().threshold(256).level(6);
    /// # }
    /// ```
    pub struct Deflate {
        /// Bytes of a message from which on it is compressed. Default 1024, as in the reference: a shorter one fits in one
        /// packet of the network either way.
        threshold: usize = 1024,
        /// Effort of the compressor, from 1, the fastest, to 9, the smallest output. Default 2: JSON becomes nearly as small as
        /// by 6, which takes up to five times as long.
        level: u8 = 2,
        /// Bits of the window that the server compresses with, 9 to 15: the distance over which it finds repetitions. A client
        /// may ask for less. Default 15, 32 KiB.
        server_max_window_bits: u8 = 15,
        /// Bits of the window that a client may compress with where it keeps it from message to message, 8 to 15. Default 15,
        /// 32 KiB: a connection holds at most as much.
        client_max_window_bits: u8 = 15,
        /// Makes clients compress each message for itself. Default on: a connection holds nothing for it then. If off,
        /// similar small messages become much smaller. A client that refers to earlier messages all the same, as those of
        /// Tornado do, is understood where it does so among its first 16 compressed messages; it is kept for as if it had been
        /// allowed.
        client_no_context_takeover: bool = true,
    }
}

/// Parameters of compression that one connection has agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Agreed {
    server_window: u8,
    /// The client has asked for a window of the server.
    is_asked: bool,
    /// Where the client may say so, and what it says.
    client_window: Option<u8>,
    takeover: Takeover,
    level: u8,
    threshold: usize,
}

/// The parameters of one offer.
#[derive(Debug, Default)]
struct Offer {
    server_no_context_takeover: Option<()>,
    client_no_context_takeover: Option<()>,
    server_max_window_bits: Option<u8>,
    /// The largest where the client names none: then it may be told any.
    client_max_window_bits: Option<u8>,
}

impl Agreed {
    /// The first offer that can be accepted (§5.1); without one messages stay plain.
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
        // §7.1.2.2: who did not offer to be told a window cannot be told one, and may use the largest.
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

    /// Answer of the handshake (§7.1): each of the server's messages stands for itself, and parameters that differ from
    /// the defaults.
    pub(crate) fn answer(&self) -> HeaderValue {
        let mut answer = "permessage-deflate; server_no_context_takeover".to_owned();
        if !matches!(self.takeover, Takeover::Kept(_)) {
            answer.push_str("; client_no_context_takeover");
        }
        // §7.1.2.1: what was asked for is answered, whatever it is.
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

    /// Compression of messages to the client. `None` in a window that zlib cannot keep to: any message may be sent
    /// uncompressed (§6).
    pub(crate) fn deflating(&self) -> Option<Deflating> {
        let Self { server_window: window, level, threshold, .. } = *self;
        (window >= SMALLEST_WINDOW).then_some(Deflating { window, level, threshold })
    }

    /// A decoder of the client's compressed messages.
    pub(crate) fn inflater(&self) -> Inflater {
        Inflater::new(self.takeover)
    }
}

impl Offer {
    /// One element of the list, if it is an offer to compress and every parameter is known, valid, and there once (§7.1).
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

/// RFC 6455 §9.1: a value may stand between quotes.
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

    /// The answer to offers, one for each line of the header.
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
