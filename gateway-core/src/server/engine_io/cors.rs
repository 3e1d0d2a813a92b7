//! CORS headers of long polling, as Socket.IO's server sends them: a preflight is answered with 204. The layer of
//! `tower-http` answers 200.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{Response, StatusCode};

use crate::gateway::Problem;
use crate::server::http::body::Body;
use crate::transport::{Allowed, OriginPolicy};

/// CORS options of long polling. Pages of the server's own host are always allowed, as are the origins given to
/// [`Server::allow_origin`](crate::Server::allow_origin).
///
/// ```
/// use gateway_core::socket_io::{Cors, SocketIo};
///
/// let options = SocketIo::new().cors(Cors::origins(["https://app.example.com"]).credentials(true));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(try_from = "CorsTable"))]
#[must_use = "options do nothing before a server has them"]
pub struct Cors {
    origins: OriginPolicy,
    credentials: bool,
    methods: HeaderValue,
    allowed_headers: Option<HeaderValue>,
    exposed_headers: Option<HeaderValue>,
    max_age: Option<Duration>,
    problems: Vec<Problem>,
}

impl Cors {
    /// Allows pages of every origin.
    pub fn any() -> Self {
        let mut origins = OriginPolicy::default();
        origins.allow_any();
        Self::from_policy(origins)
    }

    /// Allows pages of these origins, such as `https://app.example.com`.
    pub fn origins<O: AsRef<str>>(origins: impl IntoIterator<Item = O>) -> Self {
        let mut policy = OriginPolicy::default();
        for origin in origins {
            policy.allow(origin.as_ref());
        }
        Self::from_policy(policy)
    }

    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The allowed origins; `None` if all are allowed.
    pub(crate) fn allowed(&self) -> Option<&[String]> {
        self.origins.allowed()
    }

    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        self.origins.admits(headers)
    }

    fn from_policy(origins: OriginPolicy) -> Self {
        Self {
            origins,
            credentials: false,
            methods: HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"),
            allowed_headers: None,
            exposed_headers: None,
            max_age: None,
            problems: Vec::new(),
        }
    }

    /// Allows cookies in requests. Default off. Browsers accept this only with [`Cors::origins`].
    pub fn credentials(mut self, on: bool) -> Self {
        self.credentials = on;
        self
    }

    /// Sets the methods in a preflight response. Default `GET,HEAD,PUT,PATCH,POST,DELETE`; only `GET` and `POST` are used.
    /// A name that is invalid in a header fails the start.
    #[track_caller]
    pub fn methods<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        match list(names) {
            Ok(names) => self.methods = names,
            Err(names) => self.problems.push(Problem::cors_names(&names)),
        }
        self
    }

    /// Sets the allowed request headers. Default: those that the preflight requests.
    /// A name that is invalid in a header fails the start.
    #[track_caller]
    pub fn allowed_headers<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        match list(names) {
            Ok(names) => self.allowed_headers = Some(names),
            Err(names) => self.problems.push(Problem::cors_names(&names)),
        }
        self
    }

    /// Sets the response headers that pages may read. Default none.
    /// A name that is invalid in a header fails the start.
    #[track_caller]
    pub fn exposed_headers<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        match list(names) {
            Ok(names) => self.exposed_headers = Some(names),
            Err(names) => self.problems.push(Problem::cors_names(&names)),
        }
        self
    }

    /// Sets the time a browser may cache a preflight response. Default: the browser's own.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(time);
        self
    }
}

/// Joins names to a header's value, or returns the text if it is invalid in a header.
fn list<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Result<HeaderValue, String> {
    let names: Vec<N> = names.into_iter().collect();
    let list = names.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",");
    HeaderValue::from_str(&list).map_err(|_| list)
}

/// [`Cors`] in a configuration file. `origins = ["*"]` allows every origin.
#[cfg(feature = "config")]
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CorsTable {
    origins: Vec<String>,
    credentials: bool,
    methods: Option<Vec<String>>,
    allowed_headers: Option<Vec<String>>,
    exposed_headers: Option<Vec<String>>,
    #[serde(deserialize_with = "crate::options::setting::deserialize")]
    max_age: Option<Duration>,
}

#[cfg(feature = "config")]
impl TryFrom<CorsTable> for Cors {
    type Error = String;

