//! Credentials of clients are in no log, whatever goes wrong; and no text of a client breaks a line of it.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, OnceLock};

use gateway_tests::{Frame, Raw, Received, upgrade_request};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::server::Probe;

/// One field of the log.
struct Written {
    name: &'static str,
    text: String,
    /// The subscriber escapes this value: it does so with texts, and writes values with `Display` as they are.
    is_escaped: bool,
}

/// Everything that anybody logs in this process, at every level.
static WRITTEN: Mutex<Vec<Written>> = Mutex::new(Vec::new());

struct Log;

impl Log {
    /// It must be there before anything is logged: what was logged to nobody once is never heard.
    fn listen() {
        static LISTENING: OnceLock<()> = OnceLock::new();
        LISTENING.get_or_init(|| tracing::subscriber::set_global_default(Self).expect("no other log"));
    }

    fn look<T>(look: impl FnOnce(&[Written]) -> T) -> T {
        look(&WRITTEN.lock().expect("no test fails in here"))
    }
}

struct Fields;

impl Fields {
    fn note(field: &Field, text: String, is_escaped: bool) {
        WRITTEN.lock().expect("no test fails in here").push(Written { name: field.name(), text, is_escaped });
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        Self::note(field, value.to_owned(), true);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        Self::note(field, format!("{value:?}"), false);
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Fields);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Texts that no log may contain.
const SECRETS: [&str; 6] =
    ["query-6a1f93", "header-6a1f93", "cookie-6a1f93", "payload-6a1f93", "cHJvdG9jb2w2YTFmOTM", "namespace-6a1f93"];

/// A request with a secret in each place that has room for one.
fn secretive(path: &str, more: &str) -> String {
    let [query, header, cookie, _, protocol, _] = SECRETS;
    let more = format!(
        "Authorization: Bearer {header}\r\nCookie: session={cookie}\r\nX-Api-Key: {header}\r\n\
         Sec-WebSocket-Protocol: gateway.v1, auth.{protocol}\r\n{more}"
    );
    upgrade_request(&format!("{path}?token={query}&auth=%22{query}%22"), &more)
}

/// Every way a handshake ends, and what clients are told.
async fn handshakes(server: &Probe) -> String {
    let mut told = String::new();
    let requests = [
        secretive("/probe", ""),
        secretive("/nowhere", ""),
        secretive("/probe", "Origin: http://evil.example\r\n"),
        secretive("/probe", "").replace("Version: 13", "Version: 12"),
        secretive("/probe", "").replace("Key: dGh", "Key: "),
        secretive("/probe", &"X: x\r\n".repeat(200)),
        secretive("/probe", "no header\r\n"),
        secretive("/socket.io/", ""),
        secretive("/socket.io/", "").replace('?', "?EIO=4&transport=websocket&sid=wrong&"),
    ];
    for request in requests {
        let response = Raw::dial(server.address).await.ask(&request).await;
        let _ = write!(told, "{response:?}");
    }
    told
}

/// Every way an event ends, and what its client is told.
async fn events(server: &Probe) -> String {
    let payload = SECRETS[3];
    let mut client = Raw::dial(server.address).await;
    assert_eq!(client.ask(&secretive("/probe", "")).await.status, 101);
    let mut told = String::new();
    for event in ["length", "typed", "panic", "nobody", "tell"] {
        client.text(&format!(r#"{{"event":"{event}","data":["{payload}"],"id":1}}"#)).await;
        let _ = write!(told, "{:?}", client.next().await);
    }
    client.text(&format!(r#"{{"event":"{payload}"#)).await;
    let _ = write!(told, "{:?}", client.next().await);
    client.send(Frame::text(payload).unmasked()).await;
    let _ = write!(told, "{:?}", client.next().await);
    told
}

/// By long polling: its session's id is a secret too.
async fn polling(server: &Probe) -> String {
    let [query, header, cookie, _, _, namespace] = SECRETS;
    let mut client = Raw::dial(server.address).await;
    let headers = format!("Host: localhost\r\nAuthorization: {header}\r\nCookie: a={cookie}\r\n");
    let path = format!("/socket.io/?EIO=4&transport=polling&token={query}");
    let opened = client.ask(&format!("GET {path} HTTP/1.1\r\n{headers}\r\n")).await;
    let id = opened.body.split('"').nth(3).expect("a session").to_owned();
    for body in [format!(r#"40/probe,{{"token":"{namespace}"}}"#), "nonsense".to_owned()] {
        let length = body.len();
        let post = format!("POST {path}&sid={id} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        client.ask(&post).await;
    }
    client.ask(&format!("GET {path}&sid={id} HTTP/1.1\r\n{headers}\r\n")).await;
    id
}

#[tokio::test]
async fn secrets_are_in_no_log_and_no_answer() {
    Log::listen();
    let mut server = Probe::start().await;
    let mut told = handshakes(&server).await;
    told += &events(&server).await;
    let session = polling(&server).await;
    assert!(server.ends.recv().await.is_some());

    let lines = Log::look(<[Written]>::len);
    println!("{lines} fields were logged");
    assert!(lines > 20, "the log was heard");
    for secret in SECRETS.into_iter().chain([session.as_str()]) {
        assert!(!told.contains(secret), "{secret}: {told}");
        Log::look(|written| {
            let leak = written.iter().find(|field| field.text.contains(secret));
            assert!(leak.is_none(), "{secret} is in `{}`", leak.map_or("", |field| field.name));
        });
    }
}

#[tokio::test]
async fn what_clients_name_breaks_no_line_of_the_log() {
    Log::listen();
    let server = Probe::start().await;
    let mut client = server.connect().await;
    let fake = r"x6a1f94\n2026-01-01 ERROR all is lost \u001b[31m";
    let long = format!("{fake}{}", "y".repeat(300_000));
    for name in [fake, &long] {
        for event in [name, "typed"] {
            client.text(&format!(r#"{{"event":"{event}","data":"{name}","id":1}}"#)).await;
            assert!(matches!(client.next().await, Received::Text(_)));
        }
    }
    client.send(Frame::close(4000, "x6a1f94\n2026 ERROR \u{1b}[31m")).await;
    assert!(matches!(client.next().await, Received::Close(..)));
    let path = "/probe%0a2026-01-01%20ERROR%20x6a1f94%1b%5b31m";
    assert_eq!(Raw::dial(server.address).await.ask(&upgrade_request(path, "")).await.status, 404);

    let named = Log::look(|written| {
        for field in written {
            let is_clean = field.is_escaped || !field.text.contains(char::is_control);
            assert!(is_clean, "`{}` is written as it came: {:?}", field.name, field.text);
            assert!(field.text.len() <= 4096, "`{}` has {} bytes", field.name, field.text.len());
        }
        let named = written.iter().filter(|field| field.text.contains("x6a1f94"));
        named.map(|field| field.text.len()).collect::<Vec<_>>()
    });
    println!("names of clients in the log have {named:?} bytes");
    assert!(!named.is_empty(), "the name was heard");
    assert!(named.iter().all(|length| *length <= 256));
}
