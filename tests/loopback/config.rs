//! A server that listens where its configuration says, with its certificate.

use gateway_core::config::{ConfigReader, ServerConfig};
use gateway_core::prelude::*;
use gateway_core::serve::{Endpoint, LocalAddr, RunningServer};
use gateway_tests::Raw;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::rustls::pki_types::ServerName;

use crate::server::tcp;
use crate::tls::Files;

#[gateway(namespace = "/config")]
struct Configured;

#[gateway]
impl Configured {
    #[subscribe]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }
}

async fn start(reader: ConfigReader) -> RunningServer {
    let config: ServerConfig = reader.read().expect("a right configuration");
    let server = Server::empty().gateway::<Configured>().config(config);
    server.start(Endpoint::configured()).await.expect("a server that starts")
}

async fn greeted(stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"{\"connect\":\"/config\"}\n").await.expect("it is written");
    let mut line = String::new();
    stream.read_line(&mut line).await.expect("a line");
    line
}

#[tokio::test]
async fn a_server_listens_at_every_address_with_the_certificate_of_its_configuration() {
    let files = Files::new();
    let path = files.path("gateway.sock");
    let text = format!(
        "listen = ['https://127.0.0.1:0', 'unix:{}']\nlines = ['tls://127.0.0.1:0', '127.0.0.1:0']\nmonitoring = '127.0.0.1:0'\n\
         [tls]\ncertificate = '{}'\nkey = '{}'\n",
        path.display(),
        files.path("cert.pem").display(),
        files.path("key.pem").display()
    );
    let server = start(ConfigReader::new().text("app.toml", text)).await;

    let encrypted = async |address| {
        let stream = TcpStream::connect(address).await.expect("a connection");
        files
            .connector()
            .connect(ServerName::try_from("localhost").expect("a name"), stream)
            .await
            .expect("a handshake")
    };
    let mut secure = Raw::over(encrypted(tcp(&server)).await);
    secure.upgrade("/config").await;
    secure.text(r#"{"event":"echo","data":"by TLS"}"#).await;
    assert_eq!(secure.next_text().await, r#"{"event":"echo","data":"by TLS"}"#);

    let mut local = Raw::over(UnixStream::connect(&path).await.expect("a connection"));
    local.upgrade("/config").await;
    local.text(r#"{"event":"echo","data":"by a path"}"#).await;
    assert_eq!(local.next_text().await, r#"{"event":"echo","data":"by a path"}"#);

    let lines: Vec<_> = server.lines_addrs().iter().filter_map(LocalAddr::as_tcp).collect();
    let [by_tls, plain] = lines[..] else { panic!("two addresses") };
    assert!(greeted(encrypted(by_tls).await).await.starts_with(r#"{"session":"#));
    assert!(greeted(TcpStream::connect(plain).await.expect("a connection")).await.starts_with(r#"{"session":"#));
    assert!(server.monitoring_addr().is_some());
    server.stop().await;
}

#[tokio::test]
async fn another_endpoint_is_served_beside_those_of_the_configuration() {
    let config = ConfigReader::new().variables("APP", [("APP_LISTEN", "127.0.0.1:0")]);
    let config: ServerConfig = config.read().expect("a right configuration");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let server = Server::empty().gateway::<Configured>().config(config).start(listener).await.expect("it starts");
    assert_eq!(tcp(&server), address);
    server.stop().await;
}

#[tokio::test]
async fn a_configuration_without_an_address_stops_the_start() {
    let server = Server::empty().gateway::<Configured>().config(ServerConfig::default());
    let error = server.start(Endpoint::configured()).await.expect_err("it started").to_string();
    assert!(error.contains("the configuration names no address to listen on"), "{error}");
}
