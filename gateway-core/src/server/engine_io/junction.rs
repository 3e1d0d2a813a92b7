//! Stands in for the connection until it serves Engine.IO: echoes every message, and keeps the heartbeat.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::gateway::Found;
use crate::server::application::Application;
use crate::server::engine_io::options::EngineOptions;
use crate::session::{Delivery, Outbox};
use crate::transport::{Broken, Ending, Handshake, Transport};
use crate::wire::{CloseCode, Encoded, Flow, OpCode, Received, WireFormat, close_frame};

#[derive(Debug)]
pub(crate) enum Entry {
    Raw(Found),
    SocketIo,
}

pub(crate) fn serve_engine<T: Transport>(
    transport: T,
    application: Arc<Application>,
    entry: Entry,
    _handshake: Handshake,
    options: Arc<EngineOptions>,
) -> impl Future<Output = ()> + Send + Unpin + 'static {
    Box::pin(async move {
        let outbox = Outbox::new(WireFormat::Plain, &application.limits, &application.shared.counters);
        let mut transport = transport;
        outbox.open(transport.direct());
        if matches!(entry, Entry::Raw(_)) {
            transport.greet();
        }
        let clock = Box::pin(sleep_until(Instant::now() + options.ping_interval));
        let mut echo = Echo { outbox: &outbox, options: &options, clock, asked: false, end: None };
        let stopping = application.shared.stopping.clone();
        let ending = tokio::select! {
            ending = poll_fn(|context| echo.poll(context, &mut transport)) => ending,
            () = stopping.cancelled() => Some((Ending::Awaited, None)),
        };
        if let Some((ending, told)) = ending {
            outbox.close(Some(close_frame(told.as_ref())));
            let closing = poll_fn(|context| {
                outbox.register(context);
                let _ = ready!(outbox.poll_write(context, &mut transport));
                transport.poll_close(context, ending)
            });
            let _ = timeout(application.limits.close_timeout, closing).await;
        }
    })
}

type End = Option<(Ending, Option<crate::wire::Disconnect>)>;

struct Echo<'a> {
    outbox: &'a Outbox,
    options: &'a EngineOptions,
    clock: Pin<Box<Sleep>>,
    asked: bool,
    end: Option<End>,
}

impl Echo<'_> {
    fn poll<T: Transport>(&mut self, context: &mut Context<'_>, transport: &mut T) -> Poll<End> {
        self.outbox.register(context);
        loop {
            let received = transport.poll_receive(context, &mut |received, _| self.take(received));
            match received {
                Poll::Ready(Err(Broken::Lost)) => return Poll::Ready(None),
                Poll::Ready(Err(Broken::Violation(disconnect))) => {
                    let told = (disconnect.code != CloseCode::NO_STATUS).then_some(disconnect);
                    return Poll::Ready(Some((Ending::Violated, told)));
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if let Some(end) = self.end.take() {
                return Poll::Ready(end);
            }
            let sent = self.outbox.poll_write(context, transport);
            if matches!(sent, Poll::Ready(Err(_))) {
                return Poll::Ready(None);
            }
            if received.is_ready() {
                continue;
            }
            ready!(self.clock.as_mut().poll(context));
            if self.asked {
                return Poll::Ready(Some((Ending::Awaited, None)));
            }
            self.asked = true;
            let _ = self.outbox.push(Encoded::frame(OpCode::Text, b"2"), Delivery::Event);
            self.clock.as_mut().reset(Instant::now() + self.options.ping_timeout);
        }
    }

    fn take(&mut self, received: Received<'_>) -> Flow {
        match received {
            Received::Text(text) => {
                let _ = self.outbox.push(Encoded::frame(OpCode::Text, format!("4{text}").as_bytes()), Delivery::Event);
            }
            Received::Binary(bytes) => {
                let _ = self.outbox.push(Encoded::frame(OpCode::Binary, bytes), Delivery::Event);
            }
            Received::Ping(payload) => self.outbox.push_pong(Encoded::frame(OpCode::Pong, payload)),
            Received::Pong => {
                self.asked = false;
                self.clock.as_mut().reset(Instant::now() + self.options.ping_interval);
            }
            Received::Close(told) => self.end = Some(Some((Ending::Answered, told))),
        }
        if self.end.is_some() { Flow::Pause } else { Flow::Continue }
    }
}
