//! Files of the JavaScript client that browsers load from the server's path. The application provides them.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use http::{Response, StatusCode};

use crate::server::http::body::Body;

/// Files by name under the path.
#[derive(Clone, Default)]
pub(crate) struct ClientFiles(Vec<Arc<ClientFile>>);

struct ClientFile {
    name: String,
    bytes: Bytes,
    tag: HeaderValue,
}

impl ClientFiles {
    /// Adds a file. A later file replaces an earlier one of its name.
    pub(crate) fn add(&mut self, name: String, bytes: Bytes) {
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        let tag = format!("\"{:016x}\"", hasher.finish());
        let tag = HeaderValue::try_from(tag).expect("hexadecimal digits in quotes");
        self.0.retain(|file| file.name != name);
        self.0.push(Arc::new(ClientFile { name, bytes, tag }));
    }

    /// Returns the response with this file to a request with these headers.
    pub(super) fn respond(&self, name: &str, request: &HeaderMap) -> Option<Response<Body>> {
        let file = self.0.iter().find(|file| file.name == name)?;
        let is_known = request.get(IF_NONE_MATCH).is_some_and(|tags| file.is_among(tags));
        let mut response = Response::new(if is_known { Body::empty() } else { Body::from(file.bytes.clone()) });
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(ETAG, file.tag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        if !is_known {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
        }
        Some(response)
    }
}

impl ClientFile {
    /// RFC 9110 §13.1.2: a weak tag matches too.
    fn is_among(&self, tags: &HeaderValue) -> bool {
        let own = self.tag.to_str().unwrap_or_default();
        let mut tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "application/javascript; charset=utf-8",
        Some((_, "map")) => "application/json; charset=utf-8",
        _ => "application/octet-stream",
    }
}

impl fmt::Debug for ClientFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|file| &file.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_known_is_not_sent_again() {
        let mut bundle = ClientFiles::default();
        bundle.add("socket.io.js".to_owned(), Bytes::from_static(b"old"));
        bundle.add("socket.io.js".to_owned(), Bytes::from_static(b"new"));
        let mut request = HeaderMap::new();
        let first = bundle.respond("socket.io.js", &request).unwrap();
        assert_eq!(
            (first.status(), &first.headers()[CONTENT_TYPE]),
            (StatusCode::OK, &HeaderValue::from_static("application/javascript; charset=utf-8"))
        );
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            request.insert(IF_NONE_MATCH, known.parse().unwrap());
            assert_eq!(bundle.respond("socket.io.js", &request).unwrap().status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        request.insert(IF_NONE_MATCH, "\"other\"".parse().unwrap());
        assert_eq!(bundle.respond("socket.io.js", &request).unwrap().status(), StatusCode::OK);
        assert!(bundle.respond("socket.io.min.js", &request).is_none());
    }
}
