//! Files and variables as an operator writes them, and what is said of each slip of the pen.

use std::collections::HashMap;

use gateway_core::config::{ConfigError, ConfigReader, ServerConfig};
use serde::Deserialize;

/// A configuration of an application, with a server's inside it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    greeting: String,
    workers: u8,
    ratio: f64,
    verbose: bool,
    ports: Vec<u16>,
    mode: Mode,
    labels: HashMap<String, String>,
    server: ServerConfig,
}

#[derive(Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Quiet,
    Loud,
}

#[derive(Debug, Deserialize)]
struct Needed {
    url: String,
    #[serde(default)]
    pool: Option<Pool>,
}

#[derive(Debug, Deserialize)]
struct Pool {
    size: usize,
}

fn file(text: &str) -> ConfigReader {
    ConfigReader::new().text("app.toml", text)
}

/// The faults, a line each.
fn faults<T: for<'de> Deserialize<'de>>(reader: ConfigReader) -> Vec<String> {
    let error: ConfigError = reader.read::<T>().err().expect("it was accepted");
    error.faults().iter().map(ToString::to_string).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(faults::<Settings>(file(text)), expected, "{text}");
}

fn check_variables(variables: &[(&str, &str)], expected: &[&str]) {
    let reader = ConfigReader::new().variables("APP", variables.iter().copied());
    assert_eq!(faults::<Settings>(reader), expected, "{variables:?}");
}

#[test]
fn values_come_from_files_and_variables_and_the_later_wins() {
    let first = "greeting = 'hello'\nworkers = 2\nports = [1, 2]\n[labels]\nzone = 'a'\n";
    let second = "workers = 3\nratio = 0.5\n[labels]\nrack = 'b'\n";
    let variables = [
        ("APP_VERBOSE", "true"),
        ("APP_MODE", "loud"),
        ("APP_PORTS", "80, 443"),
        ("APP_GREETING", "5"),
        ("APP_LABELS__ROW", "7"),
        ("APPLE_WORKERS", "9"),
        ("APP", "9"),
    ];
    let reader = file(first).text("other.toml", second).variables("APP", variables);
    let Settings { greeting, workers, ratio, verbose, ports, mode, labels, .. } = reader.read().unwrap();
    assert_eq!((greeting.as_str(), workers, ratio, verbose), ("5", 3, 0.5, true));
    assert_eq!((ports, mode), (vec![80, 443], Mode::Loud));
    let label = |key: &str| labels.get(key).map(String::as_str);
    assert_eq!((label("zone"), label("rack"), label("row")), (Some("a"), Some("b"), Some("7")));
}

#[test]
fn a_variable_takes_the_place_of_a_table_and_a_table_that_of_a_value() {
    let server = |reader: ConfigReader| format!("{:?}", reader.read::<Settings>().unwrap().server);
    let table = "[server.socket_io]\npath = '/realtime/'";
    let off = server(file(table).variables("APP", [("APP_SERVER__SOCKET_IO", "none")]));
    assert!(off.contains("socket_io: None"), "{off}");
    let on = file("[server]\nsocket_io = 'none'").variables("APP", [("APP_SERVER__SOCKET_IO__PATH", "/io/")]);
    assert!(server(on).contains("\"/io/\""));
}

#[test]
fn an_unknown_key_is_told_with_the_one_that_comes_nearest() {
    check(
        "[server]\nlistne = ['x']\n\n[server.limits]\nconections = 5\n",
        &[
            "app.toml:2: `server.listne`: unknown key; did you mean `listen`?",
            "app.toml:5: `server.limits.conections`: unknown key; did you mean `connections`?",
        ],
    );
    check("[server.limit]\nconnections = 5", &["app.toml:1: `server.limit`: unknown key; did you mean `limits`?"]);
    check("grating = 'x'", &["app.toml:1: `grating`: unknown key; did you mean `greeting`?"]);
    check_variables(
        &[("APP_SERVER__LIMTS__CONNECTIONS", "5"), ("APP_WORKER", "5")],
        &[
            "APP_SERVER__LIMTS__CONNECTIONS: `server.limts`: unknown key; did you mean `APP_SERVER__LIMITS__CONNECTIONS`?",
            "APP_WORKER: `worker`: unknown key; did you mean `APP_WORKERS`?",
        ],
    );
}

#[test]
fn a_key_in_the_wrong_table_is_told_with_its_own() {
    check(
        "[server]\nmessage_bytes = 1",
        &["app.toml:2: `server.message_bytes`: unknown key; it belongs to `server.limits`"],
    );
    check("limits = {}", &["app.toml:1: `limits`: unknown key; it belongs to `server`"]);
    check("[server]\nzzz = 1", &["app.toml:2: `server.zzz`: unknown key"]);
    let drain = "app.toml:1: `server.drain.zzz`: unknown key; there are delay, window, close_code, retry_within";
    check("server.drain.zzz = 1", &[drain]);
}

