use gateway_core::prelude::*;

#[gateway(namespace = "/chat/")]
struct Trailing;

#[gateway(namespace = "/chat//room")]
struct Empty;

#[gateway(namespace = "/chat/{room}{id}")]
struct Half;

#[gateway(namespace = "/chat/{room name}")]
struct Space;

#[gateway(namespace = "/chat/{}")]
struct Nameless;

#[gateway(namespace = "/{id}/{id}")]
struct Twice;

#[gateway(namespace = "/chat?room=1")]
struct Query;

#[gateway(namespace = "")]
struct Nothing;

fn main() {}
