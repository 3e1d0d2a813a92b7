//! Keys within a document, made from names that may hold any sign.

use std::collections::BTreeSet;

/// Keys that are taken.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeSet<String>);

impl Keys {
    /// Returns a free key for a name: itself where its signs allow that, with a number behind it where another name has it.
    ///
    /// Keys depend on the order of calls only among names that become one key, so names are given in sorted order.
    pub(super) fn free(&mut self, name: &str) -> String {
        let plain = plain(name);
        let numbered = std::iter::once(plain.clone()).chain((2_usize..).map(|number| format!("{plain}-{number}")));
        let free = numbered.into_iter().find(|key| !self.0.contains(key)).unwrap_or(plain);
        self.0.insert(free.clone());
        free
    }
}

/// The name with `_` in place of each sign that tools of AsyncAPI do not take in a key.
pub(crate) fn plain(name: &str) -> String {
    let allowed = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '-');
    let plain: String = name.chars().map(|sign| if allowed(sign) { sign } else { '_' }).collect();
    if plain.is_empty() { "_".to_owned() } else { plain }
}

/// The key of a namespace: `/chat/{room}` is `chat.room`, and `/` is `root`.
pub(super) fn of_path(path: &str) -> String {
    let parts: Vec<String> =
        path.split('/').map(|part| part.replace(['{', '}'], "")).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "root".to_owned() } else { parts.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_plain_and_never_the_same() {
        let mut keys = Keys::default();
        let made = ["order created", "order.created", "order/created", "order_created", "größe", ""]
            .map(|name| keys.free(name));
        assert_eq!(made, ["order_created", "order.created", "order_created-2", "order_created-3", "gr__e", "_"]);
        assert_eq!(["/", "/chat", "/chat/{room}"].map(of_path), ["root", "chat", "chat.room"]);
    }
}
