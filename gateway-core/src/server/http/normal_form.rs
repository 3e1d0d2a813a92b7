//! Requests of HTTP/2 in the form that routes know from HTTP/1.1, so that nothing behind depends on the version.

use http::header::{COOKIE, HOST, HeaderValue};
use http::{HeaderMap, Request, Version};

use crate::server::http::body::Body;

/// Gives a request of HTTP/2 its `Host` and one line of cookies. One that asks for a WebSocket becomes a `GET` with the mark of
/// its kind.
pub(crate) fn normal_form(mut request: Request<Body>) -> Request<Body> {
    if request.version() != Version::HTTP_2 {
        return request;
    }
    // RFC 9113 §8.3.1: the authority stands in place of the header.
    if let Some(host) = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    join_cookies(request.headers_mut());
    #[cfg(feature = "http2")]
    extended_connect::mark(&mut request);
    request
}

/// RFC 9113 §8.2.3: a client may send each cookie in a line of its own; joined they are one.
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(feature = "http2")]
mod extended_connect {
    use http::{Method, Request};
    use hyper::ext::Protocol;

    use crate::server::http::body::Body;
    use crate::transport::ExtendedConnect;

    /// RFC 8441 §5: the protocol's name is compared without case, as in `Upgrade`.
    pub(super) fn mark(request: &mut Request<Body>) {
        let extensions = request.extensions();
        let own = extensions.get::<h2::ext::Protocol>().map(h2::ext::Protocol::as_str);
        let protocol = own.or_else(|| extensions.get::<Protocol>().map(Protocol::as_str));
        if request.method() == Method::CONNECT && protocol.is_some_and(|name| name.eq_ignore_ascii_case("websocket")) {
            *request.method_mut() = Method::GET;
            request.extensions_mut().insert(ExtendedConnect);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version) -> Request<Body> {
        let request = Request::builder().uri("https://chat.example:8443/chat?a=1").version(version);
        request.header(COOKIE, "a=1").header(COOKIE, "b=2").body(Body::empty()).unwrap()
    }

    #[test]
    fn a_request_of_http_2_reads_like_one_of_http_1() {
        let seen = normal_form(request(Version::HTTP_2));
        assert_eq!(seen.headers()[HOST], "chat.example:8443");
        assert_eq!(seen.headers().get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
        let seen = normal_form(request(Version::HTTP_11));
        assert_eq!(seen.headers().get(HOST), None);
        assert_eq!(seen.headers().get_all(COOKIE).iter().count(), 2);
    }
}
