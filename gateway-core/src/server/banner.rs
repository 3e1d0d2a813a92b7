//! Banner that a server prints when it starts.

mod settings;
mod wrapped;

use std::fmt;

use crate::gateway::Route;
use crate::handler::{Handler, Pipeline};
use crate::server::endpoint::LocalAddr;
use crate::server::engine_io::{EngineIoEndpoint, Serves};
use crate::server::state::StartedServer;
use settings::{Settings, write_engine_options};
use wrapped::wrapped;

/// The text printed when a server starts: address, namespaces, handlers, settings, warnings. Lines have at most 120
/// columns, except those with a longer path or address.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    pub(crate) server: &'a StartedServer,
    pub(crate) address: &'a LocalAddr,
    pub(crate) lines: &'a [LocalAddr],
    pub(crate) monitoring: Option<&'a LocalAddr>,
    pub(crate) encrypted: bool,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(formatter, "gateway {version} (pid {}) listening on {}\n", std::process::id(), self.address)?;
        let routes: Vec<_> = self.server.application.routes.iter().collect();
        let width = routes
            .iter()
            .flat_map(|route| route.router.handlers())
            .map(|handler| handler.event.chars().count())
            .max()
            .unwrap_or(0)
            .min(32);
        for route in routes {
            self.write_route(formatter, route, width)?;
        }
        for engine in &self.server.engines {
            self.write_engine(formatter, engine)?;
        }
        for address in self.lines {
            let address = address.to_string();
            let scheme = if address.starts_with("unix") { "" } else { "tcp://" };
            writeln!(formatter, "  {scheme}{address}\n    lines, for every namespace that takes events\n")?;
        }
        if let Some(monitoring) = self.monitoring {
            writeln!(formatter, "  http://{monitoring}\n    /metrics, /health/live, /health/ready\n")?;
        }
        Settings(self.server).fmt(formatter)
    }
}

impl Banner<'_> {
    fn write_route(&self, formatter: &mut fmt::Formatter<'_>, route: &Route, width: usize) -> fmt::Result {
        let scheme = if self.encrypted { "wss" } else { "ws" };
        match self.address {
            LocalAddr::Tcp(address) => writeln!(formatter, "  {scheme}://{address}{}", route.namespace)?,
            LocalAddr::Unix(_) => writeln!(formatter, "  {}", route.namespace)?,
        }
        if route.router.raw().is_some() {
            let declared = route.declared;
            let text = format!("whole messages → {} ({}:{})", declared.name, declared.file, declared.line);
            writeln!(formatter, "{}", wrapped("    ", 8, &text))?;
        }
        let mut handlers: Vec<_> = route.router.handlers().collect();
        handlers.sort_by_key(|handler| {
            (handler.method.gateway, handler.subscription.method.file, handler.subscription.method.line)
        });
        for handler in handlers {
            let text = format!("{:width$} → {}", handler.event, Signature(handler));
            writeln!(formatter, "{}", wrapped("    ", width + 7, &text))?;
        }
        let mut server_events: Vec<_> = route.server_events.handlers().collect();
        server_events.sort_by_key(|handler| (handler.subscription.method.file, handler.subscription.method.line));
        for handler in server_events {
            let text = format!("server event {} → {}", handler.event, Signature(handler));
            writeln!(formatter, "{}", wrapped("    ", 8, &text))?;
        }
        writeln!(formatter)
    }

    fn write_engine(&self, formatter: &mut fmt::Formatter<'_>, engine: &EngineIoEndpoint) -> fmt::Result {
        let scheme = if self.encrypted { "https" } else { "http" };
        match self.address {
            LocalAddr::Tcp(address) => writeln!(formatter, "  {scheme}://{address}{}", engine.path)?,
            LocalAddr::Unix(_) => writeln!(formatter, "  {}", engine.path)?,
        }
        match &engine.serves {
            Serves::SocketIo => writeln!(formatter, "    Socket.IO, for every namespace that takes events")?,
            Serves::Raw(namespace) => writeln!(formatter, "    Engine.IO, for the whole messages of {namespace}")?,
        }
        write_engine_options(formatter, engine)
    }
}

/// Formats a handler: `Chat::message(Data<NewMessage>) → Data<Receipt> (src/chat.rs:12)`.
struct Signature<'a>(&'a Handler);

