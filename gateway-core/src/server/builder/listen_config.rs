//! Addresses and certificate files in a configuration.

use std::fmt;
use std::marker::PhantomData;
#[cfg(feature = "tls")]
use std::path::PathBuf;

#[cfg(feature = "tls")]
use serde::de::MapAccess;
#[cfg(feature = "tls")]
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::gateway::Problem;
use crate::server::endpoint::Endpoint;
#[cfg(feature = "tls")]
use crate::transport::{Tls, TlsError};

/// The protocols of a listener's clients, with the schemes of their addresses.
pub(super) trait Schemes {
    const PLAIN: &'static str;
    const ENCRYPTED: &'static str;
}

/// WebSocket, Socket.IO, server-sent events, pages.
#[derive(Clone, Debug)]
pub(super) struct HttpSchemes;

/// Lines over TCP.
#[derive(Clone, Debug)]
pub(super) struct LineSchemes;

impl Schemes for HttpSchemes {
    const PLAIN: &'static str = "http://";
    const ENCRYPTED: &'static str = "https://";
}

impl Schemes for LineSchemes {
    const PLAIN: &'static str = "tcp://";
    const ENCRYPTED: &'static str = "tls://";
}

/// An address to listen on: `"127.0.0.1:3000"`, `"https://0.0.0.0:443"`, `"unix:/run/app.sock"`, or a table with the `address` and
/// certificate files of its own.
#[derive(Clone, Debug)]
pub(super) struct ListenAddress<S> {
    /// Without its scheme.
    address: String,
    #[cfg(feature = "tls")]
    is_encrypted: bool,
    #[cfg(feature = "tls")]
    tls: Option<TlsFiles>,
    schemes: PhantomData<S>,
}

/// The files of a certificate.
#[cfg(feature = "tls")]
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    #[serde(default)]
    require_client_certificates: Option<PathBuf>,
    #[serde(default)]
    accept_client_certificates: Option<PathBuf>,
}

#[cfg(feature = "tls")]
crate::options::setting::readable!(TlsFiles);

#[cfg(feature = "tls")]
impl TlsFiles {
    fn read(&self) -> Result<Tls, TlsError> {
        let Self { certificate, key, require_client_certificates, accept_client_certificates } = self;
        let mut tls = Tls::from_pem_files(certificate, key)?;
        if let Some(authorities) = accept_client_certificates {
            tls = tls.accept_client_certificates(authorities)?;
        }
        if let Some(authorities) = require_client_certificates {
            tls = tls.require_client_certificates(authorities)?;
        }
        Ok(tls)
    }
}

impl<S: Schemes> ListenAddress<S> {
    fn parse<E: de::Error>(text: &str) -> Result<Self, E> {
        let encrypted = text.strip_prefix(S::ENCRYPTED);
        let address = encrypted.or_else(|| text.strip_prefix(S::PLAIN)).unwrap_or(text);
        let has_port =
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let is_path = address.strip_prefix("unix:").is_some_and(|path| !path.is_empty());
        if address.contains("://") || !(has_port || is_path) {
            let (plain, encrypted) = (S::PLAIN, S::ENCRYPTED);
            let expected = format!(
                "an address such as \"127.0.0.1:3000\", \"{plain}127.0.0.1:3000\", \"{encrypted}0.0.0.0:443\" or \"unix:/run/app.sock\""
            );
            return Err(E::invalid_value(de::Unexpected::Str(text), &expected.as_str()));
        }
        if encrypted.is_some() && cfg!(not(feature = "tls")) {
            return Err(E::custom(format_args!("`{}` needs the feature `tls` of gateway-core", S::ENCRYPTED)));
        }
        Ok(Self {
            address: address.to_owned(),
            #[cfg(feature = "tls")]
            is_encrypted: encrypted.is_some(),
            #[cfg(feature = "tls")]
            tls: None,
            schemes: PhantomData,
        })
    }
}

/// A table in the place of an address.
#[cfg(feature = "tls")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressTable {
    address: String,
    tls: TlsFiles,
}

struct AddressVisitor<S>(PhantomData<S>);

