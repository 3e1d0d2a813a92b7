//! The explorer: pages that show the contract and send events to the gateways. All files are in the binary.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};

use crate::asyncapi::Contract;
use crate::server::http::body::Body;

/// Scripts and styles of the page's own origin, and connections to any server. No other page may show it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";

macro_rules! scripts {
    ($($name:literal),+) => { [$(($name, include_str!(concat!("web/", $name)))),+] };
}

const SCRIPTS: [(&str, &str); 6] = scripts!("main.js", "contract.js", "form.js", "log.js", "plain.js", "socket-io.js");

/// The files under a path.
#[derive(Debug)]
pub(crate) struct Explorer {
    path: String,
    page: Bytes,
    contract: Bytes,
}

impl Explorer {
    /// Prepares the files. A path without a `/` in front gets one.
    pub(crate) fn new(path: &str, contract: &Contract) -> Self {
        let path = format!("/{}", path.trim_matches('/'));
        // Relative, so that the page works where an application mounts the server below a prefix.
        let base = path.rsplit('/').next().unwrap_or_default();
        let base = if base.is_empty() { "." } else { base };
        let page = include_str!("web/index.html").replace("{base}", &base.replace('"', "%22").replace('<', "%3C"));
        Self { path, page: Bytes::from(page), contract: Bytes::from(contract.to_json()) }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Answers a request for one of the files; `None` for all others, and for upgrades.
    pub(crate) fn respond<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let rest = request.uri().path().strip_prefix(self.path.as_str())?;
        if request.headers().contains_key(UPGRADE) {
            return None;
        }
        let root = if self.path == "/" { request.uri().path() } else { rest };
        let (kind, bytes) = match root {
            "" => (HTML, self.page.clone()),
            "/" if self.path == "/" => (HTML, self.page.clone()),
            "/" => return Some(moved(&self.path)),
            "/contract.json" => (JSON, self.contract.clone()),
            "/explorer.css" => (STYLE, Bytes::from_static(include_bytes!("web/explorer.css"))),
            other => {
                let name = other.strip_prefix('/')?;
                let (_, text) = SCRIPTS.iter().find(|(script, _)| *script == name)?;
                (SCRIPT, Bytes::from_static(text.as_bytes()))
            }
        };
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = Response::new(Body::from("the explorer is read by GET\n"));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(response);
        }
        let mut response =
            Response::new(if request.method() == Method::HEAD { Body::empty() } else { Body::from(bytes) });
        set(
            response.headers_mut(),
            [
                (CONTENT_TYPE, kind),
                (CONTENT_SECURITY_POLICY, POLICY),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (REFERRER_POLICY, "no-referrer"),
                // A new build of the server may have other files.
                (CACHE_CONTROL, "no-cache"),
            ],
        );
        Some(response)
    }
}

fn moved(path: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = HeaderValue::try_from(path) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn set<const N: usize>(headers: &mut HeaderMap, values: [(HeaderName, &'static str); N]) {
    headers.extend(values.map(|(name, value)| (name, HeaderValue::from_static(value))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(explorer: &Explorer, method: Method, path: &str) -> Option<StatusCode> {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        explorer.respond(&request).map(|response| response.status())
    }

    #[test]
    fn its_files_are_below_its_path_and_nothing_else_is() {
        let explorer = Explorer::new("dev/explorer/", &Contract::default());
        for file in [
            "",
            "/contract.json",
            "/explorer.css",
            "/main.js",
            "/contract.js",
            "/form.js",
            "/log.js",
            "/plain.js",
            "/socket-io.js",
        ] {
            assert_eq!(status(&explorer, Method::GET, &format!("/dev/explorer{file}")), Some(StatusCode::OK), "{file}");
        }
        assert_eq!(status(&explorer, Method::GET, "/dev/explorer/"), Some(StatusCode::PERMANENT_REDIRECT));
        assert_eq!(status(&explorer, Method::POST, "/dev/explorer"), Some(StatusCode::METHOD_NOT_ALLOWED));
        for other in [
            "/",
            "/dev",
            "/dev/explorers",
            "/dev/explorer/other.js",
            "/dev/explorer/../contract.json",
            "/dev/explorer/web/main.js",
        ] {
            assert_eq!(status(&explorer, Method::GET, other), None, "{other}");
        }
    }

    #[test]
    fn each_script_that_a_file_names_is_served() {
        let served: Vec<&str> = SCRIPTS.iter().map(|(name, _)| *name).collect();
        let texts = SCRIPTS.iter().map(|(_, text)| *text).chain([include_str!("web/index.html")]);
        for text in texts {
            for named in
                text.split(['"', '/']).filter(|part| part.rsplit_once('.').is_some_and(|(_, ending)| ending == "js"))
            {
                assert!(served.contains(&named), "{named}");
            }
        }
    }

    #[test]
    fn an_upgrade_is_left_to_the_namespace_of_this_path() {
        let explorer = Explorer::new("/explorer", &Contract::default());
        let request = Request::builder().uri("/explorer").header(UPGRADE, "websocket").body(()).unwrap();
        assert!(explorer.respond(&request).is_none());
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        for text in SCRIPTS
            .iter()
            .map(|(_, text)| *text)
            .chain([include_str!("web/index.html"), include_str!("web/explorer.css")])
        {
            let links = text.match_indices("//").map(|(at, _)| &text[at.saturating_sub(6)..at]);
            let foreign: Vec<&str> =
                links.filter(|before| before.ends_with("http:") || before.ends_with("https:")).collect();
            let comments =
                text.lines().filter(|line| line.trim_start().starts_with("//") && line.contains("https:")).count();
            assert_eq!(foreign.len(), comments, "{foreign:?}");
        }
    }
}
