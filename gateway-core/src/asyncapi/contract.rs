//! Methods of a contract: written as documents and as TypeScript, read, compared.

use std::path::Path;

use serde_json::Value;

use crate::asyncapi::check::{ContractCheck, assert_generated};
use crate::asyncapi::compare::{Change, changes};
use crate::asyncapi::document::{AsyncApiVersion, document};
use crate::asyncapi::model::{Contract, NamespaceContract, SCHEMAS, SourcePlace};
use crate::asyncapi::read::{ContractError, contract as read};
use crate::asyncapi::typescript;
use crate::asyncapi::yaml::yaml;

impl Contract {
    /// Sets the name of the application.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the version of the application.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the text about the application, in Markdown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the public host of all servers, such as `chat.example.com`, and that they are encrypted: `wss` and `https`. Default:
    /// `localhost:3000`, without encryption.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        for server in &mut self.servers {
            host.clone_into(&mut server.host);
            server.is_encrypted = true;
        }
        self
    }

    /// Writes the document of AsyncAPI.
    #[must_use]
    pub fn to_asyncapi(&self, version: AsyncApiVersion) -> Value {
        document(self, version)
    }

    /// Writes the document of AsyncAPI 3.1 as JSON, indented, with a line break at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = self.to_asyncapi(AsyncApiVersion::default());
        format!("{document:#}\n")
    }

    /// Writes the document as YAML.
    #[must_use]
    pub fn to_yaml(&self, version: AsyncApiVersion) -> String {
        yaml(&self.to_asyncapi(version))
    }

    /// Reads a document that [`Contract::to_json`] wrote. Members that it does not know are ignored.
    ///
    /// # Errors
    ///
    /// [`ContractError`] if the text is no JSON, no AsyncAPI 3, or a member is missing or of another type.
    pub fn from_json(text: &str) -> Result<Self, ContractError> {
        read(&serde_json::from_str(text).map_err(ContractError::Json)?)
    }

    /// Reads a document of AsyncAPI, as [`Contract::from_json`].
    ///
    /// # Errors
    ///
    /// As [`Contract::from_json`].
    pub fn from_asyncapi(document: &Value) -> Result<Self, ContractError> {
        read(document)
    }

    /// Writes a file of TypeScript over the client `@gateway-core/client`: for each namespace an interface of its events, and a function
    /// that connects.
    ///
    /// Patterns of event names that another handler's name matches are left out.
    #[must_use]
    pub fn to_typescript(&self) -> String {
        typescript::plain(self)
    }

    /// Writes a file of TypeScript for `socket.io-client`: for each namespace the interfaces `…ServerToClientEvents` and
    /// `…ClientToServerEvents`, and a function `call` that resolves with a reply.
    #[must_use]
    pub fn to_socket_io_typescript(&self) -> String {
        typescript::socket_io(self)
    }

    /// Lists the changes from this contract to a newer one: those that break deployed clients first, then by place.
    ///
    /// Contracts are compared by structure. Texts, examples, the names of schemas and the order of anything change nothing.
    #[must_use]
    pub fn changes_to(&self, newer: &Self) -> Vec<Change> {
        changes(self, newer)
    }

    /// Begins a check against a committed document. The path is relative to the folder of the package under test.
    pub fn check(&self, file: impl AsRef<Path>) -> ContractCheck<'_> {
        ContractCheck::new(self, file.as_ref())
    }

    /// Passes if the committed document is current; [`ContractCheck`] has the rules.
    ///
    /// # Panics
    ///
    /// If it is not, with the list of changes.
    #[track_caller]
    pub fn assert_current(&self, file: impl AsRef<Path>) {
        self.check(file).assert();
    }

    /// Passes if the committed file is what [`Contract::to_typescript`] writes. Otherwise the file is written, unless the environment variable
    /// `CI` is set. The path is relative to the folder of the package under test.
    ///
    /// # Panics
    ///
    /// If the file was not current.
    #[track_caller]
    pub fn assert_typescript_current(&self, file: impl AsRef<Path>) {
        assert_generated(file.as_ref(), &self.to_typescript());
    }

    /// Passes if the committed file is what [`Contract::to_socket_io_typescript`] writes, as
    /// [`assert_typescript_current`](Contract::assert_typescript_current).
    ///
    /// # Panics
    ///
    /// If the file was not current.
    #[track_caller]
    pub fn assert_socket_io_typescript_current(&self, file: impl AsRef<Path>) {
        assert_generated(file.as_ref(), &self.to_socket_io_typescript());
    }

    /// Returns the namespace with this path.
    #[must_use]
    pub fn namespace(&self, path: &str) -> Option<&NamespaceContract> {
        self.namespaces.iter().find(|namespace| namespace.path == path)
    }

    /// Returns the contract without the places of the source, as it is in a document.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        let forget = |source: &mut SourcePlace| {
            source.file.clear();
            source.line = 0;
        };
        for namespace in &mut self.namespaces {
            namespace.sources.iter_mut().for_each(forget);
            namespace.requests.iter_mut().for_each(|request| forget(&mut request.source));
        }
        self
    }

    /// Returns the schema that a reference leads to; any other schema is itself.
    #[must_use]
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        // A reference leads to another a few times at most; in a circle of references there is nothing to find.
        for _ in 0..=self.schemas.len() {
            let target = schema.get("$ref").and_then(Value::as_str);
            let name = target.and_then(|target| target.strip_prefix(SCHEMAS));
            let Some(found) = name.and_then(|name| self.schemas.get(name)) else { break };
            schema = found;
        }
        schema
    }
}
