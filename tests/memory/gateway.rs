//! Gateway that is attacked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::{LocalAddr, RunningServer};
use gateway_tests::Raw;
use tokio::net::{TcpSocket, TcpStream};

/// Messages that a handler keeps.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pub(crate) bytes: Arc<Mutex<Vec<Bytes>>>,
    pub(crate) texts: Arc<Mutex<Vec<String>>>,
}

#[gateway(namespace = "/prey")]
pub(crate) struct Prey {
    kept: Kept,
}

#[gateway]
impl Prey {
    #[subscribe]
    fn keep(&self, Data(text): Data<String>) {
        self.kept.texts.lock().expect("nothing panics here").push(text);
    }

    #[subscribe]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }
}

/// The other namespace of a connection.
#[gateway(namespace = "/lair")]
struct Lair;

#[gateway]
impl Lair {
    #[subscribe]
    fn nothing(&self) {}
}

#[gateway(namespace = "/raw")]
pub(crate) struct Whole {
    kept: Kept,
}

#[gateway]
impl Whole {
    #[on_message]
    fn keep(&self, message: Message) {
        if let Message::Binary(bytes) = message {
            self.kept.bytes.lock().expect("nothing panics here").push(bytes);
        }
    }
}

pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) running: RunningServer,
    pub(crate) kept: Kept,
}

impl Target {
    pub(crate) async fn start() -> Self {
        Self::with(|server| server).await
    }

    /// A server that has met somebody before: what is made once is not counted.
    pub(crate) async fn with(configure: impl FnOnce(Server) -> Server) -> Self {
        let kept = Kept::default();
        let server = Server::empty().gateway::<Prey>().gateway::<Lair>().gateway::<Whole>().provide(kept.clone());
        let running = configure(server).start("127.0.0.1:0").await.expect("a server that starts");
        let LocalAddr::Tcp(address) = *running.local_addr() else { panic!("not TCP") };
        let target = Self { address, running, kept };
        for path in ["/prey", "/raw"] {
            let mut client = target.connect(path).await;
            client.text(r#"{"event":"echo","data":"hello"}"#).await;
            if path == "/prey" {
                client.next_text().await;
            }
        }
        target.is_empty().await;
        target
    }

    pub(crate) async fn connect(&self, path: &str) -> Raw {
        Raw::connect(self.address, path).await
    }

    /// An upgraded connection whose client takes little and reads nothing.
    pub(crate) async fn stream(&self, path: &str) -> TcpStream {
        self.narrow(path).await.into_inner()
    }

    /// An upgraded connection whose client takes little at a time.
    pub(crate) async fn narrow(&self, path: &str) -> Raw {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(16 * 1024).expect("a small window");
        let mut client = Raw::over(socket.connect(self.address).await.expect("a connection"));
        client.upgrade(path).await;
        client
    }

    pub(crate) fn count(&self) -> usize {
        let handle = self.running.handle();
        ["/prey", "/raw"].into_iter().filter_map(|name| handle.of(name).ok()).map(|namespace| namespace.count()).sum()
    }

    pub(crate) fn violations(&self) -> u64 {
        self.running.handle().count(Counter::ProtocolErrors)
    }

    /// Waits until everybody has gone.
    pub(crate) async fn is_empty(&self) {
        crate::until(|| self.count() == 0).await;
        crate::settle().await;
    }
}
