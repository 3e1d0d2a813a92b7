//! Every public option has its key in a configuration, or its reason why not, and a line in the documented example.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gateway_core::cluster::ClusterOptions;
use gateway_core::config::{ConfigReader, ServerConfig};
use gateway_core::limits::Limits;
use gateway_core::serve::{Drain, Recovery};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The documented example.
const EXAMPLE: &str = include_str!("../../../../examples/config/gateway.toml");
/// Every type of options carries it.
const OPTIONS: &str = "#[must_use = \"options do nothing before a server has them\"]";

/// The way from an option to a configuration.
enum OptionKey {
    /// It is this key, which takes values such as this one.
    Key(&'static str, Value),
    /// It needs a feature that is not on here.
    Off,
    /// It is part of the program, for this reason.
    Program(&'static str),
}

use OptionKey::{Key, Off, Program};

const CODE: &str = "a type or a function of the program";
const SELECTION: &str = "which gateways there are is up to the program";

fn gated(is_on: bool, key: &'static str, value: Value) -> OptionKey {
    if is_on { Key(key, value) } else { Off }
}

fn of_server() -> Vec<(&'static str, OptionKey)> {
    vec![
        ("admin", Program("a secret: the hash of its password")),
        ("allow_any_origin", Key("allow_origins", json!(["*"]))),
        ("allow_origin", Key("allow_origins", json!(["https://app.example"]))),
        ("allow_request", Program(CODE)),
        ("also_listen", Key("listen", json!(["127.0.0.1:3000", "127.0.0.1:3001"]))),
        ("banner", Key("banner", json!(false))),
        ("cluster", Program("the core knows no engine; `examples/config` chooses one by a table of its own")),
        ("cluster_options", Key("cluster", json!({"queue_messages": 5}))),
        ("config", Program("it takes the configuration")),
        ("deflate", gated(cfg!(feature = "deflate"), "deflate", json!({"level": 9}))),
        ("drain", Key("drain", json!({"delay": "1s"}))),
        ("engine_io", Program("it names a raw gateway of the program; `EngineIo` can be read by itself")),
        ("explorer", gated(cfg!(feature = "explorer"), "explorer", json!("/explorer"))),
        ("fallback", Program(CODE)),
        ("fallback_fn", Program(CODE)),
        ("filter", Program(CODE)),
        ("gateway", Program(SELECTION)),
        ("gateway_with", Program(SELECTION)),
        ("guard", Program(CODE)),
        ("http2", gated(cfg!(feature = "http2"), "http2", json!({"streams": 5}))),
        ("intercept", Program(CODE)),
        ("limits", Key("limits", json!({"streams": 5}))),
        ("lines", Key("lines", json!(["127.0.0.1:3001"]))),
        ("measure", Key("measure", json!(["posted"]))),
        ("message_format", Program(CODE)),
        ("monitoring", Key("monitoring", json!("127.0.0.1:9000"))),
        ("nestjs_compat", Key("nestjs_compat", json!(true))),
        ("on_incoming", Program(CODE)),
        ("on_listening", Program(CODE)),
        ("on_outgoing", Program(CODE)),
        ("provide", Program(CODE)),
        ("provide_per_socket", Program(CODE)),
        ("provide_with", Program(CODE)),
        ("proxy_protocol", Key("proxy_protocol", json!(["10.0.0.1"]))),
        ("recovery", Key("recovery", json!({"events": 5}))),
        ("require_namespaces", Program(SELECTION)),
        ("server_sent_events", Key("server_sent_events", json!({"posts": 5}))),
        ("socket_io", Key("socket_io", json!({"path": "/io/"}))),
        ("subprotocols", Key("subprotocols", json!(["mqtt"]))),
        ("trust_proxies", Key("trust_proxies", json!(["10.0.0.1"]))),
        ("without_socket_io", Key("socket_io", json!("none"))),
    ]
}

fn of_socket_io() -> Vec<(&'static str, OptionKey)> {
    vec![
        ("allow_request", Program(CODE)),
        ("allow_upgrades", Key("allow_upgrades", json!(false))),
        ("client_bundle", Program("a file that the program includes")),
        ("connect_timeout", Key("connect_timeout", json!("1s"))),
        ("cookie", Key("cookie", json!({"name": "sticky"}))),
        ("cors", Key("cors", json!({"origins": ["*"]}))),
        ("http_compression", gated(cfg!(feature = "http-compression"), "http_compression", json!(1024))),
        ("initial_headers", Program(CODE)),
        ("max_http_buffer_size", Key("max_http_buffer_size", json!(5))),
        ("parser", Key("parser", json!("messagepack"))),
        ("path", Key("path", json!("/io/"))),
        ("per_message_deflate", gated(cfg!(feature = "deflate"), "per_message_deflate", json!({"level": 9}))),
        ("ping_interval", Key("ping_interval", json!("1s"))),
        ("ping_timeout", Key("ping_timeout", json!("1s"))),
        ("transports", Key("transports", json!(["polling"]))),
        ("upgrade_timeout", Key("upgrade_timeout", json!("1s"))),
    ]
}

fn of_cookie() -> Vec<(&'static str, OptionKey)> {
    vec![
        ("domain", Key("domain", json!("example.com"))),
        ("http_only", Key("http_only", json!(false))),
        ("max_age", Key("max_age", json!("1h"))),
        ("new", Key("name", json!("sticky"))),
        ("path", Key("path", json!("/chat"))),
        ("same_site", Key("same_site", json!("none"))),
        ("secure", Key("secure", json!(true))),
    ]
}

fn of_cors() -> Vec<(&'static str, OptionKey)> {
    vec![
        ("allowed_headers", Key("allowed_headers", json!(["x-a"]))),
        ("any", Key("origins", json!(["*"]))),
        ("credentials", Key("credentials", json!(true))),
        ("exposed_headers", Key("exposed_headers", json!(["x-a"]))),
        ("max_age", Key("max_age", json!("1h"))),
        ("methods", Key("methods", json!(["GET"]))),
        ("origins", Key("origins", json!(["https://app.example"]))),
    ]
}

fn of_event_streams() -> Vec<(&'static str, OptionKey)> {
    vec![
        ("cors", Key("cors", json!({"origins": ["*"]}))),
        ("heartbeat", Key("heartbeat", json!("1s"))),
        ("new", Program("the defaults")),
        ("posts", Key("posts", json!(5))),
        ("retry", Key("retry", json!("1s"))),
        ("single_requests", Key("single_requests", json!(true))),
    ]
}

fn source(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap()
}

/// Names of the public functions of these files that return the type they belong to.
fn setters(files: &[&str]) -> BTreeSet<String> {
    let texts = files.iter().map(|file| source(file));
    let functions = texts.flat_map(|text| text.split("pub fn ").skip(1).map(str::to_owned).collect::<Vec<_>>());
    let setters = functions.filter(|function| {
        let signature = function.split('{').next().unwrap();
        signature.contains("-> Self") && !signature.contains("&self")
    });
    setters.map(|function| function.split(['(', '<']).next().unwrap().to_owned()).collect()
}

/// Compares the setters with the table, and reads the value of each key.
fn check(files: &[&str], left_out: &[&str], table: Vec<(&'static str, OptionKey)>, read: impl Fn(Value) -> String) {
    let mut known: BTreeSet<String> = setters(files);
    known.retain(|name| !left_out.contains(&name.as_str()));
    let named: BTreeSet<String> = table.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(known, named, "each public option of {files:?} has its row in this test: a key or a reason");
    let default = read(json!({}));
    for (name, key) in table {
        match key {
            Key(key, value) => {
                assert_ne!(read(json!({ key: value })), default, "`{key}`, the key of `{name}`, changes nothing");
            }
            Program(why) => assert!(!why.is_empty()),
            Off => {}
        }
    }
}

/// The server's configuration with this value under these tables, as its `Debug` shows it.
fn shown(tables: &[&str], value: Value) -> String {
    let nested = tables.iter().rev().fold(value, |value, table| json!({ *table: value }));
    format!("{:?}", serde_json::from_value::<ServerConfig>(nested).unwrap())
}

#[test]
fn every_option_of_a_server_has_its_key_or_its_reason() {
    let files = ["server", "operations", "provide", "contract"].map(|name| format!("server/builder/{name}.rs"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    check(&files, &["new", "empty"], of_server(), |value| shown(&[], value));
    check(&["server/builder/socket_io_options.rs"], &["new"], of_socket_io(), |value| shown(&["socket_io"], value));
    check(&["server/engine_io/cookie.rs"], &[], of_cookie(), |value| shown(&["socket_io", "cookie"], value));
    check(&["server/engine_io/cors.rs"], &[], of_cors(), |value| shown(&["socket_io", "cors"], value));
    check(&["server/event_stream/options.rs"], &[], of_event_streams(), |value| shown(&["server_sent_events"], value));
}

#[cfg(feature = "tls")]
#[test]
fn every_option_of_a_certificate_has_its_key() {
    let known = setters(&["transport/tls/files.rs"]);
    assert_eq!(known, BTreeSet::new(), "setters of `Tls` return a `Result`");
    let functions = source("transport/tls/files.rs");
    for key in ["require_client_certificates", "accept_client_certificates"] {
        assert!(functions.contains(&format!("pub fn {key}(self")), "{key}");
        let files = json!({"certificate": "a.pem", "key": "b.pem", key: "c.pem"});
        assert!(shown(&["tls"], files).contains(&format!("{key}: Some(\"c.pem\")")));
    }
}

/// Types of options and the tables that hold them; a new one needs its row.
#[test]
fn every_type_of_options_is_in_the_configuration() {
    let rows = [
        ("Admin", "none: see `admin` above"),
        ("ClusterOptions", "cluster"),
        ("Cors", "socket_io.cors"),
        ("Deflate", "deflate"),
        ("Drain", "drain"),
        ("EngineIo", "none: see `engine_io` above"),
        ("Http2", "http2"),
        ("Limits", "limits"),
        ("Recovery", "recovery"),
        ("ServerConfig", "all of it"),
        ("ServerSentEvents", "server_sent_events"),
        ("SessionCookie", "socket_io.cookie"),
        ("SocketIo", "socket_io"),
    ];
    let mut found = BTreeSet::new();
    types(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let named: BTreeSet<String> = rows.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, named);
}

fn types(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            types(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for marker in [OPTIONS, "\noptions! {\n"] {
            let names = text
                .split(marker)
                .skip(1)
                .filter_map(|rest| rest.split_once("pub struct ")?.1.split([' ', '<']).next());
            found.extend(names.filter(|name| !name.starts_with('$')).map(str::to_owned));
        }
    }
}

/// The keys that a table knows, from the words of its refusal.
fn known_keys<T: DeserializeOwned>(value: Value) -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(value).err().expect("`?` is no key").to_string();
    let (_, list) = error.split_once("expected ").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The lines of a table of the example: keys with their values, and whether they stand behind a hash.
fn example(table: &str) -> Vec<(String, String, bool)> {
    let heading = format!("[{table}]");
    let is_heading = |line: &str| line.trim_start_matches("# ") == heading;
    let inside = EXAMPLE.lines().skip_while(|line| !is_heading(line)).skip(1);
    let inside = inside.take_while(|line| !line.trim_start_matches("# ").starts_with('['));
    let keys = inside.filter_map(|line| {
        let (text, is_default) = line.strip_prefix("# ").map_or((line, false), |rest| (rest, true));
        let (key, value) = text.split_once(" = ")?;
        let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        is_key.then(|| (key.to_owned(), value.to_owned(), is_default))
    });
    keys.collect()
}

#[test]
fn every_key_is_in_the_documented_example() {
    let unknown = json!({"?": 0});
    let mut tables = vec![
        ("server.limits", known_keys::<ServerConfig>(json!({"limits": unknown}))),
        ("server.drain", known_keys::<ServerConfig>(json!({"drain": unknown}))),
        ("server.recovery", known_keys::<ServerConfig>(json!({"recovery": unknown}))),
        ("server.cluster", known_keys::<ServerConfig>(json!({"cluster": unknown}))),
        ("server.socket_io", known_keys::<ServerConfig>(json!({"socket_io": unknown}))),
        ("server.socket_io.cookie", known_keys::<ServerConfig>(json!({"socket_io": {"cookie": unknown}}))),
        ("server.socket_io.cors", known_keys::<ServerConfig>(json!({"socket_io": {"cors": unknown}}))),
        ("server.server_sent_events", known_keys::<ServerConfig>(json!({"server_sent_events": unknown}))),
        ("server", known_keys::<ServerConfig>(unknown.clone())),
    ];
    for (is_on, table, name) in [
        (cfg!(feature = "tls"), "server.tls", "tls"),
        (cfg!(feature = "deflate"), "server.deflate", "deflate"),
        (cfg!(feature = "http2"), "server.http2", "http2"),
    ] {
        if is_on {
            tables.push((table, known_keys::<ServerConfig>(json!({ name: unknown }))));
        }
    }
    for (table, known) in tables {
        let shown: BTreeSet<String> = example(table).into_iter().map(|(key, ..)| key).collect();
        let is_shown = |key: &&String| shown.contains(*key) || EXAMPLE.contains(&format!("[{table}.{key}]"));
        let missing: Vec<&String> = known.iter().filter(|key| !is_shown(key)).collect();
        assert!(missing.is_empty(), "`[{table}]` of the example does not show {missing:?}");
    }
}

#[test]
fn values_behind_a_hash_are_the_defaults() {
    fn check<T: DeserializeOwned + Default + PartialEq + std::fmt::Debug>(table: &str) {
        let defaults = example(table).into_iter().filter(|(.., is_default)| *is_default);
        let text = defaults.map(|(key, value, _)| format!("{key} = {value}\n")).collect::<Vec<_>>().concat();
        assert!(!text.is_empty(), "{table}");
        assert_eq!(ConfigReader::new().text(table, text).read::<T>().unwrap(), T::default(), "{table}");
    }
    check::<Limits>("server.limits");
    check::<Drain>("server.drain");
    check::<Recovery>("server.recovery");
    check::<ClusterOptions>("server.cluster");
    #[cfg(feature = "deflate")]
    check::<gateway_core::serve::Deflate>("server.deflate");
    #[cfg(feature = "http2")]
    check::<gateway_core::serve::Http2>("server.http2");
}
