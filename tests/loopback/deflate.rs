//! Compressed messages between several clients, over every transport that has them. What one connection may do is in
//! `conformance`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use gateway_core::prelude::*;
use gateway_core::serve::{Deflate, Recovery, RunningServer};
use gateway_core::socket_io::SocketIo;
use gateway_tests::{Frame, Raw, upgrade_request};

use tokio::time::timeout;

use crate::server::tcp;

const LONG: usize = 4096;

#[gateway(namespace = "/news")]
struct News;

#[gateway]
impl News {
    /// Tells everybody a text of so many letters.
    #[subscribe]
    fn publish(&self, namespace: Namespace, Data(length): Data<usize>) {
        namespace.emit("published", &"n".repeat(length));
    }

    #[subscribe]
    fn publish_pictures(&self, namespace: Namespace, Data(length): Data<usize>) {
        namespace.all().uncompressed().emit("published", &"p".repeat(length));
    }

    #[subscribe]
    fn count(&self, Data(length): Data<usize>) -> Data<String> {
        Data("c".repeat(length))
    }

    #[subscribe]
    fn length(&self, Data(text): Data<String>) -> usize {
        text.len()
    }
}

async fn start(configure: impl FnOnce(Server) -> Server) -> RunningServer {
    let server = configure(Server::empty().gateway::<News>());
    server.start("127.0.0.1:0").await.expect("a server that starts")
}

/// A client that counts what came compressed.
struct Client {
    raw: Raw,
    compressed: Arc<AtomicUsize>,
}

impl Client {
    async fn connect(server: &RunningServer, path: &str, offer: &str) -> Self {
        let mut raw = Raw::dial(tcp(server)).await;
        let offer = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        assert_eq!(raw.ask(&upgrade_request(path, &offer)).await.status, 101);
        let compressed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&compressed);
        raw.inflating(move |message| {
            count.fetch_add(1, Ordering::Relaxed);
            let mut out = Vec::with_capacity(4 * LONG);
            let mut inflate = Decompress::new(false);
            inflate.decompress_vec(message, &mut out, FlushDecompress::Sync).expect("a compressed message");
            out
        });
        Self { raw, compressed }
    }

    /// The next text, and whether it came compressed.
    async fn next(&mut self) -> (String, bool) {
        let before = self.compressed.load(Ordering::Relaxed);
        let text = self.raw.next_text().await;
        (text, self.compressed.load(Ordering::Relaxed) > before)
    }
}

