//! Notifications that name a row of the table, as Node's adapter writes them.

use std::collections::HashMap;

use gateway_core::cluster::NodeId;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::connections::Commands;
use crate::error::PostgresError;

/// A notification that names a row.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct AttachmentHeader {
    #[serde(default)]
    pub(crate) uid: Option<String>,
    #[serde(rename = "attachmentId", deserialize_with = "row")]
    pub(crate) row: i64,
}

/// Returns the header in a notification, if it is one.
pub(crate) fn header(payload: &str) -> Option<AttachmentHeader> {
    payload.contains("\"attachmentId\"").then(|| serde_json::from_str(payload).ok()).flatten()
}

/// The text before and behind the number of the row.
pub(crate) fn around_row(sender: &NodeId, message_type: u8) -> (String, &'static str) {
    let uid = serde_json::Value::from(sender.as_str());
    (format!("{{\"uid\":{uid},\"type\":{message_type},\"attachmentId\":\""), "\"}")
}

/// The contents of the rows that still exist.
pub(crate) async fn load(commands: &Commands, rows: &[i64]) -> Result<HashMap<i64, Vec<u8>>, PostgresError> {
    let found = commands.answer(commands.client.query(&commands.load, &[&rows])).await?;
    let contents = |row: &tokio_postgres::Row| (row.get(0), row.get::<_, Option<Vec<u8>>>(1).unwrap_or_default());
    Ok(found.iter().map(contents).collect())
}

/// A number, or its text: the client library of Node gives `bigint` as text.
fn row<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Row {
        Number(i64),
        Text(String),
    }
    match Row::deserialize(deserializer)? {
        Row::Number(row) => Ok(row),
        Row::Text(text) => text.parse().map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_its_row() {
        let check = |payload: &str, expected: Option<(Option<&str>, i64)>| {
            let expected = expected.map(|(uid, row)| AttachmentHeader { uid: uid.map(str::to_owned), row });
            assert_eq!(header(payload), expected, "{payload}");
        };
        check(r#"{"uid":"a","type":3,"attachmentId":"1"}"#, Some((Some("a"), 1)));
        check(r#"{"attachmentId":9223372036854775807}"#, Some((None, i64::MAX)));
        for none in
            ["", "{", r#"{"attachmentId":"x"}"#, r#"{"attachmentId":null}"#, r#"{"type":3,"data":"attachmentId"}"#]
        {
            check(none, None);
        }
        check(r#"{"type":3,"data":{"attachmentId":"1"}}"#, None);
        let (before, behind) = around_row(&NodeId::new("a\""), 12);
        assert_eq!(format!("{before}77{behind}"), r#"{"uid":"a\"","type":12,"attachmentId":"77"}"#);
    }
}
