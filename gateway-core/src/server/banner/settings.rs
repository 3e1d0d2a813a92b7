//! Settings in the banner: allowed clients, limits, recovery, stop.

use std::fmt;
use std::time::Duration;

use super::wrapped::wrapped;
use crate::connection::Drain;
use crate::hub::cluster::Cluster;
use crate::limits::{Limits, Overflow};
use crate::metrics::{WRITES_NOTICES, is_unheard};
use crate::server::engine_io::{EngineIoEndpoint, Parser, Serves, TransportName};
#[cfg(feature = "http2")]
use crate::server::http2::Http2;
use crate::server::state::StartedServer;
use crate::session::Recovery;

/// Column of the text behind a line's label.
const INDENT: usize = 11;

/// Writes the settings of the whole server.
pub(super) struct Settings<'a>(pub(super) &'a StartedServer);

impl fmt::Display for Settings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(StartedServer { application, origins, shared, event_streams, .. }) = self;
        let mut line = |label: &str, text: &str| {
            let before = format!("  {label:width$}", width = INDENT - 2);
            writeln!(formatter, "{}", wrapped(&before, INDENT, text))
        };
        line("pages", &pages(origins.allowed()))?;
        line("limits", &limits(&application.limits))?;
        let changed = changed(&application.limits);
        if !changed.is_empty() {
            line("", &format!("changed: {changed}"))?;
        }
        #[cfg(feature = "http2")]
        if let Some(options) = &self.0.http2 {
            line("http/2", &http2(options))?;
        }
        line("recovery", &application.recovery.as_ref().map_or("off".to_owned(), recovery))?;
        if let Some(event_streams) = event_streams {
            line("events", &event_streams.describe())?;
        }
        if let Some(cluster) = shared.hub.cluster() {
            line("cluster", &describe(cluster))?;
        }
        #[cfg(feature = "explorer")]
        if let Some(explorer) = &self.0.explorer {
            line("explorer", &format!("{}, for everybody who reaches it", explorer.path()))?;
        }
        line("stop", &drain(&application.drain, &application.limits))?;
        if application.compat.nestjs {
            line("nestjs", "answers in the shape of NestJS (`nestjs_compat`)")?;
        }
        if is_unheard() {
            let instead = if WRITES_NOTICES {
                "failures and refusals go to standard error, each kind once, as this is a debug build"
            } else {
                "failures and refusals go unseen; `tracing_subscriber::fmt::init()` sets one"
            };
            line("log", &format!("no log subscriber: {instead}"))?;
        }
        match open_files_warning() {
            Some(warning) => line("warning", &warning),
            None => Ok(()),
        }
    }
}

/// Writes the settings of one path of Engine.IO.
pub(super) fn write_engine_options(formatter: &mut fmt::Formatter<'_>, engine: &EngineIoEndpoint) -> fmt::Result {
    let options = &engine.options;
    let transports = options.transports.iter().map(|transport| match transport {
        TransportName::Polling => "polling",
        TransportName::WebSocket => "websocket",
    });
    let mut parts = vec![
        transports.collect::<Vec<_>>().join(" and "),
        format!("messages up to {}", bytes(options.max_http_buffer_size)),
        format!("ping every {:?}, answered within {:?}", options.ping_interval, options.ping_timeout),
    ];
    if engine.serves == Serves::SocketIo {
        parts.push(format!("in a namespace within {:?}", options.connect_timeout));
    }
    if !options.upgrades() {
        parts.push("no upgrades".to_owned());
    }
    if options.parser == Parser::MessagePack {
        parts.push("MessagePack".to_owned());
    }
    if let Some(cors) = &options.cors {
        parts.push(format!("pages: {}", pages(cors.allowed())));
    }
    writeln!(formatter, "{}\n", wrapped("    ", 8, &parts.join("; ")))
}

fn describe(cluster: &Cluster) -> String {
    let address = cluster.engine_address();
    let at = if address.is_empty() { String::new() } else { format!(" at {address}") };
    let state = if cluster.is_connected() { "" } else { ", which is away; trying to reach it" };
    format!("node {} on {}{at}{state}", cluster.node_id(), cluster.engine_name())
}

/// Describes the allowed origins; `None` allows all.
fn pages(allowed: Option<&[String]>) -> String {
    match allowed {
        None => "every origin".to_owned(),
        Some([]) => "own host only; `allow_origin` allows others".to_owned(),
        Some(origins) => format!("own host and {}", origins.join(", ")),
    }
}

