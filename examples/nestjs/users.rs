//! Users by their tokens.

#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) roles: &'static [&'static str],
}

#[derive(Clone)]
pub(crate) struct Users {
    known: [(&'static str, User); 2],
}

impl Default for Users {
    fn default() -> Self {
        let known = [
            ("token-of-ann", User { name: "ann", roles: &[] }),
            ("token-of-mod", User { name: "mod", roles: &["moderator"] }),
        ];
        Self { known }
    }
}

impl Users {
    pub(crate) fn by_token(&self, token: &str) -> Option<User> {
        self.known.iter().find(|(known, _)| *known == token).map(|(_, user)| user.clone())
    }
}
