//! Problems that stop a server from starting, reported all at once, each with its source location and a fix.

use std::fmt;
use std::io;
use std::panic::Location;

use crate::gateway::namespace_error::NamespaceError;
use crate::gateway::pattern::PatternError;
use crate::handler::{Declared, Handler, Hook, Missing, Written};
use crate::hub::cluster::EngineError;
use crate::limits::Overflow;

/// Help for gateways that the linker dropped from a static library.
const STATIC: &str =
    "; a C program that links a `staticlib` writes `-Wl,--whole-archive` before it and `-Wl,--no-whole-archive` behind";

/// A mistake in the program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    place: Option<(&'static str, u32)>,
    what: String,
    help: String,
}

impl Problem {
    /// Description of the problem.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Text to write instead.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Source file and line, if any.
    #[must_use]
    pub fn place(&self) -> Option<(&'static str, u32)> {
        self.place
    }

    fn at(file: &'static str, line: u32, what: String, help: String) -> Self {
        Self { place: Some((file, line)), what, help }
    }

    pub(crate) fn missing_service(
        gateway: Declared,
        field: &str,
        written: &str,
        line: u32,
        near: Option<&str>,
    ) -> Self {
        let hint = provided_instead(near);
        Self::at(
            gateway.file,
            line,
            format!("`{}.{field}` needs a `{written}` that nobody provided{hint}", gateway.name),
            format!("write `.provide::<{written}>(…)` on the server, or `#[inject(default)]` on the field"),
        )
    }

    pub(crate) fn missing_layer(written: Written) -> Self {
        let Written { text, file, line } = written;
        Self::at(
            file,
            line,
            format!("nobody provided the `{text}` that is to stand here"),
            format!(
                "put `#[derive(Default)]` or `#[derive(Injectable)]` on `{text}`, or write `.provide(…)` on the server"
            ),
        )
    }

    /// An interceptor or filter at a place without events.
    pub(crate) fn layer_without_events(gateway: Declared, written: Written) -> Self {
        let Written { text, file, line } = written;
        let what = format!("`{text}` never runs: `{}` takes whole messages, and it stands around events", gateway.name);
        Self::at(file, line, what, "take it off; guards are asked about whole messages too".to_owned())
    }

    pub(crate) fn layer_at_hook(gateway: Declared, hook: Hook, written: Written) -> Self {
        let Written { text, file, line } = written;
        let what = format!("`{text}` never runs: `{}::{}` handles no event", gateway.name, hook.method);
        Self::at(file, line, what, "move it to a method that handles one, or to the gateway".to_owned())
    }

    /// An argument whose requirements are not met.
    pub(crate) fn argument(gateway: Declared, hook: Hook, written: Written, missing: (&Missing, &str)) -> Self {
        let method = format!("`{}::{}` asks for `{}`", gateway.name, hook.method, written.text);
        let (what, help) = match missing {
            (Missing::Service(ty, near), _) => (
                format!("{method}, and nobody provided a `{ty}`{}", provided_instead(*near)),
                format!("write `.provide::<{ty}>(…)` on the server"),
            ),
            (Missing::Grant(ty), _) => (
                format!("{method}, and no guard before it grants a `{ty}`"),
                format!("put `#[guard(…)]` on the method or on `struct {}`, with a guard whose `Grants` is `{ty}`", gateway.name),
            ),
            (Missing::Extension(ty), _) => (
                format!("{method}, and nothing stands around it that could give a `{ty}`"),
                "put `#[intercept(…)]` on the method or on the struct, with an interceptor that calls `context.extensions().insert(…)`".to_owned(),
            ),
            (Missing::PerSocket(ty), _) => (
                format!("{method}, and nothing makes a `{ty}` for each socket"),
                "write `.provide_per_socket(async |socket, services| …)` on the server, with the value in `Ok(…)`".to_owned(),
            ),
            (Missing::Parameters(why), namespace) => (
                format!("{method}, which cannot be read from `{namespace}`: {why}"),
                "name the parameters of the namespace in it, or one type for each in their order".to_owned(),
            ),
        };
        Self::at(written.file, written.line, what, help)
    }