#[cfg_attr(
    not(feature = "tls"),
    allow(clippy::elidable_lifetime_names, reason = "a table with files is read by this name")
)]
impl<'de, S: Schemes> Visitor<'de> for AddressVisitor<S> {
    type Value = ListenAddress<S>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an address such as \"127.0.0.1:3000\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ListenAddress<S>, E> {
        ListenAddress::parse(text)
    }

    #[cfg(feature = "tls")]
    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<ListenAddress<S>, A::Error> {
        let AddressTable { address, tls } = AddressTable::deserialize(MapAccessDeserializer::new(table))?;
        let parsed = ListenAddress::parse(&address)?;
        Ok(ListenAddress { tls: Some(tls), is_encrypted: true, ..parsed })
    }
}

impl<'de, S: Schemes> Deserialize<'de> for ListenAddress<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AddressVisitor(PhantomData))
    }
}

/// The certificate of a configuration, while its addresses become endpoints.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(super) struct ConfiguredTls {
    shared: Option<Tls>,
    /// Set where no files are named for all addresses.
    is_missing: bool,
    is_used: bool,
    problems: Vec<Problem>,
}

#[cfg(feature = "tls")]
impl ConfiguredTls {
    /// Reads the files that all addresses share.
    pub(super) fn read(files: Option<&TlsFiles>) -> Self {
        let read = files.map(TlsFiles::read);
        let mut problems = Vec::new();
        let shared = match read {
            Some(Ok(tls)) => Some(tls),
            Some(Err(error)) => {
                problems.push(unusable(&error));
                None
            }
            None => None,
        };
        Self { shared, is_missing: files.is_none(), is_used: false, problems }
    }

    /// The endpoint of an address. One whose certificate cannot be used is a problem, and no server starts.
    pub(super) fn endpoint<S: Schemes>(&mut self, listen: &ListenAddress<S>) -> Endpoint {
        let ListenAddress { address, is_encrypted, tls, schemes: _ } = listen;
        let endpoint = Endpoint::from(address.as_str());
        if let Some(files) = tls {
            return match files.read() {
                Ok(tls) => Endpoint::tls(endpoint, tls),
                Err(error) => {
                    self.problems.push(unusable(&error));
                    endpoint
                }
            };
        }
        if !is_encrypted {
            return endpoint;
        }
        self.is_used = true;
        if self.is_missing {
            let what = format!("`{}{address}` has no certificate in the configuration", S::ENCRYPTED);
            self.problems.push(Problem::configured_tls(what, TABLE));
        }
        match &self.shared {
            Some(tls) => Endpoint::tls(endpoint, tls.clone()),
            None => endpoint,
        }
    }

    /// The problems, after all addresses.
    pub(super) fn finish(self) -> Vec<Problem> {
        let Self { shared, is_used, mut problems, .. } = self;
        if shared.is_some() && !is_used {
            let what = "the certificate of the configuration is used by no address".to_owned();
            let help = "begin an address of `listen` with `https://`, or one of `lines` with `tls://`";
            problems.push(Problem::configured_tls(what, help));
        }
        problems
    }
}

#[cfg(feature = "tls")]
const TABLE: &str =
    "name its files in the table `tls`: `tls = { certificate = \"fullchain.pem\", key = \"privkey.pem\" }`";

#[cfg(feature = "tls")]
fn unusable(error: &TlsError) -> Problem {
    Problem::configured_tls(format!("no TLS: {error}"), TABLE)
}

/// Without TLS addresses need nothing.
#[cfg(not(feature = "tls"))]
#[derive(Debug)]
pub(super) struct ConfiguredTls;

#[cfg(not(feature = "tls"))]
impl ConfiguredTls {
    #[allow(clippy::unused_self, reason = "as with TLS")]
    pub(super) fn endpoint<S: Schemes>(&mut self, listen: &ListenAddress<S>) -> Endpoint {
        Endpoint::from(listen.address.as_str())
    }

    #[allow(clippy::unused_self, reason = "as with TLS")]
    pub(super) fn finish(self) -> Vec<Problem> {
        Vec::new()
    }
}
