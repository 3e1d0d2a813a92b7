//! Requests that are slow, large or mean two things at once.

use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_tests::{Raw, upgrade_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::server::Probe;

/// Sends everything and reads until the server closes.
async fn talk(server: &Probe, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
    let _closed = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_head_has_its_time_as_a_whole() {
    let limits = Limits::new().handshake_timeout(Duration::from_millis(300));
    let server = Probe::with(|server| server.limits(limits)).await;
    let stream = TcpStream::connect(server.address).await.expect("the server listens");
    let (mut reads, mut writes) = stream.into_split();
    writes.write_all(b"GET /probe HTTP/1.1\r\n").await.expect("the server reads");
    let dripping = async {
        for line in 0..90 {
            sleep(Duration::from_millis(50)).await;
            if writes.write_all(format!("X-{line}: 1\r\n").as_bytes()).await.is_err() {
                return line;
            }
        }
        90
    };
    let mut answer = Vec::new();
    // The server's end is heard before the client has no more to say.
    tokio::select! {
        lines = dripping => assert!(lines < 90, "it is waited for as long as it drips"),
        _ = reads.read_to_end(&mut answer) => println!("ended while the client drips"),
    }
    assert!(!String::from_utf8_lossy(&answer).contains(" 101 "));
    let mut rest = Vec::new();
    let _ended = reads.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn hundreds_that_dawdle_keep_nobody_out() {
    let server = Probe::start().await;
    let mut dawdlers = Vec::new();
    for number in 0..500 {
        let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
        let begun = &b"GET /probe HTTP/1.1\r\nHost: localhost\r\n"[..number % 39];
        stream.write_all(begun).await.expect("the server reads");
        dawdlers.push(stream);
    }
    let mut times = Vec::new();
    for _ in 0..100 {
        let since = std::time::Instant::now();
        let mut client = server.connect().await;
        client.text(r#"{"event":"echo","data":1}"#).await;
        assert_eq!(client.next_text().await, r#"{"event":"echo","data":1}"#);
        times.push(since.elapsed());
    }
    times.sort_unstable();
    println!("99 of 100 connected and answered within {:?} beside {} that dawdle", times[98], dawdlers.len());
}

#[tokio::test]
async fn a_head_without_end_is_refused_before_it_is_read() {
    let server = Probe::start().await;
    let endless = [
        format!("GET /probe HTTP/1.1\r\nX: {}", "x".repeat(20 * 1024)),
        format!("GET /probe HTTP/1.1\r\n{}", "X: x\r\n".repeat(150)) + &"X: x\r\n".repeat(4 * 1024),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n", "x".repeat(20 * 1024)),
        format!("GET /probe?{} HTTP/1.1\r\nHost: localhost\r\n", "x".repeat(20 * 1024)),
    ];
    for head in endless {
        let mut client = Raw::dial(server.address).await;
        let response = client.ask(&head).await;
        println!("{} after {} bytes", response.status, head.len());
        assert!([431, 414].contains(&response.status), "{response:?}");
    }
}

#[tokio::test]
async fn a_request_that_names_two_hosts_is_of_no_host() {
    let server = Probe::start().await;
    let origin = "Host: evil.example\r\nOrigin: http://evil.example\r\n";
    for more in [origin, "Host: evil.example\r\nOrigin: http://localhost\r\n"] {
        let mut client = Raw::dial(server.address).await;
        assert_eq!(client.ask(&upgrade_request("/probe", more)).await.status, 403);
    }
}

/// Whatever a request means to a proxy in front, no second one is read out of its body.
#[tokio::test]
async fn no_request_is_smuggled_behind_another() {
    let server = Probe::start().await;
    let polling = "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: localhost\r\n";
    let heads =
        [polling, "POST /probe HTTP/1.1\r\nHost: localhost\r\n", "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n"];
    let smuggled = "GET /probe HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let twice = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("Content-Length: 0\r\nContent-Length: 5\r\n", ""),
        ("Content-Length: 5, 0\r\n", "hello"),
        ("Content-Length: +0\r\n", ""),
        ("Content-Length: -1\r\n", ""),
        ("Content-Length: 18446744073709551616\r\n", ""),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("X: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("X: \0\r\n", ""),
        // A line that goes on in the next (RFC 9112 §5.2).
        ("X: y\r\n\tContent-Length: 5\r\n", ""),
        // A line that ends without CR: what one reader takes for a value is a header to the other.
        ("X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("X: y\nContent-Length: 0\r\nContent-Length: 5\r\n", ""),
        ("Content-Length: 5\rX: y\r\n", "hello"),
    ];
    for head in heads {
        for (headers, body) in twice {
            let answer = talk(&server, &format!("{head}{headers}\r\n{body}{smuggled}")).await;
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head}{headers:?}: {answer}");
            // RFC 9112 §6.1: a length beside chunks is refused, or passed over and the connection ended.
            let refused = if head == polling { "HTTP/1.1 400 " } else { "HTTP/1.1 4" };
            assert!(answer.starts_with(refused), "{head}{headers:?}: {answer}");
        }
    }
    let long_extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20 * 1024));
    let chunks = [
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\r\nhello\r\n0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        &long_extension,
    ];
    for body in chunks {
        let head = format!("{polling}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
        let answer = talk(&server, &format!("{head}{body}{smuggled}")).await;
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{body:?}: {answer}");
    }
}