fn plain(event: &str, letter: &str) -> String {
    format!(r#"{{"event":"{event}","data":"{}"}}"#, letter.repeat(LONG))
}

#[tokio::test]
async fn a_broadcast_is_compressed_for_those_who_agreed_and_for_nobody_else() {
    let server = start(|server| server.deflate(Deflate::default())).await;
    let mut wide = Client::connect(&server, "/news", "permessage-deflate").await;
    let mut narrow = Client::connect(&server, "/news", "permessage-deflate; server_max_window_bits=9").await;
    let mut smallest = Client::connect(&server, "/news", "permessage-deflate; server_max_window_bits=8").await;
    let mut without = Client::connect(&server, "/news", "x-something").await;
    for client in [&mut wide, &mut narrow, &mut smallest, &mut without] {
        // Whoever is answered is there.
        client.raw.text(r#"{"event":"count","data":1,"id":1}"#).await;
        assert_eq!(client.next().await, (r#"{"event":"count","data":"c","id":1}"#.to_owned(), false));
    }
    wide.raw.text(&format!(r#"{{"event":"publish","data":{LONG}}}"#)).await;
    wide.raw.text(&format!(r#"{{"event":"publish_pictures","data":{LONG}}}"#)).await;
    wide.raw.text(r#"{"event":"publish","data":1}"#).await;
    for (client, agreed) in [(&mut wide, true), (&mut narrow, true), (&mut smallest, false), (&mut without, false)] {
        assert_eq!(client.next().await, (plain("published", "n"), agreed));
        assert_eq!(client.next().await, (plain("published", "p"), false));
        assert_eq!(client.next().await, (r#"{"event":"published","data":"n"}"#.to_owned(), false));
    }
}

#[tokio::test]
async fn an_answer_and_a_question_are_compressed_both_ways() {
    let server = start(|server| server.deflate(Deflate::default())).await;
    let mut client = Client::connect(&server, "/news", "permessage-deflate").await;
    let text = format!(r#"{{"event":"length","data":"{}","id":7}}"#, "t".repeat(LONG));
    let mut compressed = Vec::with_capacity(LONG);
    let mut compress = Compress::new(Compression::fast(), false);
    compress.compress_vec(text.as_bytes(), &mut compressed, FlushCompress::Sync).expect("memory takes everything");
    compressed.truncate(compressed.len() - 4);
    assert!(compressed.len() < LONG / 10);
    client.raw.send(Frame::text(compressed).reserved(4)).await;
    assert_eq!(client.next().await, (format!(r#"{{"event":"length","data":{LONG},"id":7}}"#), false));
    client.raw.text(&format!(r#"{{"event":"count","data":{LONG},"id":8}}"#)).await;
    let answer = format!(r#"{{"event":"count","data":"{}","id":8}}"#, "c".repeat(LONG));
    assert_eq!(client.next().await, (answer, true));
}

/// Tornado's clients do not see the parameter: a text that came before is in the window of the next.
#[tokio::test]
async fn a_client_that_keeps_its_window_although_it_was_asked_not_to_is_understood() {
    let server = start(|server| server.deflate(Deflate::default())).await;
    let plain = |number: usize| format!(r#"{{"event":"length","data":"{}","id":{number}}}"#, "t".repeat(number));
    let socket_io = |number: usize| format!(r#"42/news,{number}["length","{}"]"#, "t".repeat(number));
    let paths = [("/news", &plain as &dyn Fn(usize) -> String), ("/socket.io/?EIO=4&transport=websocket", &socket_io)];
    for (path, text) in paths {
        let mut client = Client::connect(&server, path, "permessage-deflate; client_max_window_bits").await;
        let is_plain = path == "/news";
        if !is_plain {
            assert!(client.next().await.0.starts_with("0{"));
            client.raw.text("40/news,").await;
            assert!(client.next().await.0.starts_with("40/news,{"));
        }
        let mut compress = Compress::new(Compression::best(), false);
        for number in 1..40 {
            let mut compressed = Vec::with_capacity(LONG);
            compress.compress_vec(text(number).as_bytes(), &mut compressed, FlushCompress::Sync).expect("room enough");
            compressed.truncate(compressed.len() - 4);
            client.raw.send(Frame::text(compressed).reserved(4)).await;
            let expected = if is_plain {
                format!(r#"{{"event":"length","data":{number},"id":{number}}}"#)
            } else {
                format!("43/news,{number}[{number}]")
            };
            assert_eq!(client.next().await, (expected, false));
        }
    }
}

/// Over Socket.IO, where its own option stands in the place of the server's.
#[tokio::test]
async fn a_path_of_socket_io_has_an_option_of_its_own() {
    let path = "/socket.io/?EIO=4&transport=websocket";
    let never = Deflate::new().threshold(usize::MAX);
    let own = start(|server| server.socket_io(SocketIo::new().per_message_deflate(Deflate::default()))).await;
    let inherited = start(|server| server.deflate(Deflate::default())).await;
    let other = SocketIo::new().per_message_deflate(never);
    let different = start(|server| server.deflate(Deflate::default()).socket_io(other)).await;
    for (server, agreed) in [(&own, true), (&inherited, true), (&different, false)] {
        let mut client = Client::connect(server, path, "permessage-deflate; client_max_window_bits").await;
        assert!(client.next().await.0.starts_with("0{"));
        client.raw.text("40/news,").await;
        assert!(client.next().await.0.starts_with("40/news,{"));
        client.raw.text(&format!(r#"42/news,["publish",{LONG}]"#)).await;
        assert_eq!(client.next().await, (format!(r#"42/news,["published","{}"]"#, "n".repeat(LONG)), agreed));
        client.raw.text(&format!(r#"42/news,3["count",{LONG}]"#)).await;
        assert_eq!(client.next().await, (format!(r#"43/news,3["{}"]"#, "c".repeat(LONG)), agreed));
    }
}

/// A session that began by long polling compresses from its upgrade on.
#[tokio::test]
async fn a_session_that_moves_to_a_websocket_is_compressed_there() {
    let server = start(|server| server.deflate(Deflate::default())).await;
    let mut polling = Polling::open(&server).await;
    let session = polling.session.clone();
    polling.post("40/news,").await;
    assert!(polling.poll().await.starts_with("40/news,{"));
    let path = format!("/socket.io/?EIO=4&transport=websocket&sid={session}");
    let mut client = Client::connect(&server, &path, "permessage-deflate").await;
    client.raw.text("2probe").await;
    assert_eq!(client.next().await, ("3probe".to_owned(), false));
    client.raw.text("5").await;
    for _ in 0..2 {
        // The first answer shows that it has moved.
        client.raw.text(&format!(r#"42/news,3["count",{LONG}]"#)).await;
        assert_eq!(client.next().await.0, format!(r#"43/news,3["{}"]"#, "c".repeat(LONG)));
    }
    client.raw.text(&format!(r#"42/news,["publish",{LONG}]"#)).await;
    assert_eq!(client.next().await, (format!(r#"42/news,["published","{}"]"#, "n".repeat(LONG)), true));
}

/// Missed events come over a connection that agreed to nothing, and so do the events behind them.
#[tokio::test]
async fn a_client_that_comes_back_without_compression_reads_what_it_has_missed() {
    let server = start(|server| server.deflate(Deflate::default()).recovery(Recovery::default())).await;
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut client = Client::connect(&server, path, "permessage-deflate").await;
    let mut other = Client::connect(&server, path, "permessage-deflate").await;
    for client in [&mut client, &mut other] {
        assert!(client.next().await.0.starts_with("0{"));
    }
    other.raw.text("40/news,").await;
    assert!(other.next().await.0.starts_with("40/news,{"));
    client.raw.text("40/news,").await;
    let (greeting, _) = client.next().await;
    let key = greeting.split("\"pid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key").to_owned();
    client.raw.text(r#"42/news,["publish",2000]"#).await;
    let (first, is_compressed) = client.next().await;
    assert!(is_compressed && first.starts_with(r#"42/news,["published","nnn"#));
    let offset = first.rsplit('"').nth(1).expect("an offset").to_owned();
    other.next().await;
    drop(client);
    let everybody = server.handle().of("/news").unwrap().all();
    let noticed = async {
        while everybody.count() > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), noticed).await.expect("the server sees that it has gone");

    for _ in 0..2 {
        other.raw.text(r#"42/news,["publish",3000]"#).await;
        assert!(other.next().await.1);
    }
    let mut back = Client::connect(&server, path, "x-something").await;
    assert!(back.next().await.0.starts_with("0{"));
    back.raw.text(&format!(r#"40/news,{{"pid":"{key}","offset":"{offset}"}}"#)).await;
    let mut events = 0;
    loop {
        let (text, is_compressed) = back.next().await;
        assert!(!is_compressed);
        if text.starts_with("40/news,{") {
            break;
        }
        assert_eq!(text.matches('n').count(), 3000 + "news".matches('n').count());
        events += 1;
    }
    assert_eq!(events, 2);
    back.raw.text(r#"42/news,["publish",4000]"#).await;
    assert!(!back.next().await.1);
}

/// A session of long polling by requests of its own.
struct Polling {
    raw: Raw,
    session: String,
}

impl Polling {
    async fn open(server: &RunningServer) -> Self {
        let mut raw = Raw::dial(tcp(server)).await;
        let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let opened = raw.ask(request).await.body;
        let session = opened.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");
        Self { raw, session: session.to_owned() }
    }

    async fn post(&mut self, packets: &str) {
        let length = packets.len();
        let head = self.head("POST");
        let response = self.raw.ask(&format!("{head}Content-Length: {length}\r\n\r\n{packets}")).await;
        assert_eq!(response.status, 200);
    }

    async fn poll(&mut self) -> String {
        let head = self.head("GET");
        self.raw.ask(&format!("{head}\r\n")).await.body
    }

    fn head(&self, method: &str) -> String {
        let session = &self.session;
        format!("{method} /socket.io/?EIO=4&transport=polling&sid={session} HTTP/1.1\r\nHost: localhost\r\n")
    }
}
