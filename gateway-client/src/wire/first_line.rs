//! The first line of a client over TCP or a Unix socket.

use http::HeaderMap;
use serde_json::value::RawValue;
use serde_json::{Error, Map, Value, json};

use crate::session::Resumption;
use crate::wire::Address;

/// What the first line says.
pub(crate) struct FirstLine<'a> {
    pub(crate) address: &'a Address,
    pub(crate) headers: &'a HeaderMap,
    /// JSON of the credentials.
    pub(crate) auth: Option<String>,
    /// The client asks for a session.
    pub(crate) resumes: bool,
    /// The session to resume, once there is one.
    pub(crate) resumption: Option<Resumption>,
}

impl FirstLine<'_> {
    /// # Errors
    ///
    /// The credentials are no JSON.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        #[derive(serde::Serialize)]
        struct Members<'a> {
            connect: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            auth: Option<&'a RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            resume: Option<Value>,
            #[serde(skip_serializing_if = "Map::is_empty")]
            headers: Map<String, Value>,
        }
        let Address { path, query, .. } = self.address;
        let connect = query.as_ref().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let resume = self.resumes.then(|| match &self.resumption {
            None => json!(true),
            Some(Resumption { token, offset }) => json!({"key": token, "offset": offset}),
        });
        let texts = self.headers.iter().filter_map(|(name, value)| Some((name, value.to_str().ok()?)));
        let headers = texts.map(|(name, value)| (name.as_str().to_owned(), value.into())).collect();
        let auth: Option<&RawValue> = self.auth.as_deref().map(serde_json::from_str).transpose()?;
        serde_json::to_string(&Members { connect, auth, resume, headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_a_handshake_says() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer t".parse().unwrap());
        let address = Address::parse("tcp://localhost:3001/chat?lang=de").unwrap();
        let auth = Some("{\"name\":\"ann\"}".to_owned());
        let resumption = Some(Resumption::new("t", 3));
        let first = FirstLine { address: &address, headers: &headers, auth, resumes: true, resumption };
        let expected = r#"{"connect":"/chat?lang=de","auth":{"name":"ann"},"resume":{"key":"t","offset":3},"headers":{"authorization":"Bearer t"}}"#;
        assert_eq!(first.to_json().unwrap(), expected);
        let empty = HeaderMap::new();
        let first = FirstLine { address: &address, headers: &empty, auth: None, resumes: true, resumption: None };
        assert_eq!(first.to_json().unwrap(), r#"{"connect":"/chat?lang=de","resume":true}"#);
        let first = FirstLine { resumes: false, ..first };
        assert_eq!(first.to_json().unwrap(), r#"{"connect":"/chat?lang=de"}"#);
    }
}
