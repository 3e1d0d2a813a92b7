//! A contract held against its committed document: current, changed without harm, or breaking for clients that are deployed.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::asyncapi::compare::{Change, ChangeKind};
use crate::asyncapi::model::Contract;
use crate::asyncapi::read::ContractError;

/// Environment variable that accepts the breaking changes of one run by the code that the failure printed.
const ACCEPT: &str = "GATEWAY_CONTRACT_ACCEPT";
/// Environment variable of continuous integration, where no file is written.
const CI: &str = "CI";
/// Changes that a failure lists; of more their number is told.
const MAX_LISTED: usize = 100;

/// Check of a contract against its committed document. [`Contract::check`] begins it.
///
/// A test keeps the document in the repository, so that each change of the contract is seen in review:
///
/// * The document is current: the check passes.
/// * No change breaks a deployed client: the document is written anew and the check fails once, with the list of changes.
/// * A change breaks deployed clients: the document stays, and the check fails until the change is taken back, or accepted by running the
///   test with `GATEWAY_CONTRACT_ACCEPT` set to the code that the failure names.
///
/// Where the environment variable `CI` is set, no file is written and every change is a failure.
#[derive(Debug)]
#[must_use = "a check that is not asserted checks nothing"]
pub struct ContractCheck<'a> {
    contract: &'a Contract,
    file: PathBuf,
    allowed: Vec<ChangeKind>,
    may_write: bool,
    accepted: Option<String>,
}

impl<'a> ContractCheck<'a> {
    pub(super) fn new(contract: &'a Contract, file: &Path) -> Self {
        Self {
            contract,
            file: file.to_owned(),
            allowed: Vec::new(),
            may_write: may_write(),
            accepted: std::env::var(ACCEPT).ok(),
        }
    }

    /// Takes changes of these kinds as compatible, such as [`ChangeKind::EnumValueAdded`] where all clients are known to pass over values
    /// that they do not know. They are still listed.
    pub fn allow(mut self, kinds: impl IntoIterator<Item = ChangeKind>) -> Self {
        self.allowed.extend(kinds);
        self
    }

    /// Passes if the committed document is current.
    ///
    /// # Panics
    ///
    /// If it is not, with the list of changes.
    #[track_caller]
    pub fn assert(self) {
        if let Err(failure) = self.run() {
            panic!("{failure}");
        }
    }

    /// Runs the check, as [`ContractCheck::assert`] does.
    ///
    /// # Errors
    ///
    /// [`CheckFailure`] if the document is not current.
    pub fn run(self) -> Result<(), CheckFailure> {
        let file = self.file.clone();
        let current = self.contract.to_json();
        let committed = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let is_written = self.write(&current)?;
                return Err(CheckFailure::Missing { file, is_written });
            }
            Err(error) => return Err(CheckFailure::File { file, error }),
        };
        // A checkout may have changed the ends of lines.
        if committed.replace("\r\n", "\n") == current {
            return Ok(());
        }
        let older = match Contract::from_json(&committed) {
            Ok(older) => older,
            Err(error) => return Err(CheckFailure::Unreadable { file, error }),
        };
        let changes = older.changes_to(self.contract);
        let is_breaking = |change: &&Change| change.is_breaking() && !self.allowed.contains(&change.kind);
        let breaking: Vec<Change> = changes.iter().filter(is_breaking).cloned().collect();
        let code = code(&breaking);
        if breaking.is_empty() || self.accepted.as_deref() == Some(code.as_str()) {
            let is_written = self.write(&current)?;
            return Err(CheckFailure::Outdated { file, changes, is_written });
        }
        let compatible = changes.len() - breaking.len();
        Err(CheckFailure::Breaking { file, breaking, compatible, code })
    }

    fn write(&self, text: &str) -> Result<bool, CheckFailure> {
        if self.may_write {
            let file = &self.file;
            std::fs::write(file, text).map_err(|error| CheckFailure::File { file: file.clone(), error })?;
        }
        Ok(self.may_write)
    }
}

/// Passes if a file that was generated from a contract has this text. Otherwise the file is written, where it may be.
#[track_caller]
pub(super) fn assert_generated(file: &Path, text: &str) {
    let Some(is_written) = regenerated(file, text, may_write()) else { return };
    let file = file.display();
    match is_written {
        Ok(true) => panic!("`{file}` was not what the contract generates; it has been written: commit it"),
        Ok(false) => {
            panic!("`{file}` is not what the contract generates: run this test where `{CI}` is not set, and commit it")
        }
        Err(error) => panic!("`{file}` cannot be written: {error}"),
    }
}

