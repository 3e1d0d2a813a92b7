//! Arguments of handlers: each extractor, one's own, and what a client is told when one cannot be read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::extract::{EventName, Path};
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Point {
    x: i32,
    #[serde(default)]
    y: i32,
}

/// The language a client asked for: an extractor for handlers and hooks alike.
#[derive(Clone, Debug, PartialEq)]
struct Language(String);

impl<On> FromContext<On> for Language {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let header = context.socket()?.handshake().header("accept-language");
        header.map(|value| Self(value.to_owned())).ok_or_else(|| Rejection::new("no_language", "say your language"))
    }
}

/// The length of the payload's text, for handlers only.
struct Length(usize);

impl FromContext for Length {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(Self(context.data().map_or(0, |data| data.get().len())))
    }
}

#[derive(Deserialize)]
struct User {
    name: String,
}

#[gateway(namespace = "/extract")]
struct Extract {
    #[inject(default)]
    calls: std::sync::atomic::AtomicUsize,
}

#[gateway]
impl Extract {
    #[on_connect]
    fn joined(&self, socket: Socket, language: Result<Language, Rejection>) {
        if let Ok(language) = language {
            socket.set_state(language);
        }
    }

    #[subscribe]
    fn point(&self, Data(point): Data<Point>) -> Data<Point> {
        self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Data(point)
    }

    #[subscribe]
    fn calls(&self) -> usize {
        self.calls.load(std::sync::atomic::Ordering::Relaxed)
    }

    #[subscribe]
    fn maybe(&self, Data(point): Data<Option<Point>>) -> bool {
        point.is_some()
    }

    #[subscribe]
    fn unread(&self, Data(raw): Data<Box<RawValue>>) -> Box<RawValue> {
        raw
    }

    #[subscribe]
    fn bytes(&self, bytes: Bytes) -> usize {
        bytes.len()
    }

    #[subscribe("a name with spaces")]
    fn name(&self, EventName(name): EventName) -> String {
        name
    }

    #[subscribe]
    fn state(&self, State(number): State<u64>, State(text): State<Arc<str>>) -> String {
        format!("{number} {text}")
    }

    #[subscribe]
    fn unprovided(&self, number: Result<State<i8>, Rejection>) -> Result<(), Rejection> {
        number.map(drop)
    }

    #[subscribe]
    fn handshake(&self, handshake: Handshake) -> Value {
        json!({
            "path": handshake.path(),
            "query": handshake.query("q"),
            "header": handshake.header("x-test"),
            "cookie": handshake.cookie("session"),
            "peer": handshake.peer(),
            "user": handshake.auth::<User>().map(|user| user.name).map_err(|error| error.to_string()),
        })
    }

    #[subscribe]
    fn namespace(&self, namespace: Namespace, socket: Socket) -> bool {
        namespace.name() == "/extract" && namespace.sockets().contains(&socket)
    }

    #[subscribe]
    fn language(&self, Language(language): Language) -> String {
        language
    }

    #[subscribe]
    fn kept_language(&self, socket: Socket) -> Option<String> {
        socket.state::<Language>().map(|language| language.0.clone())
    }

    #[subscribe]
    fn length(&self, Length(length): Length) -> usize {
        length
    }

    #[subscribe]
    fn lenient(&self, point: Result<Data<Point>, Rejection>, language: Result<Language, Rejection>) -> Value {
        json!([point.map(|Data(point)| point.x).map_err(|rejection| rejection.to_string()), language.is_ok()])
    }

    #[subscribe]
    #[allow(clippy::too_many_arguments, reason = "any number of arguments")]
    fn all(
        &self,
        ack: Ack,
        Length(length): Length,
        Data(point): Data<Point>,
        socket: Socket,
        Data(again): Data<Value>,
        _: EventName,
        _: Namespace,
    ) {
        assert!(socket.is_connected());
        ack.send(&json!([length, point, again]));
    }

    #[subscribe]
    fn first_failure(&self, _ack: Ack, _: Language, _: Data<Point>) {}
}

async fn connect() -> (TestServer, TestClient) {
    let server =
        Server::empty().gateway::<Extract>().provide(7_u64).provide(Arc::<str>::from("seven")).test().await.unwrap();
    let client = server.connect("/extract").await.unwrap();
    (server, client)
}

/// The answer to one request, or the code and message of its failure.
async fn ask(event: &str, data: Value) -> Result<Value, (String, String)> {
    let (_server, mut client) = connect().await;
    let answer = client.emit_with_ack::<Value>(event, data).await;
    answer.map_err(|failure| (failure.code().unwrap_or_default().to_owned(), failure.message().to_owned()))
}