impl fmt::Display for Signature<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handler { method, subscription, pipeline, .. } = self.0;
        let gateway = method.gateway;
        let method = subscription.method;
        write!(formatter, "{gateway}::{}({})", method.method, subscription.arguments.join(", "))?;
        if subscription.reply != "()" {
            write!(formatter, " → {}", subscription.reply)?;
        }
        if subscription.concurrency > 1 {
            write!(formatter, ", {} at once", subscription.concurrency)?;
        }
        subscription.policy.fmt(formatter)?;
        if let Some(pipeline) = pipeline {
            write_around(formatter, pipeline)?;
        }
        write!(formatter, " ({}:{})", method.file, method.line)
    }
}

/// Formats the layers: `, guards SignedIn, Roles(&["admin"]), interceptors Timing, filters Gone`
fn write_around(formatter: &mut fmt::Formatter<'_>, pipeline: &Pipeline) -> fmt::Result {
    let lists: [(&str, Vec<&str>); 3] = [
        ("guards", pipeline.guards.iter().map(|guard| guard.written.text).collect()),
        ("interceptors", pipeline.interceptors.iter().map(|interceptor| interceptor.written.text).collect()),
        ("filters", pipeline.filters.iter().map(|filter| filter.written.text).collect()),
    ];
    for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        write!(formatter, ", {name} {}", list.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gateway::{Fields, Gateway, Handlers};
    use crate::handler::{Declared, EventOverflow, HandlerFuture, IntoReply, Subscription};
    use crate::server::Server;

    struct Relay;

    impl Gateway for Relay {
        const NAMESPACE: &'static str = "/relay";
        const DECLARED: Declared = Declared::new("Relay", "relay.rs", 1);

        fn construct(_: &mut Fields<'_>) -> Option<Self> {
            Some(Self)
        }
    }

    fn add(handlers: &mut Handlers<Relay>) {
        let known = Subscription::new("message", "message", "relay.rs", 3).arguments(&["Socket"]).reply("usize");
        handlers.subscribe(known, |_, _| HandlerFuture::ready(1.into_reply()));
        let bounded = Subscription::new("draw", "draw", "relay.rs", 5).also(&["pen.*"]).concurrency(4);
        let bounded = bounded.queue(16).overflow(EventOverflow::DropOldest).rate(20, Duration::from_secs(1));
        handlers.subscribe(bounded, |_, _| HandlerFuture::ready(().into_reply()));
        let other = Subscription::new("*", "any", "relay.rs", 7).arguments(&["EventName", "RawArgs"]);
        handlers.subscribe(other, |_, _| HandlerFuture::ready(().into_reply()));
        let event = Subscription::new("reload", "reload", "relay.rs", 9).arguments(&["Data<u32>"]);
        handlers.on_server_event(event, |_, _| HandlerFuture::ready(().into_reply()));
    }

    #[tokio::test]
    async fn each_event_stands_with_its_method_and_so_does_every_other() {
        let server = Server::empty().gateway_with::<Relay>(add).assemble().await.expect("nothing is wrong");
        let address = LocalAddr::Tcp(([127, 0, 0, 1], 3000).into());
        let lines = [LocalAddr::Tcp(([127, 0, 0, 1], 3001).into()), LocalAddr::Unix(Some("/run/app.sock".into()))];
        let banner = Banner { server: &server, address: &address, lines: &lines, monitoring: None, encrypted: false };
        let banner = banner.to_string();
        let of_lines =
            "  tcp://127.0.0.1:3001\n    lines, for every namespace that takes events\n\n  unix:/run/app.sock\n";
        assert!(banner.contains(of_lines), "{banner}");
        let expected = "  ws://127.0.0.1:3000/relay\n    message     → Relay::message(Socket) → usize (relay.rs:3)\n    draw, pen.* → Relay::draw(), 4 at once, at most 20 in 1s, at most 16 wait, more drop the oldest (relay.rs:5)\n    *           → Relay::any(EventName, RawArgs) (relay.rs:7)\n    server event reload → Relay::reload(Data<u32>) (relay.rs:9)\n";
        assert!(banner.contains(expected), "{banner}");
    }
}