/// `None` if the file is current; otherwise whether it has been written.
fn regenerated(file: &Path, text: &str, may_write: bool) -> Option<std::io::Result<bool>> {
    // A checkout may have changed the ends of lines.
    let is_current = std::fs::read_to_string(file).is_ok_and(|committed| committed.replace("\r\n", "\n") == text);
    (!is_current).then(|| if may_write { std::fs::write(file, text).map(|()| true) } else { Ok(false) })
}

fn may_write() -> bool {
    std::env::var_os(CI).is_none_or(|value| value.is_empty())
}

/// A code that stands for exactly these changes.
fn code(changes: &[Change]) -> String {
    let mut hasher = DefaultHasher::new();
    for change in changes {
        change.to_string().hash(&mut hasher);
    }
    format!("{:08x}", hasher.finish() >> 32)
}

/// Reason why a contract's document is not current.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckFailure {
    /// There was no document.
    Missing {
        /// The document.
        file: PathBuf,
        /// `true` if it is there now.
        is_written: bool,
    },
    /// The document could not be read or written.
    File {
        /// The document.
        file: PathBuf,
        /// Answer of the operating system.
        error: std::io::Error,
    },
    /// The document is no contract.
    Unreadable {
        /// The document.
        file: PathBuf,
        /// Fault of the document.
        error: ContractError,
    },
    /// The document was older, and no change breaks deployed clients, or the changes that do are accepted.
    Outdated {
        /// The document.
        file: PathBuf,
        /// Changes; none if only texts differ.
        changes: Vec<Change>,
        /// `true` if the document is current now.
        is_written: bool,
    },
    /// Changes break deployed clients.
    Breaking {
        /// The document.
        file: PathBuf,
        /// Changes that break deployed clients.
        breaking: Vec<Change>,
        /// Number of the other changes.
        compatible: usize,
        /// Code that accepts these changes, and no others.
        code: String,
    },
}

