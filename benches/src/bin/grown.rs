//! The framework with much of something: what should not cost a message anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway_benches::arguments::{follow, option};
use gateway_core::IntoReply;
use gateway_core::extract::on;
use gateway_core::limits::Limits;
use gateway_core::manual::{ConnectOutput, Declared, Fields, Gateway, HandlerFuture, Handlers, Hook, Subscription};
use gateway_core::prelude::*;
use serde_json::value::RawValue;

const EVERYBODY: &str = "everybody";

struct Grown {
    rooms: u64,
    next_room: AtomicU64,
}

impl Gateway for Grown {
    const NAMESPACE: &'static str = "/";
    const DECLARED: Declared = Declared::new("Grown", file!(), line!());

    fn construct(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self { rooms: option("--rooms").unwrap_or(0), next_room: AtomicU64::new(0) })
    }
}

impl Grown {
    async fn connected(&self, socket: &Socket) -> Result<(), ConnectRejection> {
        socket.join(EVERYBODY).await?;
        for _ in 0..self.rooms {
            socket.join(format!("room-{}", self.next_room.fetch_add(1, Ordering::Relaxed))).await?;
        }
        Ok(())
    }
}

fn handlers(handlers: &mut Handlers<Grown>) {
    handlers.on_connect(Hook::new("connected", file!(), line!()), |grown, context| {
        match <Socket as FromContext<on::Connect>>::from_context(context) {
            Ok(socket) => {
                let grown = Arc::clone(grown);
                HandlerFuture::future(async move { grown.connected(&socket).await.into_output() })
            }
            Err(rejection) => HandlerFuture::rejected(rejection),
        }
    });
    handlers.subscribe(Subscription::new("echo", "echo", file!(), line!()), echo);
    handlers.subscribe(Subscription::new("broadcast", "broadcast", file!(), line!()), |_, context| {
        let arguments = Data::<Box<RawValue>>::from_context(context)
            .and_then(|data| Ok((data, <Namespace as FromContext>::from_context(context)?)));
        match arguments {
            Ok((Data(data), namespace)) => {
                namespace.to(EVERYBODY).emit("broadcast", &data);
                HandlerFuture::ready(().into_reply())
            }
            Err(rejection) => HandlerFuture::rejected(rejection),
        }
    });
    for number in 2..option("--events").unwrap_or(2) {
        // Names of events live as long as the program.
        let event: &'static str = String::leak(format!("event-{number}"));
        handlers.subscribe(Subscription::new(event, "echo", file!(), line!()), echo);
    }
}

fn echo(_: &std::sync::Arc<Grown>, context: &gateway_core::Context<'_>) -> HandlerFuture {
    match Data::<Box<RawValue>>::from_context(context) {
        Ok(Data(data)) => HandlerFuture::ready(Reply::event("echo", data).into_reply()),
        Err(rejection) => HandlerFuture::rejected(rejection),
    }
}

const USAGE: &str = "grown [--port N] [--monitoring N] [--events N] [--rooms N] [--workers N]

  --events       subscribed events, the two that are used among them
  --rooms        rooms of its own for each connection, beside the one everybody is in
  --monitoring   the port where it is watched
  --workers      threads of the runtime (1)";

fn main() -> Result<(), StartError> {
    follow(USAGE, 0);
    let mut runtime = match option("--workers").unwrap_or(1) {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        workers => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    runtime.enable_all().build().expect("a runtime").block_on(serve())
}

async fn serve() -> Result<(), StartError> {
    let address = format!("127.0.0.1:{}", option::<u16>("--port").unwrap_or(0));
    let limits = Limits::new().rooms_per_socket(2000);
    let mut server = Server::empty().gateway_with::<Grown>(handlers).limits(limits).banner(false);
    if let Some(port) = option::<u16>("--monitoring") {
        server = server.monitoring(format!("127.0.0.1:{port}"));
    }
    server.on_listening(|address| println!("listening on {address}")).serve(address.as_str()).await
}