fn limits(limits: &Limits) -> String {
    let full = match limits.overflow {
        Overflow::Close => "when full the connection is closed",
        Overflow::DropNewest => "when full the newest is dropped",
        Overflow::DropOldest => "when full the oldest is dropped",
    };
    let connections = match (limits.connections, limits.connections_per_address) {
        (None, None) => "connections unlimited".to_owned(),
        (all, each) => {
            let bound = |bound: Option<usize>| bound.map_or("unlimited".to_owned(), |bound| format!("up to {bound}"));
            format!("connections {}, from one address {}", bound(all), bound(each))
        }
    };
    [
        format!("messages up to {}", bytes(limits.message_bytes)),
        format!("{} events or {} wait for a socket", limits.queued_events, bytes(limits.queued_bytes)),
        format!("outbox {} frames or {}, {full}", limits.outbox_frames, bytes(limits.outbox_bytes)),
        format!("handlers {:?}, connect hooks {:?}", limits.handler_timeout, limits.connect_timeout),
        format!("ping after {:?} of silence, answered within {:?}", limits.ping_interval, limits.ping_timeout),
        connections,
    ]
    .join("; ")
}

/// Limits that differ from their defaults, by name.
fn changed(limits: &Limits) -> String {
    let (set, default) = (format!("{limits:?}"), format!("{:?}", Limits::default()));
    let members = |text: &str| -> Vec<String> {
        let inside = text.split_once('{').map_or("", |(_, inside)| inside);
        inside.trim_end_matches('}').split(", ").map(|member| member.trim().to_owned()).collect()
    };
    let defaults = members(&default);
    let changed = members(&set).into_iter().filter(|member| !defaults.contains(member));
    changed
        .map(|member| member.replacen(": ", " ", 1).replace("Some(", "").replace(')', ""))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(feature = "http2")]
fn http2(options: &Http2) -> String {
    let Http2 { streams, stream_window, resets_per_second: _, idle_timeout } = options;
    let window = bytes(*stream_window);
    format!("beside HTTP/1.1; {streams} streams a connection, {window} unread in each; idle for {idle_timeout:?}")
}

fn recovery(recovery: &Recovery) -> String {
    let Recovery { within, events, bytes: most, sockets } = recovery;
    format!(
        "within {within:?}, for a socket up to {events} events or {}; up to {sockets} disconnected sockets",
        bytes(*most)
    )
}

fn drain(drain: &Drain, limits: &Limits) -> String {
    let Drain { delay, window, close_code, retry_within } = drain;
    let mut parts = vec![
        format!("handlers get {:?}", limits.drain_timeout),
        format!("sockets are closed with {} over up to {window:?}", close_code.as_u16()),
    ];
    if *delay > Duration::ZERO {
        parts.insert(0, format!("after {delay:?}"));
    }
    if *retry_within > Duration::ZERO {
        parts.push(format!("and asked to reconnect within {retry_within:?}"));
    }
    parts.join("; ")
}

fn bytes(count: usize) -> String {
    match count {
        count if count >= 1 << 20 && count.is_multiple_of(1 << 20) => format!("{} MiB", count >> 20),
        count if count >= 1 << 10 && count.is_multiple_of(1 << 10) => format!("{} KiB", count >> 10),
        count => format!("{count} bytes"),
    }
}

/// Warns about the limit of open files: each connection is one, and the usual soft limit is 1024.
fn open_files_warning() -> Option<String> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft: u64 = line.split_whitespace().next()?.parse().ok()?;
    (soft < 10_000).then(|| format!("at most {soft} open files, so fewer clients than that: raise it with `ulimit -n`"))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn limits_that_were_set_are_named() {
        assert_eq!(changed(&Limits::default()), "");
        let set = Limits {
            json_depth: 64,
            connections: Some(5000),
            pings_per_second: None,
            events_per_second: NonZeroU32::new(7),
            post_timeout: Duration::from_millis(500),
            ..Limits::default()
        };
        let expected =
            ["json_depth 64", "events_per_second 7", "pings_per_second None", "connections 5000", "post_timeout 500ms"];
        assert_eq!(changed(&set), expected.join(", "));
    }

    #[test]
    fn sizes_are_told_in_the_largest_unit_that_fits() {
        let told = [512, 1024, 1_000_000, 1024 * 1024, 1536 * 1024].map(bytes);
        assert_eq!(told, ["512 bytes", "1 KiB", "1000000 bytes", "1 MiB", "1536 KiB"]);
    }
}