#[test]
fn a_wrong_value_is_told_with_what_is_expected() {
    let limits = |line: &str, expected: &str| {
        check(&format!("[server.limits]\n{line}"), &[&format!("app.toml:2: `server.limits.{expected}")]);
    };
    limits("ping_interval = 30", "ping_interval`: expected a time with its unit, such as \"30s\", found 30");
    limits("ping_interval = 'soon'", "ping_interval`: expected a time with its unit, such as \"30s\", found \"soon\"");
    limits("headers = 'many'", "headers`: expected a whole number, found a text");
    limits("headers = -1", "headers`: expected a whole number, found -1");
    limits("connections = 1.5", "connections`: expected a whole number, found 1.5");
    limits("connections = true", "connections`: expected a whole number, found true");
    limits("events_per_second = 0", "events_per_second`: expected a whole number from 1 to 4294967295, found 0");
    limits(
        "overflow = 'drop_olest'",
        "overflow`: expected one of `close`, `drop_newest`, `drop_oldest`, found `drop_olest`; did you mean `drop_oldest`?",
    );
    check("workers = 300", &["app.toml:1: `workers`: expected a whole number from 0 to 255, found 300"]);
    check("verbose = 'yes'", &["app.toml:1: `verbose`: expected `true` or `false`, found a text"]);
    check("greeting = 5", &["app.toml:1: `greeting`: expected a text, found 5"]);
    check("server = 5", &["app.toml:1: `server`: expected a table, found 5"]);
    check("ports = 80", &["app.toml:1: `ports`: expected a list, found 80"]);
    check(
        "server.drain.close_code = 1006",
        &["app.toml:1: `server.drain.close_code`: 1006 may not stand in a close frame (RFC 6455 §7.4)"],
    );
    check(
        "[server.socket_io.cookie]\nname = 'a=b'",
        &["app.toml:1: `server.socket_io.cookie`: `a=b` may not be the name of a cookie (RFC 6265 §4.1.1)"],
    );
    check_variables(
        &[("APP_SERVER__LIMITS__HEADERS", "many"), ("APP_VERBOSE", "on"), ("APP_PORTS", "80,https,443,x")],
        &[
            "APP_PORTS: `ports.1`: expected a whole number from 0 to 65535, found a text",
            "APP_SERVER__LIMITS__HEADERS: `server.limits.headers`: expected a whole number, found a text",
            "APP_VERBOSE: `verbose`: expected `true` or `false`, found a text",
        ],
    );
}

#[test]
fn all_faults_of_a_list_have_their_own_lines() {
    check(
        "ports = [\n  80,\n  'https',\n  443,\n  -1,\n]",
        &[
            "app.toml:3: `ports.1`: expected a whole number from 0 to 65535, found a text",
            "app.toml:5: `ports.3`: expected a whole number from 0 to 65535, found -1",
        ],
    );
}

#[test]
fn a_text_in_the_place_of_another_value_is_not_repeated() {
    let secret = faults::<Settings>(file("workers = 'hunter2'"));
    assert!(!secret[0].contains("hunter2"), "{secret:?}");
    let reader = file("greeting = 'hunter2'").variables("APP", [("APP_WORKERS", "hunter2")]);
    assert!(!format!("{reader:?}").contains("hunter2"));
}

#[test]
fn a_missing_key_is_told_with_its_table_and_a_wrong_one_only_once() {
    let Needed { url, pool } = file("url = 'x'\npool.size = 3").read().unwrap();
    assert_eq!((url.as_str(), pool.map(|Pool { size }| size)), ("x", Some(3)));
    let needed = |text: &str| faults::<Needed>(file(text));
    assert_eq!(needed(""), ["the configuration: `url` is missing"]);
    assert_eq!(needed("url = 'x'\n[pool]"), ["app.toml:2: `pool`: `size` is missing"]);
    assert_eq!(
        needed("pool.size = 'x'\nurl = 5"),
        [
            "app.toml:1: `pool.size`: expected a whole number, found a text",
            "app.toml:2: `url`: expected a text, found 5",
        ]
    );
}

#[test]
fn every_place_that_is_no_toml_has_its_line() {
    let faults = faults::<Settings>(file("workers = 1\nports = [1 2]\n\nverbose = ture\n"));
    assert!(faults.iter().any(|fault| fault.starts_with("app.toml:2: no TOML: ")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.starts_with("app.toml:4: no TOML: ")), "{faults:?}");
    let twice = self::faults::<Settings>(file("workers = 1\nworkers = 2\n"));
    assert_eq!(twice, ["app.toml:2: no TOML: duplicate key"]);
}

#[test]
fn a_file_may_be_absent_where_the_program_says_so() {
    let folder = std::env::temp_dir().join(format!("gateway-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (present, absent) = (folder.join("present.toml"), folder.join("absent.toml"));
    std::fs::write(&present, "workers = 7\nsever = {}").unwrap();
    let optional = ConfigReader::new().optional_file(&absent).text("app.toml", "workers = 4");
    assert_eq!(optional.read::<Settings>().unwrap().workers, 4);
    let missing = faults::<Settings>(ConfigReader::new().file(&absent));
    assert!(missing[0].starts_with(&format!("{}: the file cannot be read: ", absent.display())), "{missing:?}");
    let wrong = faults::<Settings>(ConfigReader::new().file(&present));
    assert_eq!(wrong, [format!("{}:2: `sever`: unknown key; did you mean `server`?", present.display())]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_error_of_the_configuration_is_one_of_the_start() {
    fn main() -> Result<ServerConfig, gateway_core::StartError> {
        Ok(file("limit = {}\nbaner = true").read()?)
    }
    let error = main().unwrap_err();
    let report = "the configuration has 2 faults:
  app.toml:1: `limit`: unknown key; did you mean `limits`?
  app.toml:2: `baner`: unknown key; did you mean `banner`?";
    assert_eq!((error.to_string().as_str(), format!("{error:?}").as_str()), (report, report));
}
