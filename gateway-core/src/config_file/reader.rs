//! The reader of a configuration: its sources, and the value they make.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::config_file::deserializer::EntryDeserializer;
use crate::config_file::fault::{ConfigError, ConfigFault};
use crate::config_file::tree::{ConfigEntry, ConfigTable, ConfigValue, ValuePlace};
use crate::config_file::{toml_text, variables};

/// Reads a configuration from TOML files and environment variables into any type that implements `Deserialize`, such as
/// [`ServerConfig`](crate::config::ServerConfig) or a struct of the application that holds one.
///
/// A later file replaces values of an earlier one, and variables replace values of all files. A variable's name is the prefix
/// and the keys in capitals, joined by two underscores: `APP_SERVER__LIMITS__CONNECTIONS=5000` is `connections` in
/// `[server.limits]`. Elements of a list stand between commas. Each key has to be known. All faults are reported at once.
///
/// ```
/// use gateway_core::config::{ConfigReader, ServerConfig};
///
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     greeting: String,
///     #[serde(default)]
///     server: ServerConfig,
/// }
///
/// let file = r#"
///     greeting = "hello"
///
///     [server.limits]
///     conections = 5000
///     handler_timeout = 30
/// "#;
/// let error = ConfigReader::new().text("app.toml", file).environment("APP").read::<Settings>().err().unwrap();
/// assert_eq!(
///     error.to_string(),
///     "the configuration has 2 faults:\n  \
///      app.toml:5: `server.limits.conections`: unknown key; did you mean `connections`?\n  \
///      app.toml:6: `server.limits.handler_timeout`: expected a time with its unit, such as \"30s\", found 30",
/// );
/// ```
#[derive(Clone, Default)]
#[must_use = "a reader does nothing before `read`"]
pub struct ConfigReader {
    files: Vec<ConfigSource>,
    variables: Vec<(String, Vec<(String, String)>)>,
}

#[derive(Clone, Debug)]
enum ConfigSource {
    File { path: PathBuf, is_optional: bool },
    Text { name: String, text: String },
}

impl ConfigReader {
    /// Creates a reader without sources: all values are the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a TOML file.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(ConfigSource::File { path: path.into(), is_optional: false });
        self
    }

    /// Adds a TOML file that may be absent.
    pub fn optional_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(ConfigSource::File { path: path.into(), is_optional: true });
        self
    }

    /// Adds the text of a TOML file, such as one that is included into the program; faults name it by `name`.
    pub fn text(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.files.push(ConfigSource::Text { name: name.into(), text: text.into() });
        self
    }

    /// Adds the variables of this process whose names begin with `prefix` and an underscore. Choose a prefix that nobody else
    /// uses: Kubernetes sets `GATEWAY_PORT` in every container beside a service named `gateway`.
    pub fn environment(self, prefix: &str) -> Self {
        // A text that is not Unicode is no value of an option.
        let variables = std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text)));
        let variables: Vec<_> = variables.map(|(name, text)| (name, text.to_string_lossy().into_owned())).collect();
        self.variables(prefix, variables)
    }

    /// Adds these variables in place of those of the process, as tests do.
    pub fn variables<N: Into<String>, T: Into<String>>(
        mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        self.variables.push((prefix.to_owned(), variables));
        self
    }

    /// Reads all sources.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all faults: unreadable files, texts that are no TOML, unknown keys, wrong values.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ConfigError> {
        let (mut root, mut faults) = (ConfigEntry::root(), Vec::new());
        for source in self.files {
            match source.read() {
                Ok(entry) => root.merge(entry),
                Err(others) => faults.extend(others),
            }
        }
        for (prefix, variables) in self.variables {
            root.merge(variables::collect(&prefix, variables));
        }
        if faults.is_empty() { read_tree(root) } else { Err(ConfigError::new(faults)) }
    }
}

impl ConfigSource {
    fn read(self) -> Result<ConfigEntry, Vec<ConfigFault>> {
        match self {
            Self::Text { name, text } => toml_text::parse(&name, &text),
            Self::File { path, is_optional } => {
                let name = path.display().to_string();
                match std::fs::read_to_string(&path) {
                    Ok(text) => toml_text::parse(&name, &text),
                    Err(error) if is_optional && error.kind() == std::io::ErrorKind::NotFound => {
                        Ok(ConfigEntry::root())
                    }
                    Err(error) => Err(vec![ConfigFault::unreadable(&name, &error)]),
                }
            }
        }
    }

    fn name(&self) -> &Path {
        match self {
            Self::File { path, .. } => path,
            Self::Text { name, .. } => Path::new(name),
        }
    }
}

/// Reads the tree again without each value that was wrong, so that the next fault is met.
fn read_tree<T: DeserializeOwned>(mut root: ConfigEntry) -> Result<T, ConfigError> {
    let (mut faults, mut removed): (_, Vec<Vec<String>>) = (Vec::new(), Vec::new());
    loop {
        let fault = match T::deserialize(EntryDeserializer::new(&root)) {
            Ok(value) if faults.is_empty() => return Ok(value),
            Ok(_) => return Err(ConfigError::new(faults)),
            Err(fault) => fault,
        };
        // A value that was wrong is not missing too.
        if fault.missing().is_none_or(|path| !removed.contains(&path)) {
            let elsewhere = fault.known().and_then(|known| table_of::<T>(&fault.path(), known));
            faults.push(ConfigFault::met(&fault, &root, elsewhere.as_deref()));
        }
        // Of a missing key this is the table that it is missing in.
        let path = fault.path();
        if !root.remove(&path) {
            return Err(ConfigError::new(faults));
        }
        removed.push(path);
    }
}

/// The table beside an unknown key that knows it.
fn table_of<T: DeserializeOwned>(path: &[String], known: &[&str]) -> Option<String> {
    let (key, way) = path.split_last()?;
    known.iter().find_map(|&name| {
        let table: Vec<String> = way.iter().cloned().chain([name.to_owned()]).collect();
        // One that takes any name knows none.
        (knows::<T>(&table, key) && !knows::<T>(&table, "?")).then(|| table.join("."))
    })
}

fn knows<T: DeserializeOwned>(table: &[String], key: &str) -> bool {
    let inside: Vec<String> = table.iter().cloned().chain([key.to_owned()]).collect();
    match T::deserialize(EntryDeserializer::new(&only(&inside))) {
        Ok(_) => true,
        // A value of its own is expected there, and not a truth value.
        Err(fault) => fault.path() == inside && !fault.is_of_key(),
    }
}

/// A tree with one value.
fn only(path: &[String]) -> ConfigEntry {
    let place = ValuePlace::Nowhere;
    let value = match path.split_first() {
        Some((first, rest)) => ConfigValue::Table(ConfigTable::from([(first.clone(), only(rest))])),
        None => ConfigValue::Boolean(true),
    };
    ConfigEntry { value, place }
}

impl fmt::Debug for ConfigReader {
    /// Names only: values may be secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<&Path> = self.files.iter().map(ConfigSource::name).collect();
        let prefixes: BTreeMap<&str, usize> =
            self.variables.iter().map(|(prefix, variables)| (prefix.as_str(), variables.len())).collect();
        formatter.debug_struct("ConfigReader").field("files", &files).field("prefixes", &prefixes).finish()
    }
}