fn failed(code: &str, message: &str) -> Result<Value, (String, String)> {
    Err((code.to_owned(), message.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn data_is_read_into_its_type() {
    assert_eq!(ask("point", json!({"x": 1, "y": 2, "z": 3})).await, Ok(json!({"x": 1, "y": 2})));
    assert_eq!(ask("point", json!({"x": 1})).await, Ok(json!({"x": 1, "y": 0})));
    assert_eq!(ask("maybe", Value::Null).await, Ok(json!(false)));
    assert_eq!(ask("maybe", json!({"x": 1})).await, Ok(json!(true)));
    assert_eq!(ask("unread", json!({"b": [1.50], "a": null})).await, Ok(json!({"b": [1.50], "a": null})));
}

#[tokio::test(start_paused = true)]
async fn data_that_cannot_be_read_says_where_and_runs_no_handler() {
    let missing = "the data cannot be read: $.x: missing";
    assert_eq!(ask("point", json!({})).await, failed("unreadable", missing));
    let null = "the data cannot be read: $: missing";
    assert_eq!(ask("point", Value::Null).await, failed("unreadable", null));
    let (_server, mut client) = connect().await;
    client.emit_with_ack::<Value>("point", "no point").await.unwrap_err();
    client.send_text(r#"{"event":"point","id":9}"#).await;
    client.next().await;
    assert_eq!(client.emit_with_ack::<usize>("calls", ()).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_base64() {
    assert_eq!(ask("bytes", json!("aGk=")).await, Ok(json!(2)));
    assert_eq!(ask("bytes", json!("")).await, Ok(json!(0)));
    for wrong in [json!("aGk"), json!("a b="), json!(7), Value::Null] {
        assert_eq!(ask("bytes", wrong).await, failed("unreadable", "the data is neither binary nor a base64 string"));
    }
}

#[tokio::test(start_paused = true)]
async fn names_and_services_and_the_namespace_are_there() {
    assert_eq!(ask("a name with spaces", Value::Null).await, Ok(json!("a name with spaces")));
    assert_eq!(ask("state", Value::Null).await, Ok(json!("7 seven")));
    assert_eq!(ask("namespace", Value::Null).await, Ok(json!(true)));
    assert_eq!(ask("length", json!([1, 2])).await, Ok(json!(5)));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_nobody_provided_is_none_of_the_clients_business() {
    assert_eq!(ask("unprovided", Value::Null).await, failed("internal", "Internal server error"));
}

#[tokio::test(start_paused = true)]
async fn the_handshake_is_that_of_the_request() {
    let (server, mut client) = connect().await;
    let bare: Value = client.emit_with_ack("handshake", ()).await.unwrap();
    let nothing = json!({"path": "/extract", "query": null, "header": null, "cookie": null, "peer": null, "user": {"Err": "no credentials were sent"}});
    assert_eq!(bare, nothing);

    let connecting = server
        .connect("/extract?q=a%20b")
        .query("q", "second")
        .header("X-Test", "yes")
        .header("cookie", "a=b; session=s3");
    let mut client = connecting.auth(json!({"name": "ann"})).await.unwrap();
    let full: Value = client.emit_with_ack("handshake", ()).await.unwrap();
    let expected = json!({"path": "/extract", "query": "a b", "header": "yes", "cookie": "s3", "peer": null, "user": {"Ok": "ann"}});
    assert_eq!(full, expected);

    let mut client = server.connect("/extract").query("auth", r#"{"name":"bob"}"#).await.unwrap();
    assert_eq!(client.emit_with_ack::<Value>("handshake", ()).await.unwrap()["user"], json!({"Ok": "bob"}));
    let mut client = server.connect("/extract").query("auth", "a token").await.unwrap();
    assert_eq!(
        client.emit_with_ack::<Value>("handshake", ()).await.unwrap()["user"],
        json!({"Err": "the credentials cannot be read"})
    );
}

#[tokio::test(start_paused = true)]
async fn an_extractor_of_ones_own_works_in_handlers_and_in_hooks() {
    let (server, mut silent) = connect().await;
    let failure = silent.emit_with_ack::<String>("language", ()).await.unwrap_err();
    let expected = json!({"status": "error", "message": "say your language", "code": "no_language", "cause": {"pattern": "language"}});
    assert_eq!(*failure.payload(), expected);
    assert_eq!(silent.emit_with_ack::<Option<String>>("kept_language", ()).await.unwrap(), None);

    let mut client = server.connect("/extract").header("accept-language", "de").await.unwrap();
    assert_eq!(client.emit_with_ack::<String>("language", ()).await.unwrap(), "de");
    assert_eq!(client.emit_with_ack::<Option<String>>("kept_language", ()).await.unwrap(), Some("de".into()));
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_go_on_without_an_argument() {
    assert_eq!(ask("lenient", json!({"x": 3})).await, Ok(json!([{"Ok": 3}, false])));
    let answer = ask("lenient", json!(3)).await.unwrap();
    let why = answer[0]["Err"].as_str().unwrap();
    assert_eq!(why, "the data cannot be read: $: expected an object, found a number");
}

#[tokio::test(start_paused = true)]
async fn arguments_may_be_many_in_any_order_and_read_the_same_data() {
    let point = json!({"x": 1, "y": 2});
    assert_eq!(ask("all", point.clone()).await, Ok(json!([13, point, point])));
}

#[tokio::test(start_paused = true)]
async fn the_first_argument_that_cannot_be_read_is_told() {
    assert_eq!(ask("first_failure", json!("no point")).await, failed("no_language", "say your language"));
}

#[derive(Deserialize)]
struct Seat {
    game: String,
    player: u32,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    White,
    Black,
}

#[gateway(namespace = "/game/{game}/player/{player}")]
struct Game;

#[gateway]
impl Game {
    #[subscribe]
    fn tuple(&self, Path((game, player)): Path<(String, u32)>) -> String {
        format!("{game} {player}")
    }

    #[subscribe]
    fn by_name(&self, Path(Seat { game, player }): Path<Seat>) -> String {
        format!("{game} {player}")
    }

    #[subscribe]
    fn map(&self, Path(values): Path<BTreeMap<String, String>>) -> Data<BTreeMap<String, String>> {
        Data(values)
    }

    #[subscribe]
    fn single(&self, only: Result<Path<String>, Rejection>) -> Result<(), Rejection> {
        only.map(drop)
    }
}

#[gateway(namespace = "/color/{color}")]
struct Colored;

#[gateway]
impl Colored {
    #[on_connect]
    fn joined(&self, _: Path<Color>) {}

    #[subscribe]
    fn color(&self, Path(color): Path<Color>) -> Data<Color> {
        Data(color)
    }
}

#[tokio::test(start_paused = true)]
async fn parameters_are_read_by_place_by_name_and_alone() {
    let server = Server::empty().gateway::<Game>().gateway::<Colored>().test().await.unwrap();
    let mut client = server.connect("/game/go%20%2F%20fish/player/7").await.unwrap();
    assert_eq!(client.emit_with_ack::<String>("tuple", ()).await.unwrap(), "go / fish 7");
    assert_eq!(client.emit_with_ack::<String>("by_name", ()).await.unwrap(), "go / fish 7");
    assert_eq!(client.emit_with_ack::<Value>("map", ()).await.unwrap(), json!({"game": "go / fish", "player": "7"}));
    let failure = client.emit_with_ack::<Value>("single", ()).await.unwrap_err();
    assert_eq!(
        (failure.code(), failure.message()),
        (Some("unreadable"), "the path cannot be read: the namespace has 2 parameters, not one")
    );
    let mut black = server.connect("/color/black").await.unwrap();
    assert_eq!(black.emit_with_ack::<String>("color", ()).await.unwrap(), "black");
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_cannot_be_read_fails_the_handler_or_refuses_the_client() {
    let server = Server::empty().gateway::<Game>().gateway::<Colored>().test().await.unwrap();
    let mut client = server.connect("/game/go/player/seven").await.unwrap();
    let failure = client.emit_with_ack::<Value>("tuple", ()).await.unwrap_err();
    assert_eq!(failure.code(), Some("unreadable"));
    assert!(
        failure.message().starts_with("the path cannot be read: invalid value: string \"seven\", expected u32"),
        "{failure}"
    );
    let error = server.connect("/color/red").await.unwrap_err();
    assert!(error.to_string().contains("unknown variant `red`"), "{error}");
}

#[tokio::test]
async fn a_handler_is_an_ordinary_method() {
    let gateway = Extract { calls: 3.into() };
    assert_eq!(gateway.calls(), 3);
    assert_eq!(gateway.point(Data(Point { x: 1, y: 2 })), Data(Point { x: 1, y: 2 }));
    assert_eq!(gateway.bytes(Bytes::from_static(b"four")), 4);
    assert_eq!(gateway.name(EventName("any".into())), "any");
    assert_eq!(gateway.state(State(1), State("one".into())), "1 one");
    let lenient = gateway.lenient(Err(Rejection::new("x", "no point")), Ok(Language("de".into())));
    assert_eq!(lenient, json!([{"Err": "no point"}, true]));
    assert_eq!(Game.tuple(Path(("go".into(), 1))), "go 1");
}
