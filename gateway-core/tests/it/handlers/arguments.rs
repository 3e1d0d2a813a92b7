//! Arguments as a list, whatever their number: read, relayed as they came, and sent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::extract::ToArgs;
use gateway_core::extract::{Args, RawArgs};
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Each field is an argument of its own.
#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("moved", args)]
struct Moved(String, u8, u8);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Upload {
    name: String,
    file: Bytes,
    preview: Option<Bytes>,
}

#[gateway(namespace = "/args")]
struct Arguments;

#[gateway]
impl Arguments {
    #[subscribe]
    fn place(&self, Args((piece, field)): Args<(String, u8)>) -> Args<(u8, String)> {
        Args((field, piece))
    }

    #[subscribe]
    fn place_maybe(&self, Args((piece, field)): Args<(String, Option<u8>)>) -> Data<(String, Option<u8>)> {
        Data((piece, field))
    }

    #[subscribe]
    fn count(&self, Args(list): Args<Vec<Value>>) -> usize {
        list.len()
    }

    #[subscribe]
    fn pair(&self, Data((one, other)): Data<(u8, u8)>) -> u8 {
        one + other
    }

    #[subscribe]
    fn echo(&self, args: RawArgs) -> RawArgs {
        args
    }

    #[subscribe]
    fn echo_by_ack(&self, args: RawArgs, ack: Ack) {
        ack.send(&args);
    }

    #[subscribe]
    fn inspect(&self, args: RawArgs) -> Value {
        let first: Value = args.read(0).unwrap();
        json!({"len": args.len(), "is_empty": args.is_empty(), "first": first, "json": args.json()})
    }

    /// Everything behind the room's name goes to the room.
    #[subscribe]
    fn relay(&self, namespace: Namespace, args: RawArgs) -> Result<(), Exception> {
        let room: String = args.read(0).map_err(|error| Exception::new("no_room", error.to_string()))?;
        namespace.to(room).emit("relayed", &args.skip(1));
        Ok(())
    }

    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn say(&self, socket: Socket) -> Result<Reply, Exception> {
        socket.emit("one", &1)?;
        socket.emit("one_of_a_list", &Args([1]))?;
        socket.emit("two", &Args((1, "a")))?;
        socket.emit("none", &Args(()))?;
        socket.emit("a_list", &vec![1, 2])?;
        socket.only().send(Moved("king".into(), 4, 5));
        Ok(Reply::event("replied", Args((true, 7))))
    }

    #[subscribe]
    fn finish(&self, ack: Ack) {
        ack.send(&Args((1, 2, 3)));
    }

    #[subscribe]
    async fn ask_two(&self, socket: Socket) -> Result<Data<(bool, String)>, Exception> {
        Ok(Data(socket.emit_with_ack("two?", &Args((1, 2))).await?))
    }

    #[subscribe]
    async fn ask_any(&self, socket: Socket) -> Result<usize, Exception> {
        let Args(answers): Args<Vec<Value>> = socket.emit_with_ack("any?", &()).await?;
        Ok(answers.len())
    }

    #[subscribe]
    async fn ask_unread(&self, socket: Socket) -> Result<RawArgs, Exception> {
        Ok(socket.emit_with_ack("unread?", &()).await?)
    }

    #[subscribe]
    fn upload(&self, socket: Socket, Args((upload, checksum)): Args<(Upload, Bytes)>) -> Result<Bytes, Exception> {
        socket.emit("uploaded", &Args((&upload, &checksum)))?;
        socket.emit("file", &upload.file)?;
        Ok(checksum)
    }

    #[subscribe]
    fn no_list(&self, socket: Socket) -> Value {
        let refused = socket.emit("no_list", &Args("text")).unwrap_err();
        json!([refused.to_string(), socket.broadcast().emit("no_list", &Args(5)).queued])
    }

    #[subscribe]
    fn replies_no_list(&self) -> Args<&'static str> {
        Args("text")
    }
}

async fn connect() -> (TestServer, TestClient) {
    let server = Server::empty().gateway::<Arguments>().test().await.unwrap();
    let client = server.connect("/args").await.unwrap();
    (server, client)
}

