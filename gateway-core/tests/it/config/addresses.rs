//! Addresses and certificates of a configuration, before anything listens. `tests/loopback` connects to some.

use gateway_core::Problem;
use gateway_core::config::{ConfigReader, ServerConfig};
use gateway_core::prelude::*;

use super::Echo;

fn read(text: &str) -> ServerConfig {
    ConfigReader::new().text("app.toml", text).read().unwrap()
}

fn refused(key: &str, address: &str) -> String {
    let reader = ConfigReader::new().text("app.toml", format!("{key} = [\"{address}\"]"));
    let error = reader.read::<ServerConfig>().expect_err("it was accepted");
    error.faults()[0].what().to_owned()
}

fn problems(text: &str) -> Vec<String> {
    match Server::empty().gateway::<Echo>().config(read(text)).check() {
        Ok(()) => Vec::new(),
        Err(StartError::Problems(problems)) => problems.iter().map(Problem::what).map(str::to_owned).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_address_has_a_port_or_a_path_and_a_scheme_of_its_clients() {
    let accepted = [
        "listen = ['127.0.0.1:3000', '[::1]:80', 'localhost:0', 'http://0.0.0.0:80', 'unix:/run/app.sock']",
        "lines = ['127.0.0.1:3001', 'tcp://0.0.0.0:3001', 'unix:lines.sock']",
        "monitoring = '127.0.0.1:9000'",
        "monitoring = 'none'",
    ];
    for text in accepted {
        assert_eq!(problems(text), [""; 0], "{text}");
    }
    for address in ["3000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", ":80", "unix:", "tcp://127.0.0.1:80", ""]
    {
        assert_eq!(
            refused("listen", address),
            format!(
                "expected an address such as \"127.0.0.1:3000\", \"http://127.0.0.1:3000\", \"https://0.0.0.0:443\" or \"unix:/run/app.sock\", found {address:?}"
            )
        );
    }
    let expected = "expected an address such as \"127.0.0.1:3000\", \"tcp://127.0.0.1:3000\", \"tls://0.0.0.0:443\" or \"unix:/run/app.sock\", found \"https://0.0.0.0:443\"";
    assert_eq!(refused("lines", "https://0.0.0.0:443"), expected);
}

#[cfg(not(feature = "tls"))]
#[test]
fn an_encrypted_address_names_the_feature_that_it_needs() {
    assert_eq!(refused("listen", "https://0.0.0.0:443"), "`https://` needs the feature `tls` of gateway-core");
}

#[cfg(feature = "tls")]
#[test]
fn an_encrypted_address_has_a_certificate_and_a_certificate_an_address() {
    assert_eq!(
        problems("listen = ['https://0.0.0.0:443']\nlines = ['tls://0.0.0.0:3001']"),
        [
            "`tls://0.0.0.0:3001` has no certificate in the configuration",
            "`https://0.0.0.0:443` has no certificate in the configuration",
        ]
    );
    let unreadable = "listen = ['https://0.0.0.0:443']\n[tls]\ncertificate = 'absent.pem'\nkey = 'absent-key.pem'";
    let [problem] = &problems(unreadable)[..] else { panic!("one problem") };
    assert!(problem.starts_with("no TLS: absent.pem cannot be read: "), "{problem}");
    let own = "lines = [{ address = '0.0.0.0:3001', tls = { certificate = 'own.pem', key = 'own-key.pem' } }]";
    let [problem] = &problems(own)[..] else { panic!("one problem") };
    assert!(problem.starts_with("no TLS: own.pem cannot be read: "), "{problem}");
}

#[cfg(feature = "tls")]
#[test]
fn a_slip_in_the_table_of_an_address_is_told() {
    let reader = ConfigReader::new().text("app.toml", "lines = [\n  { adress = '0.0.0.0:3001', tls = {} }\n]");
    let error = reader.read::<ServerConfig>().expect_err("it was accepted");
    let told: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "app.toml:2: `lines.0.adress`: unknown key; did you mean `address`?");
}
