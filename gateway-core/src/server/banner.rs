//! What a server says of itself when it starts.

use std::fmt;

use crate::dispatch::Handler;
use crate::gateway::Route;
use crate::server::application::Application;
use crate::server::endpoint::LocalAddr;

/// The text printed when a server starts: address, namespaces, handlers, limits, warnings.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    pub(crate) application: &'a Application,
    pub(crate) address: &'a LocalAddr,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(formatter, "gateway {version} (pid {}) listening on {}\n", std::process::id(), self.address)?;
        let routes: Vec<_> = self.application.routes.iter().collect();
        let width = routes
            .iter()
            .flat_map(|route| route.router.handlers())
            .map(|handler| handler.event.chars().count())
            .max()
            .unwrap_or(0)
            .min(32);
        for route in routes {
            write_route(formatter, route, self.address, width)?;
        }
        write_limits(formatter, self.application)?;
        if let Some(warning) = open_files_warning() {
            writeln!(formatter, "  warning  {warning}")?;
        }
        Ok(())
    }
}

fn write_route(formatter: &mut fmt::Formatter<'_>, route: &Route, address: &LocalAddr, width: usize) -> fmt::Result {
    match address {
        LocalAddr::Tcp(address) => writeln!(formatter, "  ws://{address}{}", route.namespace)?,
        LocalAddr::Unix(_) => writeln!(formatter, "  {}", route.namespace)?,
    }
    if route.router.raw().is_some() {
        writeln!(
            formatter,
            "    whole messages → {} ({}:{})",
            route.declared.name, route.declared.file, route.declared.line
        )?;
    }
    let mut handlers: Vec<_> = route.router.handlers().collect();
    handlers
        .sort_by_key(|handler| (handler.gateway, handler.subscription.method.file, handler.subscription.method.line));
    for handler in handlers {
        writeln!(formatter, "    {:width$} → {}", handler.event, Signature(handler))?;
    }
    writeln!(formatter)
}

/// `Chat::message(Data<NewMessage>) → Data<Receipt> (src/chat.rs:12)`.
struct Signature<'a>(&'a Handler);

impl fmt::Display for Signature<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handler { gateway, subscription, .. } = self.0;
        let method = subscription.method;
        write!(formatter, "{gateway}::{}({})", method.method, subscription.arguments.join(", "))?;
        if subscription.reply != "()" {
            write!(formatter, " → {}", subscription.reply)?;
        }
        if subscription.concurrency > 1 {
            write!(formatter, ", {} at once", subscription.concurrency)?;
        }
        write!(formatter, " ({}:{})", method.file, method.line)
    }
}

fn write_limits(formatter: &mut fmt::Formatter<'_>, application: &Application) -> fmt::Result {
    let limits = &application.limits;
    writeln!(
        formatter,
        "  limits   message {} KiB, {} events queued, outbox {} frames / {} KiB ({:?} when full), handler {:?}, ping {:?} + {:?}",
        limits.message_bytes / 1024,
        limits.queued_events,
        limits.outbox_frames,
        limits.outbox_bytes / 1024,
        limits.overflow,
        limits.handler_timeout,
        limits.ping_interval,
        limits.ping_timeout
    )
}

/// Each connection is an open file; the usual soft limit of 1024 is reached by a thousand clients.
fn open_files_warning() -> Option<String> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft: u64 = line.split_whitespace().next()?.parse().ok()?;
    (soft < 10_000).then(|| format!("at most {soft} open files, so fewer clients than that: raise it with `ulimit -n`"))
}