async fn ask(event: &str, data: Value) -> Result<Value, String> {
    let (_server, mut client) = connect().await;
    client.emit_with_ack(event, data).await.map_err(|failure| failure.message().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_list_is_read_whatever_its_length() {
    assert_eq!(ask("place", json!(["king", 4])).await, Ok(json!([4, "king"])));
    assert_eq!(ask("count", json!([1, 2, 3])).await, Ok(json!(3)));
    assert_eq!(ask("count", json!({"one": 1})).await, Ok(json!(1)));
    assert_eq!(ask("count", json!("one")).await, Ok(json!(1)));
    assert_eq!(ask("count", json!([])).await, Ok(json!(0)));
    assert_eq!(ask("count", Value::Null).await, Ok(json!(0)));
    assert_eq!(ask("count", json!([[1, 2]])).await, Ok(json!(1)));
    assert_eq!(ask("pair", json!([1, 2])).await, Ok(json!(3)));
}

#[tokio::test(start_paused = true)]
async fn what_is_optional_may_be_left_out_at_the_end() {
    assert_eq!(ask("place_maybe", json!(["king", 4])).await, Ok(json!(["king", 4])));
    assert_eq!(ask("place_maybe", json!(["king", null])).await, Ok(json!(["king", null])));
    assert_eq!(ask("place_maybe", json!(["king"])).await, Ok(json!(["king", null])));
    assert_eq!(ask("place_maybe", json!("king")).await, Ok(json!(["king", null])));
}

#[tokio::test(start_paused = true)]
async fn arguments_that_cannot_be_read_say_why_and_run_no_handler() {
    let failed = |why: &str| Err(format!("the arguments cannot be read: {why}"));
    let short = "$[1]: missing";
    assert_eq!(ask("place", json!(["king"])).await, failed(short));
    let wrong = "$[0]: expected a string, found a number";
    assert_eq!(ask("place", json!([5, 4])).await, failed(wrong));
    let long = "$: expected 2 elements, found 3";
    assert_eq!(ask("place", json!(["king", 4, 5])).await, failed(long));
    let none = "$[0]: missing";
    assert_eq!(ask("place_maybe", Value::Null).await, failed(none));
}

#[tokio::test(start_paused = true)]
async fn raw_arguments_say_what_they_are() {
    let check = async |data: Value, expected: Value| assert_eq!(ask("inspect", data).await, Ok(expected));
    check(json!([1, "a"]), json!({"len": 2, "is_empty": false, "first": 1, "json": "[1,\"a\"]"})).await;
    check(json!({"a": 1}), json!({"len": 1, "is_empty": false, "first": {"a": 1}, "json": "[{\"a\":1}]"})).await;
    check(Value::Null, json!({"len": 0, "is_empty": true, "first": null, "json": "[]"})).await;
}

/// Numbers beyond 64 bits and half of a surrogate pair: the test's client cannot read them either, and shows the frame.
#[tokio::test(start_paused = true)]
async fn what_came_is_answered_to_the_letter() {
    let deep = format!("{}1e400{}", "[".repeat(500), "]".repeat(500));
    let limits = Limits::new().json_depth(1000);
    let server = Server::empty().gateway::<Arguments>().limits(limits).test().await.unwrap();
    let mut client = server.connect("/args").await.unwrap();
    for data in [
        "1e400",
        r#"["\ud800", 12345678901234567890123 ,1.10]"#,
        r#"{"b":1e400, "a" : "\ud800","b":2}"#,
        r"[[1e400]]",
        &deep,
    ] {
        for event in ["echo", "echo_by_ack"] {
            client.send_text(&format!(r#"{{"event":"{event}","data":{data},"id":1}}"#)).await;
            let expected = format!(r#"{{"event":"{event}","data":{data},"id":1}}"#);
            assert_eq!(client.next().await, Received::Message(expected.into()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_small_comes_back_too() {
    for data in [json!("text"), json!(7), Value::Null, json!([]), json!([[]]), json!([1]), json!([1, [2]]), json!({})] {
        assert_eq!(ask("echo", data.clone()).await, Ok(data));
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_are_relayed_behind_those_a_handler_has_read() {
    let (server, mut ann) = connect().await;
    let mut bob = server.connect("/args").await.unwrap();
    bob.emit_with_ack::<()>("join", "a").await.unwrap();
    ann.send_text(r#"{"event":"relay","data":["a",1e400, {"x":"\ud800"} ]}"#).await;
    let relayed = r#"{"event":"relayed","data":[1e400, {"x":"\ud800"} ]}"#;
    assert_eq!(bob.next().await, Received::Message(relayed.into()));
    ann.emit("relay", json!(["a", "one"])).await;
    assert_eq!(bob.expect_named("relayed").await, json!("one"));
    ann.emit("relay", "a").await;
    assert_eq!(bob.expect_named("relayed").await, json!([]));
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn several_are_sent_as_their_array_and_one_as_itself() {
    let (_server, mut client) = connect().await;
    client.emit("say", ()).await;
    for (event, data) in [
        ("one", json!(1)),
        ("one_of_a_list", json!(1)),
        ("two", json!([1, "a"])),
        ("none", json!([])),
        ("a_list", json!([1, 2])),
    ] {
        assert_eq!(client.next().await, Received::Event { event: event.into(), data });
    }
    assert_eq!(client.expect::<Moved>().await, Moved("king".into(), 4, 5));
    assert_eq!(client.expect_named("replied").await, json!([true, 7]));
    assert_eq!(client.emit_with_ack::<Value>("finish", ()).await.unwrap(), json!([1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn several_arguments_of_an_answer_are_their_array() {
    let (_server, mut client) = connect().await;
    let id = client.begin("ask_two", ()).await;
    let (ask, question) = client.expect_question("two?").await;
    assert_eq!(question, json!([1, 2]));
    client.answer(ask, json!([true, "yes"])).await;
    let reply = |data: Value, event: &str| Received::Reply { id, event: event.into(), data, more: false };
    assert_eq!(client.next().await, reply(json!([true, "yes"]), "ask_two"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_read_as_a_list_of_any_length_or_not_at_all() {
    let (_server, mut client) = connect().await;
    for (answer, count) in [(json!([1, 2, 3]), 3), (json!("one"), 1), (Value::Null, 0)] {
        client.begin("ask_any", ()).await;
        let (ask, _) = client.expect_question("any?").await;
        client.answer(ask, answer).await;
        let Received::Reply { data, .. } = client.next().await else { panic!("no reply") };
        assert_eq!(data, count);
    }
    let id = client.begin("ask_unread", ()).await;
    let (ask, _) = client.expect_question("unread?").await;
    client.send_text(&format!(r#"{{"answer":{ask},"data":[1e400, 1]}}"#)).await;
    let expected = format!(r#"{{"event":"ask_unread","data":[1e400, 1],"id":{id}}}"#);
    assert_eq!(client.next().await, Received::Message(expected.into()));
}

#[tokio::test(start_paused = true)]
async fn binary_parts_are_base64_where_there_is_only_text() {
    let (_server, mut client) = connect().await;
    let upload = json!({"name": "a.txt", "file": "aGVsbG8=", "preview": null});
    let checksum: String = client.emit_with_ack("upload", (&upload, "AAE=")).await.unwrap();
    assert_eq!(checksum, "AAE=");
    assert_eq!(client.expect_named("uploaded").await, json!([upload, "AAE="]));
    assert_eq!(client.expect_named("file").await, "aGVsbG8=");
    let failure =
        client.emit_with_ack::<Value>("upload", json!([{"name": "a", "file": "?"}, "AAE="])).await.unwrap_err();
    assert_eq!(failure.code(), Some("unreadable"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_list_cannot_be_spread() {
    let (_server, mut client) = connect().await;
    let refused: Value = client.emit_with_ack("no_list", ()).await.unwrap();
    assert_eq!(refused, json!(["the value cannot be serialised", 0]));
    assert_eq!(client.emit_with_ack::<Value>("replies_no_list", ()).await.unwrap_err().code(), Some("unserializable"));
}

#[test]
fn a_handler_of_arguments_is_an_ordinary_method() {
    assert_eq!(Arguments.place(Args(("king".into(), 4))), Args((4, "king".into())));
    assert_eq!(Arguments.count(Args(vec![json!(1)])), 1);
    let args = Args((1, "a")).to_args().unwrap();
    assert_eq!(Arguments.echo(args.clone()), args);
    assert_eq!(Arguments.inspect(args)["len"], 2);
}

/// Several arguments of Socket.IO clients, read as parameters: `socket.emit(event, …args, ack)`.
mod over_socket_io {
    use super::*;

    /// A client, and a second one in the room `a`.
    async fn connect() -> (TestServer, TestClient, TestClient) {
        let server = Server::empty().gateway::<Arguments>().test().await.unwrap();
        let ann = server.connect("/args").socket_io().await.unwrap();
        let mut bob = server.connect("/args").socket_io().await.unwrap();
        bob.emit_with_ack::<()>("join", "a").await.unwrap();
        (server, ann, bob)
    }

    async fn call(client: &mut TestClient, event_and_args: &str) -> Value {
        client.send_text(&format!("42/args,9[{event_and_args}]")).await;
        match client.next().await {
            Received::Reply { id: 9, data, more: false, .. } => data,
            other => panic!("{event_and_args} was answered by {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn parameters_are_arguments_however_many() {
        let (_server, mut ann, _bob) = connect().await;
        for (call_of, answer) in [
            (r#""place","king",4"#, json!([4, "king"])),
            (r#""place_maybe","king",4"#, json!(["king", 4])),
            (r#""place_maybe","king""#, json!(["king", null])),
            (r#""pair",1,2"#, json!(3)),
            (r#""count""#, json!(0)),
            (r#""count",null"#, json!(1)),
            (r#""count",1,2,3"#, json!(3)),
            // One argument that is a list: not its elements, as on plain WebSocket.
            (r#""count",[1,2,3]"#, json!(1)),
            (r#""echo",1,[2],null"#, json!([1, [2], null])),
            (r#""finish""#, json!([1, 2, 3])),
        ] {
            assert_eq!(call(&mut ann, call_of).await, answer, "{call_of}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_is_spread() {
        let (_server, mut ann, mut bob) = connect().await;
        ann.send_text(r#"42/args,["say"]"#).await;
        assert_eq!(ann.expect_named("one").await, 1);
        assert_eq!(ann.expect_named("one_of_a_list").await, 1);
        assert_eq!(ann.expect_named("two").await, json!([1, "a"]));
        assert_eq!(ann.expect_named("none").await, Value::Null);
        assert_eq!(ann.expect::<Moved>().await, Moved("king".into(), 4, 5));
        assert_eq!(ann.expect_named("replied").await, json!([true, 7]));
        ann.send_text(r#"42/args,["relay","a",1,{"b":2}]"#).await;
        assert_eq!(bob.expect_named("relayed").await, json!([1, {"b": 2}]));
    }

    #[tokio::test(start_paused = true)]
    async fn acks_of_the_client_have_several_arguments_too() {
        let (_server, mut ann, _bob) = connect().await;
        ann.begin("ask_two", ()).await;
        let (ask, question) = ann.expect_question("two?").await;
        assert_eq!(question, json!([1, 2]));
        ann.send_text(&format!(r#"43/args,{ask}[true,"yes"]"#)).await;
        let Received::Reply { data, .. } = ann.next().await else { panic!("no reply") };
        assert_eq!(data, json!([true, "yes"]));
        for (answer, count) in [("[]", 0), ("[[1,2]]", 1), ("[1,2]", 2)] {
            ann.begin("ask_any", ()).await;
            let (ask, _) = ann.expect_question("any?").await;
            ann.send_text(&format!("43/args,{ask}{answer}")).await;
            let Received::Reply { data, .. } = ann.next().await else { panic!("no reply") };
            assert_eq!(data, count, "{answer}");
        }
    }

    /// The test's client shows binary parts as the base64 that a plain client would read.
    #[tokio::test(start_paused = true)]
    async fn binary_parts_are_attachments_and_base64_to_a_plain_client_in_the_room() {
        let (server, mut ann, mut bob) = connect().await;
        let mut plain = server.connect("/args").await.unwrap();
        plain.emit_with_ack::<()>("join", "a").await.unwrap();
        let part = |number: usize| json!({"_placeholder": true, "num": number});
        let upload = json!({"name": "a.txt", "file": part(1), "preview": null});
        ann.send_text(&format!(r#"452-/args,9["upload",{upload},{}]"#, part(0))).await;
        ann.send_message(Bytes::from_static(b"\x00\x01")).await;
        ann.send_message(Bytes::from_static(b"hello")).await;
        let uploaded = json!([{"name": "a.txt", "file": "aGVsbG8=", "preview": null}, "AAE="]);
        assert_eq!(ann.expect_named("uploaded").await, uploaded);
        assert_eq!(ann.expect_named("file").await, "aGVsbG8=");
        assert!(matches!(ann.next().await, Received::Reply { id: 9, data, .. } if data == "AAE="));

        // In another order than they came.
        ann.send_text(&format!(r#"452-/args,["relay","a",{},{{"b":{}}}]"#, part(1), part(0))).await;
        ann.send_message(Bytes::from_static(b"first")).await;
        ann.send_message(Bytes::from_static(b"second")).await;
        let relayed = json!(["c2Vjb25k", {"b": "Zmlyc3Q="}]);
        assert_eq!(bob.expect_named("relayed").await, relayed);
        assert_eq!(plain.expect_named("relayed").await, relayed);
    }
}
