//! The page, built into the binary. Everything comes from this server, and the headers hold the browser to that.

use std::borrow::Cow;

use gateway_core::serve::Body;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, content type, content.
pub(crate) const FILES: [(&str, &str, &str); 8] = [
    ("/", HTML, include_str!("web/index.html")),
    ("/chat.css", CSS, include_str!("web/chat.css")),
    ("/chat.js", SCRIPT, include_str!("web/chat.js")),
    ("/outgoing.js", SCRIPT, include_str!("web/outgoing.js")),
    ("/view.js", SCRIPT, include_str!("web/view.js")),
    ("/gateway.js", SCRIPT, include_str!("web/gateway.js")),
    ("/socket-io.js", SCRIPT, include_str!("web/socket-io.js")),
    ("/favicon.svg", SVG, include_str!("web/favicon.svg")),
];

/// Answers what is no WebSocket.
#[allow(clippy::needless_pass_by_value, reason = "the fallback's signature")]
pub(crate) fn serve(request: Request<Body>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refused = Response::builder().status(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, "GET, HEAD");
        return refused.body(Body::empty()).expect("constant headers are valid");
    }
    let path = request.uri().path();
    let file = FILES.iter().find(|(known, ..)| *known == path);
    let (status, kind, content) = match file {
        Some((_, kind, content)) => (StatusCode::OK, *kind, Cow::Borrowed(*content)),
        None if path == "/socket-io.html" => (StatusCode::OK, HTML, Cow::Owned(over_socket_io())),
        None => (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", Cow::Borrowed("Nothing is here.\n")),
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(REFERRER_POLICY, "no-referrer")
        .header(CACHE_CONTROL, "no-cache")
        .body(content.into_owned().into())
        .expect("constant headers are valid")
}

/// The page with the other client's script.
fn over_socket_io() -> String {
    include_str!("web/index.html").replace("<html ", "<html data-client=\"./socket-io.js\" ")
}
