//! Encrypted connections to a server with a certificate of its own.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use gateway_core::cluster::Engine;
use gateway_postgres::rustls::pki_types::CertificateDer;
use gateway_postgres::rustls::{ClientConfig, RootCertStore};
use gateway_postgres::{Emitter, Postgres, PostgresError};
use rcgen::CertifiedKey;

use crate::support::{Server, TestNode, database_of_its_own, event, give_to_server};

/// Starts a server; returns its URL, its certificate and itself.
fn start_server() -> Option<(String, CertificateDer<'static>, Server)> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start_with(|directory| {
        let files = [("cert", cert.pem()), ("key", signing_key.serialize_pem())];
        let setting = |(name, pem): (&str, String)| {
            let file = directory.join(name);
            fs::write(&file, pem).unwrap();
            give_to_server(&file);
            format!("ssl_{name}_file={}", file.display())
        };
        let mut settings: Vec<_> = files.map(setting).into();
        settings.extend(["listen_addresses=127.0.0.1".to_owned(), format!("port={port}"), "ssl=on".to_owned()]);
        settings
    });
    let url = format!("postgres://test@localhost:{port}/postgres?hostaddr=127.0.0.1&sslmode=require");
    server.map(|server| (url, cert.der().clone(), server))
}

fn trusting(certificates: &[CertificateDer<'static>]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_encrypted_and_the_certificate_is_checked() {
    let Some((url, certificate, server)) = tokio::task::spawn_blocking(start_server).await.unwrap() else { return };
    let builder = || Postgres::builder(&url).create_table();
    assert!(matches!(builder().connect().await, Err(PostgresError::Connect(_))));
    assert!(matches!(builder().tls(trusting(&[])).connect().await, Err(PostgresError::Connect(_))));
    let trusting = || trusting(std::slice::from_ref(&certificate));
    let mut ann = TestNode::starting(builder().tls(trusting()).connect().await.unwrap()).await;
    ann.engine.enter_namespace(&Arc::from("/")).await;
    let emitter: Emitter = builder().tls(trusting()).connect_emitter().await.unwrap();
    emitter.emit("e", &"x".repeat(100_000)).await.unwrap();
    assert_eq!(event(&ann.message().await.message.body), "e");
    drop((ann, emitter));
    tokio::task::spawn_blocking(|| drop(server)).await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_needs_no_encryption() {
    let database = database_of_its_own!();
    let builder = Postgres::builder(&database.url).tls(trusting(&[]));
    assert!(builder.connect().await.is_ok());
}