impl std::error::Error for CheckFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error),
            Self::Unreadable { error, .. } => Some(error),
            Self::Missing { .. } | Self::Outdated { .. } | Self::Breaking { .. } => None,
        }
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { file, is_written: true } => {
                write!(f, "there was no contract at `{}`; it has been written: commit it", file.display())
            }
            Self::Missing { file, is_written: false } => {
                write!(
                    f,
                    "there is no contract at `{}`; run this test where `{CI}` is not set, and commit it",
                    file.display()
                )
            }
            Self::File { file, error } => {
                write!(f, "the contract at `{}` cannot be read or written: {error}", file.display())
            }
            Self::Unreadable { file, error } => write!(
                f,
                "`{}` is no contract: {error}; restore it, or delete it to have it written anew",
                file.display()
            ),
            Self::Outdated { file, changes, is_written } => {
                writeln!(f, "the contract at `{}` was not current:", file.display())?;
                list(f, changes)?;
                if changes.is_empty() {
                    writeln!(f, "  only texts, examples or names of schemas changed")?;
                }
                match is_written {
                    true => write!(f, "It has been written anew: commit it."),
                    false => write!(f, "Run this test where `{CI}` is not set, and commit it."),
                }
            }
            Self::Breaking { file, breaking, compatible, code } => {
                writeln!(f, "clients of the contract at `{}` that are deployed already break:", file.display())?;
                list(f, breaking)?;
                if *compatible > 0 {
                    writeln!(f, "  and {compatible} compatible changes")?;
                }
                write!(
                    f,
                    "Take the changes back, or accept them for all deployed clients by running this test once with {ACCEPT}={code}, and commit \
                     the document."
                )
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, changes: &[Change]) -> fmt::Result {
    for change in changes.iter().take(MAX_LISTED) {
        writeln!(f, "  {change}")?;
    }
    match changes.len().checked_sub(MAX_LISTED) {
        Some(more) if more > 0 => writeln!(f, "  and {more} more"),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::asyncapi::model::{ClientEvent, NamespaceContract, Payload};

    /// A contract whose only event has a payload with this field.
    fn contract(field: &str, about: Option<&str>) -> Contract {
        let schema = json!({ "type": "object", "properties": { field: { "type": "string" } }, "required": [field] });
        let payload = Some(Payload { schema: Some(schema), ..Payload::default() });
        let description = about.map(str::to_owned);
        let request = ClientEvent { name: "message".to_owned(), description, payload, ..ClientEvent::default() };
        let namespace =
            NamespaceContract { path: "/chat".to_owned(), requests: vec![request], ..NamespaceContract::default() };
        Contract { namespaces: vec![namespace], ..Contract::default() }.title("chat").version("1")
    }

    /// A document in a folder of its own, removed at the end.
    struct Document(PathBuf);

    impl Document {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("contract-check-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder.join("asyncapi.json"))
        }

        fn write(&self, text: &str) {
            std::fs::write(&self.0, text).unwrap();
        }

        fn read(&self) -> String {
            std::fs::read_to_string(&self.0).unwrap()
        }

        /// A check that depends on no variable of the environment.
        fn check<'a>(&self, contract: &'a Contract, may_write: bool) -> ContractCheck<'a> {
            ContractCheck { contract, file: self.0.clone(), allowed: Vec::new(), may_write, accepted: None }
        }
    }

    impl Drop for Document {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
        }
    }

    #[test]
    fn a_document_that_is_missing_is_written_where_that_is_allowed() {
        let (document, contract) = (Document::new("missing"), contract("text", None));
        let failure = document.check(&contract, false).run().unwrap_err();
        assert!(matches!(failure, CheckFailure::Missing { is_written: false, .. }), "{failure}");
        assert!(!document.0.exists());
        let failure = document.check(&contract, true).run().unwrap_err();
        assert!(failure.to_string().ends_with("it has been written: commit it"), "{failure}");
        document.check(&contract, false).run().unwrap();
        document.write(&document.read().replace('\n', "\r\n"));
        document.check(&contract, false).run().unwrap();
    }

    #[test]
    fn a_change_of_texts_is_written_and_told_once() {
        let (document, newer) = (Document::new("texts"), contract("text", Some("Says something.")));
        document.write(&contract("text", None).to_json());
        let failure = document.check(&newer, false).run().unwrap_err();
        assert!(
            matches!(&failure, CheckFailure::Outdated { changes, is_written: false, .. } if changes.is_empty()),
            "{failure}"
        );
        assert!(document.check(&newer, true).run().is_err());
        document.check(&newer, true).run().unwrap();
    }

    #[test]
    fn a_breaking_change_stays_a_failure_until_exactly_it_is_accepted() {
        let (document, newer) = (Document::new("breaking"), contract("body", None));
        document.write(&contract("text", None).to_json());
        let committed = document.read();
        let failure = document.check(&newer, true).run().unwrap_err();
        let CheckFailure::Breaking { code, breaking, .. } = &failure else { panic!("{failure}") };
        assert_eq!(breaking[0].kind, ChangeKind::FieldRenamed);
        assert!(failure.to_string().contains("field renamed: `text` is now `body`"), "{failure}");
        assert_eq!(document.read(), committed);
        // The code of these changes accepts no others.
        let other = contract("words", None);
        let mut check = document.check(&other, true);
        check.accepted = Some(code.clone());
        assert!(matches!(check.run(), Err(CheckFailure::Breaking { .. })));
        let mut check = document.check(&newer, true);
        check.accepted = Some(code.clone());
        assert!(matches!(check.run(), Err(CheckFailure::Outdated { is_written: true, .. })));
        document.check(&newer, true).run().unwrap();
    }

    #[test]
    fn a_kind_that_is_allowed_is_no_failure_for_long() {
        let (document, newer) = (Document::new("allowed"), contract("body", None));
        document.write(&contract("text", None).to_json());
        let failure = document.check(&newer, true).allow([ChangeKind::FieldRenamed]).run().unwrap_err();
        assert!(matches!(failure, CheckFailure::Outdated { is_written: true, .. }), "{failure}");
    }

    #[test]
    fn a_file_that_is_no_contract_says_why_and_stays() {
        let (document, contract) = (Document::new("unreadable"), contract("text", None));
        for text in ["", "{", "[]", "{}", "{\"asyncapi\":\"2.6.0\"}", "{\"asyncapi\":\"3.1.0\"}", "\u{feff}{}"] {
            document.write(text);
            let failure = document.check(&contract, true).run().unwrap_err();
            assert!(matches!(failure, CheckFailure::Unreadable { .. }), "{text}: {failure}");
            assert!(failure.to_string().contains("restore it, or delete it"), "{failure}");
            assert_eq!(document.read(), text);
        }
        std::fs::remove_file(&document.0).unwrap();
        std::fs::create_dir(&document.0).unwrap();
        assert!(matches!(document.check(&contract, true).run(), Err(CheckFailure::File { .. })));
    }
    #[test]
    fn a_generated_file_is_written_where_that_is_allowed() {
        let document = Document::new("generated");
        let text = "one\ntwo\n";
        assert!(matches!(regenerated(&document.0, text, false), Some(Ok(false))));
        assert!(!document.0.exists());
        assert!(matches!(regenerated(&document.0, text, true), Some(Ok(true))));
        document.write(&document.read().replace('\n', "\r\n"));
        assert!(regenerated(&document.0, text, false).is_none());
        std::fs::remove_file(&document.0).unwrap();
        std::fs::create_dir(&document.0).unwrap();
        assert!(matches!(regenerated(&document.0, text, true), Some(Err(_))));
    }
}