    fn try_from(table: CorsTable) -> Result<Self, String> {
        let CorsTable { origins, credentials, methods, allowed_headers, exposed_headers, max_age } = table;
        let every = origins.iter().any(|origin| origin == "*");
        let mut cors = if every { Self::any() } else { Self::origins(origins) }.credentials(credentials);
        cors.max_age = max_age;
        if let Some(names) = methods {
            cors = cors.methods(names);
        }
        if let Some(names) = allowed_headers {
            cors = cors.allowed_headers(names);
        }
        if let Some(names) = exposed_headers {
            cors = cors.exposed_headers(names);
        }
        match cors.problems.first() {
            Some(problem) => Err(problem.what().to_owned()),
            None => Ok(cors),
        }
    }
}

#[cfg(feature = "config")]
crate::options::setting::readable!(Cors);

/// CORS settings of one path: the server's allowed origins and the path's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharing<'a> {
    pub(crate) cors: Option<&'a Cors>,
    pub(crate) own: &'a OriginPolicy,
}

impl Sharing<'_> {
    pub(crate) fn admits(self, headers: &HeaderMap) -> bool {
        self.own.admits(headers) || self.cors.is_some_and(|cors| cors.admits(headers))
    }

    /// Returns `true` if pages of other hosts are allowed.
    pub(crate) fn is_open(self) -> bool {
        self.cors.is_some() || self.own.is_open()
    }

    /// Returns the response to a preflight.
    pub(crate) fn preflight(self, request: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let methods = self.cors.map_or(HeaderValue::from_static("GET,POST"), |cors| cors.methods.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        let named = self.cors.and_then(|cors| cors.allowed_headers.as_ref());
        if named.is_none() {
            vary(headers, ACCESS_CONTROL_REQUEST_HEADERS);
        }
        if let Some(allowed) = named.or_else(|| request.get(ACCESS_CONTROL_REQUEST_HEADERS)) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone());
        }
        if let Some(time) = self.cors.and_then(|cors| cors.max_age) {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(time.as_secs()));
        }
        response
    }

    /// Adds the headers of every response. A page whose origin was not allowed cannot read the response.
    pub(crate) fn apply(self, request: &HeaderMap, response: &mut HeaderMap) {
        if !self.is_open() {
            return;
        }
        let by_options = self.cors.and_then(|cors| cors.origins.names(request));
        match by_options.or_else(|| self.own.names(request)) {
            Some(Allowed::AsAny) => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Some(Allowed::ByName) => {
                vary(response, ORIGIN);
                response.extend(request.get(ORIGIN).map(|origin| (ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone())));
            }
            None => vary(response, ORIGIN),
        }
        let Some(cors) = self.cors else { return };
        if cors.credentials {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(exposed) = &cors.exposed_headers {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }
}

fn vary(headers: &mut HeaderMap, name: HeaderName) {
    headers.append(VARY, HeaderValue::from(name));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(cors: Option<&Cors>, own: &OriginPolicy, origin: &str) -> HeaderMap {
        let mut request = HeaderMap::new();
        request.insert(ORIGIN, origin.parse().unwrap());
        let mut response = HeaderMap::new();
        Sharing { cors, own }.apply(&request, &mut response);
        response
    }

    #[test]
    fn an_origin_is_told_back_only_where_it_was_named() {
        let closed = OriginPolicy::default();
        let allowed = |cors: Option<&Cors>, own: &OriginPolicy, origin: &str| {
            answered(cors, own, origin).get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
        };
        let named = Cors::origins(["https://a.example", "https://b.example:8443/"]).credentials(true);
        assert_eq!(allowed(Some(&named), &closed, "https://a.example").as_deref(), Some("https://a.example"));
        assert_eq!(allowed(Some(&named), &closed, "https://b.example:8443").as_deref(), Some("https://b.example:8443"));
        assert_eq!(allowed(Some(&named), &closed, "https://evil.example"), None);
        assert_eq!(allowed(Some(&named), &closed, "null"), None);
        assert_eq!(allowed(Some(&Cors::any()), &closed, "https://evil.example").as_deref(), Some("*"));
        assert_eq!(allowed(None, &closed, "https://evil.example"), None);
        assert!(answered(None, &closed, "https://evil.example").is_empty());
        let mut own = OriginPolicy::default();
        own.allow("https://own.example");
        assert_eq!(allowed(None, &own, "https://own.example").as_deref(), Some("https://own.example"));
        assert_eq!(allowed(Some(&named), &own, "https://own.example").as_deref(), Some("https://own.example"));
        assert_eq!(answered(Some(&named), &closed, "https://evil.example")[VARY], "origin");
    }
}
