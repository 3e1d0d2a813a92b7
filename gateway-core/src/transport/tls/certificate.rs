//! The certificate of a client, and the few of its names that guards ask for.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use tokio_rustls::rustls::SupportedCipherSuite;
use tokio_rustls::rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// Tags of DER (ITU-T X.690 §8) on the way to the names.
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
/// The version of a certificate (RFC 5280 §4.1).
const VERSION: u8 = 0xa0;
/// The extensions of a certificate (RFC 5280 §4.1).
const EXTENSIONS: u8 = 0xa3;
/// A text of each kind that a name may have: `UTF8String`, `PrintableString`, `IA5String`.
const TEXTS: [u8; 3] = [0x0c, 0x13, 0x16];

/// RFC 5280 appendix A.1, `id-at-commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// RFC 5280 §4.2.1.6, `id-ce-subjectAltName`.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// Tags of alternative names (RFC 5280 §4.2.1.6).
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;

/// The certificate that a client presented in its TLS handshake, signed by one of the trusted authorities:
/// [`Handshake::peer_certificate`](crate::Handshake::peer_certificate). Cheap to clone.
#[derive(Clone, Eq, PartialEq)]
pub struct PeerCertificate(Arc<[Box<[u8]>]>);

impl PeerCertificate {
    pub(crate) fn new(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let chain: Arc<[Box<[u8]>]> = chain.iter().map(|certificate| certificate.as_ref().into()).collect();
        (!chain.is_empty()).then_some(Self(chain))
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0[0]
    }

    /// The certificate, followed by the intermediate certificates that the client sent, in DER.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|certificate| &**certificate)
    }

    /// The SHA-256 of the certificate in lower-case hexadecimal digits, as tools print it without colons.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else {
            unreachable!("this suite is one of TLS 1.3")
        };
        let hash = suite.common.hash_provider.hash(self.der());
        hash.as_ref().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to memory cannot fail");
            text
        })
    }

    /// The common name of the subject, if there is one; the last of several.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        let subject = Der(self.body()?.nth(4)?.1);
        let attributes = subject.flat_map(|(_, set)| Der(set));
        let mut names = attributes.filter_map(|(_, attribute)| match Der(attribute).next_two()? {
            [(OBJECT, COMMON_NAME), (tag, text)] if TEXTS.contains(&tag) => std::str::from_utf8(text).ok(),
            _ => None,
        });
        let first = names.next()?;
        Some(names.last().unwrap_or(first))
    }

    /// The DNS names among the subject's alternative names.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.alternative_names(DNS_NAME)
    }

    /// The URIs among the subject's alternative names, such as those of SPIFFE.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.alternative_names(URI)
    }

    fn alternative_names(&self, kind: u8) -> impl Iterator<Item = &str> {
        let names =
            self.extension(ALTERNATIVE_NAMES).and_then(|value| Der(value).next()).map_or(&[][..], |(_, list)| list);
        Der(names).filter(move |(tag, _)| *tag == kind).filter_map(|(_, text)| std::str::from_utf8(text).ok())
    }

    /// The members of the signed part behind its version: serial number, algorithm, issuer, validity, subject and more
    /// (RFC 5280 §4.1).
    fn body(&self) -> Option<impl Iterator<Item = (u8, &[u8])>> {
        let (_, certificate) = Der(self.der()).next()?;
        let (_, signed) = Der(certificate).next()?;
        Some(Der(signed).filter(|(tag, _)| *tag != VERSION))
    }

    fn extension(&self, name: &[u8]) -> Option<&[u8]> {
        let (_, extensions) = self.body()?.find(|(tag, _)| *tag == EXTENSIONS)?;
        let (_, list) = Der(extensions).next()?;
        let found = Der(list).find(|(_, extension)| Der(extension).next() == Some((OBJECT, name)))?;
        Der(found.1).find(|(tag, _)| *tag == OCTET_STRING).map(|(_, value)| value)
    }
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PeerCertificate").field(&self.common_name()).finish()
    }
}

/// The elements of DER at one level: tag and content. Ends at what is no DER.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next_two(mut self) -> Option<[(u8, &'a [u8]); 2]> {
        Some([self.next()?, self.next()?])
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        // X.690 §8.1.3: a length up to 127 is one byte; else that byte is the number of bytes of the length.
        let (len, rest) = match first {
            0x00..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }
}