    /// A type whose schema cannot be written into the contract.
    #[cfg(feature = "contract")]
    pub(crate) fn schema((file, line): (&'static str, u32), ty: &str, why: &str) -> Self {
        let what = format!("the schema of `{ty}` cannot be written: {why}");
        Self::at(file, line, what, format!("mend its `JsonSchema`, or leave it off: `{ty}` then appears by its name"))
    }

    /// A handler whose items are streams.
    #[cfg(feature = "contract")]
    pub(crate) fn stream_of_streams(gateway: Declared, hook: Hook) -> Self {
        let what =
            format!("`{}::{}` answers by a stream of streams, which no frame can carry", gateway.name, hook.method);
        Self::at(hook.file, hook.line, what, "flatten it, as by `StreamExt::flatten` of `futures`".to_owned())
    }

    pub(crate) fn duplicate_event(namespace: &str, event: &str, first: &Handler, second: &Handler) -> Self {
        let method = second.subscription.method;
        Self::at(
            method.file,
            method.line,
            format!(
                "`{event}` in `{namespace}` is subscribed twice: by `{}::{}` and before by `{}::{}`",
                second.method.gateway, method, first.method.gateway, first.subscription.method
            ),
            "give one of them another event name".to_owned(),
        )
    }

    pub(crate) fn event_name(namespace: &str, event: &str, handler: &Handler, why: &str) -> Self {
        let (gateway, method) = (handler.method.gateway, handler.subscription.method);
        let what =
            format!("`{event}` in `{namespace}` cannot be subscribed to by `{gateway}::{}`: {why}", method.method);
        Self::at(method.file, method.line, what, "choose another name".to_owned())
    }

    /// An event name or pattern that exceeds the limit.
    pub(crate) fn long_event_name(namespace: &str, event: &str, handler: &Handler, limit: usize) -> Self {
        let (gateway, method) = (handler.method.gateway, handler.subscription.method);
        let what = format!(
            "`{event}` in `{namespace}` never reaches `{gateway}::{}`: `event_name_bytes` is {limit}, and no such event has a name of less than {} bytes",
            method.method,
            event.len()
        );
        let help = "raise `event_name_bytes` in the limits, or choose a shorter name".to_owned();
        Self::at(method.file, method.line, what, help)
    }

    pub(crate) fn policy(handler: &Handler, what: &str, help: &str) -> Self {
        let (gateway, method) = (handler.method.gateway, handler.subscription.method);
        let what = format!("`{gateway}::{}` for `{}`: {what}", method.method, handler.event);
        Self::at(method.file, method.line, what, help.to_owned())
    }

    pub(crate) fn pattern(gateway: Declared, namespace: &str, error: &PatternError) -> Self {
        let what = format!("the namespace `{namespace}` of `{}` is wrong: {error}", gateway.name);
        Self::at(gateway.file, gateway.line, what, "write it as `/chat` or `/chat/{room}`".to_owned())
    }

    pub(crate) fn other_parameters(gateway: Declared, namespace: &str, first: Declared, first_namespace: &str) -> Self {
        Self::at(
            gateway.file,
            gateway.line,
            format!(
                "`{namespace}` of `{}` and `{first_namespace}` of `{}` ({}:{}) match the same paths by other parameter names",
                gateway.name, first.name, first.file, first.line
            ),
            format!("write `namespace = \"{first_namespace}\"` for both"),
        )
    }

    pub(crate) fn no_handlers(gateway: Declared) -> Self {
        let what = format!("`{}` has no handlers", gateway.name);
        let help = format!("put `#[gateway]` on `impl {}`, and `#[subscribe(\"event\")]` on its methods", gateway.name);
        Self::at(gateway.file, gateway.line, what, help)
    }

    pub(crate) fn unregistered_generic(declared: Declared, written: &str) -> Self {
        let what = format!("the generic gateway `{written}` was never registered");
        let help = format!("name a concrete type once: `gateway_core::register!({written});`");
        Self::at(declared.file, declared.line, what, help)
    }

    pub(crate) fn raw_with_events(gateway: Declared, namespace: &str, message: Hook) -> Self {
        Self::at(
            message.file,
            message.line,
            format!(
                "`{namespace}` takes whole messages by `{}::{}` and cannot take events too",
                gateway.name, message.method
            ),
            "move the events, or the raw gateway, to a namespace of their own".to_owned(),
        )
    }

    pub(crate) fn second_raw(namespace: &str, first: (Declared, Hook), second: (Declared, Hook)) -> Self {
        Self::at(
            second.1.file,
            second.1.line,
            format!(
                "`{namespace}` takes whole messages twice: by `{}::{}` and before by `{}::{}`",
                second.0.name, second.1, first.0.name, first.1
            ),
            "move one of them to a namespace of its own".to_owned(),
        )
    }

    pub(crate) fn recovery_with_loss(overflow: Overflow) -> Self {
        Self {
            place: None,
            what: format!("`recovery` promises that nothing is missed, and `Overflow::{overflow:?}` drops events"),
            help: "write `overflow: Overflow::Close` in the limits, or take `.recovery(…)` out".to_owned(),
        }
    }

    pub(crate) fn missing_namespace(namespace: &str) -> Self {
        Self {
            place: None,
            what: format!(
                "no gateway with the namespace `{namespace}` is linked into this binary, and one is expected"
            ),
            help: format!(
                "a crate that nothing names is dropped by the linker with its gateways: write `use that_crate as _;`{STATIC}"
            ),
        }
    }

    /// A namespace that was requested from the handle before the start and that no gateway declares.
    pub(crate) fn unknown_namespace(error: &NamespaceError) -> Self {
        Self {
            place: None,
            what: error.to_string(),
            help: "a handle that was taken before the start was asked for it: correct the name in `of`".to_owned(),
        }
    }

    /// A namespace that the engine of the cluster cannot carry.
    pub(crate) fn cluster_namespace(namespace: &str, engine: &str, error: &EngineError) -> Self {
        Self {
            place: None,
            what: format!("the namespace `{namespace}` cannot be served in a cluster on {engine}: {error}"),
            help: "give it another name, or use another engine".to_owned(),
        }
    }

    /// A server that is to listen where its configuration says, which says nothing.
    pub(crate) fn no_address() -> Self {
        Self {
            place: None,
            what: "the configuration names no address to listen on".to_owned(),
            help: "write `listen = [\"127.0.0.1:3000\"]` into it".to_owned(),
        }
    }

    /// A certificate of the configuration that cannot be used, or is missing, or is used by no address.
    #[cfg(all(feature = "config", feature = "tls"))]
    pub(crate) fn configured_tls(what: String, help: &str) -> Self {
        Self { place: None, what, help: help.to_owned() }
    }

    pub(crate) fn proxy(text: &str) -> Self {
        Self {
            place: None,
            what: format!("`{text}` is no address that a proxy could have"),
            help: "write `10.0.0.1`, `10.0.0.0/8`, or `unix` for what comes without an address".to_owned(),
        }
    }

    #[cfg(feature = "admin")]
    pub(crate) fn admin_password() -> Self {
        Self {
            place: None,
            what: "the password of `Server::admin` is no bcrypt hash, or one that takes too long to compare".to_owned(),
            help:
                "write the hash, such as `$2b$10$…`, with a cost of at most 16; `htpasswd -nBC 10 operator` makes one"
                    .to_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn cors_names(names: &str) -> Self {
        let place = Location::caller();
        let what = format!("`{names}` may not stand in the headers of `Cors`");
        Self::at(place.file(), place.line(), what, "names of headers and methods are visible ASCII".to_owned())
    }

    #[track_caller]
    pub(crate) fn cookie_name(name: &str) -> Self {
        let place = Location::caller();
        let what = format!("`{name}` may not be the name of a cookie (RFC 6265 §4.1.1)");
        Self::at(place.file(), place.line(), what, "write letters, digits, `-` and `_`, such as `io`".to_owned())
    }

    #[track_caller]
    pub(crate) fn cookie_attribute(text: &str) -> Self {
        let place = Location::caller();
        let what = format!("`{text}` may not stand in a cookie (RFC 6265 §4.1.1)");
        Self::at(place.file(), place.line(), what, "write visible ASCII without a semicolon".to_owned())
    }

    pub(crate) fn engine_path_twice(path: &str) -> Self {
        Self {
            place: None,
            what: format!("`{path}` is served by Engine.IO twice"),
            help: "give one of them another path; Socket.IO is at `/socket.io/` unless `SocketIo::path` says otherwise"
                .to_owned(),
        }
    }

    pub(crate) fn engine_without_raw_gateway(path: &str, namespace: &str) -> Self {
        Self {
            place: None,
            what: format!("`{path}` is to serve the raw gateway of `{namespace}` by Engine.IO, and there is none"),
            help: format!(
                "put `#[gateway(namespace = \"{namespace}\")]` on a struct and `#[on_message]` on a method of it"
            ),
        }
    }

    pub(crate) fn nothing_linked() -> Self {
        Self {
            place: None,
            what: "there is no gateway to serve".to_owned(),
            help: format!(
                "put `#[gateway(namespace = \"/\")]` on a struct; if it is in another crate that nothing names, write `use that_crate as _;`{STATIC}"
            ),
        }
    }

    pub(crate) fn factory((file, line): (&'static str, u32), makes: &str, why: &str) -> Self {
        let what = format!("the factory of `{makes}` failed: {why}");
        Self::at(file, line, what, "the server does not start without what it makes".to_owned())
    }

    pub(crate) fn factory_misses((file, line): (&'static str, u32), makes: &str, missing: &str) -> Self {
        let what = format!("the factory of `{makes}` asks for a `{missing}` that nobody provided");
        Self::at(file, line, what, format!("write `.provide::<{missing}>(…)` or `.provide_with(…)` on the server"))
    }

    pub(crate) fn factories_in_a_circle((file, line): (&'static str, u32), makes: &str, other: &str) -> Self {
        let what = if makes == other {
            format!("the factory of `{makes}` waits for what it makes itself")
        } else {
            format!("the factory of `{makes}` waits for a `{other}`, whose own factory waits for a `{makes}`")
        };
        Self::at(file, line, what, "make one of them without the other".to_owned())
    }

    pub(crate) fn init(gateway: Declared, hook: Hook, why: &str) -> Self {
        let what = format!("`{}::{}` failed: {why}", gateway.name, hook.method);
        Self::at(hook.file, hook.line, what, "the hook decides that the server must not start without it".to_owned())
    }
}

fn provided_instead(near: Option<&str>) -> String {
    near.map_or(String::new(), |near| format!(" (`{near}` was provided, which is another type)"))
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.what)?;
        if let Some((file, line)) = self.place {
            write!(formatter, "\n    at {file}:{line}")?;
        }
        write!(formatter, "\n    help: {}", self.help)
    }
}

/// Reason why a server did not start. `Debug` writes a readable report, as shown when `main` returns the error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program has mistakes; all of them are listed.
    #[error("{}", Report(.0))]
    Problems(Vec<Problem>),
    /// Listening on an address failed.
    #[error("cannot listen on {address}: {source}{}", port_help(.address))]
    Listen {
        /// The given address.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// A certificate or its key is unusable.
    #[cfg(feature = "tls")]
    #[error("no TLS: {0}")]
    Tls(#[from] crate::transport::TlsError),
    /// A configuration has faults; all of them are listed.
    #[cfg(feature = "config")]
    #[error(transparent)]
    Config(#[from] crate::config_file::ConfigError),
    /// The cluster's engine cannot be reached, and the server does not start without; see
    /// [`ClusterOptions::at_start`](crate::cluster::ClusterOptions::at_start).
    #[error("cannot reach the cluster's engine, {engine}{}: {source}", at_address(.address))]
    Cluster {
        /// Name of the engine.
        engine: &'static str,
        /// Its address without credentials; empty if it has none.
        address: String,
        /// The engine's error.
        source: EngineError,
    },
    /// Installing the signal handlers failed.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
}

fn at_address(address: &str) -> String {
    if address.is_empty() { String::new() } else { format!(" at {address}") }
}

/// Help for an address that has no host or no port.
fn port_help(address: &str) -> String {
    match address.parse::<u16>() {
        Ok(port) => {
            format!("\n    help: write `127.0.0.1:{port}`, or `0.0.0.0:{port}` for every address of the machine")
        }
        Err(_) if address.contains(':') => String::new(),
        Err(_) => format!("\n    help: an address has a port: write `{address}:3000`"),
    }
}

impl StartError {
    /// Combines earlier problems with an outcome.
    pub(crate) fn with<T>(mut before: Vec<Problem>, outcome: Result<T, Self>) -> Result<T, Self> {
        match outcome {
            Ok(value) if before.is_empty() => Ok(value),
            Ok(_) => Err(Self::Problems(before)),
            Err(Self::Problems(problems)) => {
                before.extend(problems);
                Err(Self::Problems(before))
            }
            Err(other) => Err(other),
        }
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

struct Report<'a>(&'a [Problem]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, plural) = (self.0.len(), if self.0.len() == 1 { "" } else { "s" });
        writeln!(formatter, "the server cannot start: {count} problem{plural}")?;
        for (index, problem) in self.0.iter().enumerate() {
            writeln!(formatter, "\n{:>2}. {problem}", index + 1)?;
        }
        Ok(())
    }
}
