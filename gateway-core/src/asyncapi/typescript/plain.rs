//! The typed layer over `clients/typescript`: one interface a namespace, and a function that connects to it.

use std::fmt::Write as _;

use crate::asyncapi::model::{ClientEvent, ClientReply, Contract, ErrorCode, Failures, NamespaceContract, Payload};
use crate::asyncapi::typescript::names::TypeNames;
use crate::asyncapi::typescript::text::{comment, member, quoted};
use crate::asyncapi::typescript::types::{Bytes, Types, Way};

/// Writes the file.
pub(crate) fn plain(contract: &Contract) -> String {
    let mut types = Types { contract, names: TypeNames::new(contract), bytes: Bytes::Base64 };
    let declarations = types.declarations();
    let mut text = header(contract);
    let served: Vec<&NamespaceContract> = contract.namespaces.iter().filter(|namespace| !namespace.is_raw).collect();
    if !served.is_empty() {
        text += "import { connect, type Client, type Options } from \"@gateway-core/client\";\n\n";
    }
    text += &declarations;
    for namespace in served {
        text += &of_namespace(&mut types, namespace);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The first lines of a generated file.
pub(super) fn header(contract: &Contract) -> String {
    let name = [contract.title.as_str(), &contract.version].join(" ").replace(['\n', '\r'], " ");
    format!("// Generated from the contract of {}. Do not edit: it is written anew.\n\n", name.trim())
}

fn of_namespace(types: &mut Types<'_>, namespace: &NamespaceContract) -> String {
    let name = types.names.namespace(namespace, "");
    let types = &*types;
    let mut text = comment(
        "",
        &[&format!("Contract of the namespace `{}`.", namespace.path), namespace.description.as_deref().unwrap_or("")],
    );
    let _ = writeln!(text, "export interface {name} {{");
    let null = |payload: Option<&Payload>, way: Way| {
        payload.map_or_else(|| "null".to_owned(), |payload| types.payload(payload, way))
    };
    let data = |request: &ClientEvent| null(request.payload.as_ref(), Way::Sent);
    let (mut emits, mut requests, mut streams) =
        (EventTable::new("emits"), EventTable::new("requests"), EventTable::new("streams"));
    for request in &namespace.requests {
        let Some(key) = key(namespace, &request.name) else { continue };
        let documentation = about(request);
        match &request.reply {
            ClientReply::Stream(item) => {
                streams.add(
                    &documentation,
                    &key,
                    &format!("{{ data: {}; item: {} }}", data(request), types.payload(item, Way::Received)),
                );
            }
            ClientReply::Empty | ClientReply::Value(_) | ClientReply::Untold => {
                let reply = match &request.reply {
                    ClientReply::Value(payload) => types.payload(payload, Way::Received),
                    ClientReply::Untold => "unknown".to_owned(),
                    ClientReply::Empty | ClientReply::Stream(_) => "null".to_owned(),
                };
                emits.add(&documentation, &key, &data(request));
                requests.add(&documentation, &key, &format!("{{ data: {}; reply: {reply} }}", data(request)));
            }
        }
    }
    let (mut listens, mut questions) = (EventTable::new("listens"), EventTable::new("questions"));
    for event in &namespace.events {
        let sent = types.payload(&event.payload, Way::Received);
        let documentation = event.description.clone().unwrap_or_default();
        match &event.answer {
            Some(answer) => {
                let answer = types.payload(answer, Way::Sent);
                questions.add(&documentation, &member(&event.name), &format!("{{ data: {sent}; answer: {answer} }}"));
            }
            None => listens.add(&documentation, &member(&event.name), &sent),
        }
    }
    for table in [emits, requests, streams, listens, questions] {
        text += &table.finish();
    }
    text += "}\n\n";
    text + &connect_function(types, namespace, &name)
}

/// One of the five tables of a namespace.
struct EventTable {
    name: &'static str,
    rows: String,
}

impl EventTable {
    fn new(name: &'static str) -> Self {
        Self { name, rows: String::new() }
    }

    fn add(&mut self, documentation: &str, key: &str, written: &str) {
        self.rows += &comment("    ", &[documentation]);
        let _ = writeln!(self.rows, "    {key}: {};", written.replace('\n', "\n  "));
    }

    fn finish(self) -> String {
        let Self { name, rows } = self;
        if rows.is_empty() { String::new() } else { format!("  {name}: {{\n{rows}  }};\n") }
    }
}

/// The key of an event: its name, or an index signature for a pattern. `None` for a pattern whose names another handler answers: an index
/// signature would have to cover that one too.
pub(super) fn key(namespace: &NamespaceContract, name: &str) -> Option<String> {
    if !name.contains('*') {
        return Some(member(name));
    }
    let is_apart = |other: &ClientEvent| other.name == name || !may_match(name, &other.name);
    let template = name.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${").replace('*', "${string}");
    namespace.requests.iter().all(is_apart).then(|| format!("[name: `{template}`]"))
}

/// Returns `true` if a name or pattern may stand for a name that a pattern's template takes: the texts before their first `*` agree.
fn may_match(pattern: &str, other: &str) -> bool {
    let head = |name: &str| name.split('*').next().unwrap_or("").to_owned();
    let (one, two) = (head(pattern), head(other));
    if other.contains('*') { one.starts_with(&two) || two.starts_with(&one) } else { other.starts_with(&one) }
}

/// The comment of a client's event: its text, the codes of its failures, and its deprecation.
pub(super) fn about(request: &ClientEvent) -> String {
    let mut text = request.description.clone().unwrap_or_default();
    text += &codes("Fails with", &request.failures);
    if request.is_deprecated {
        text += "\n@deprecated";
    }
    text.trim().to_owned()
}

fn codes(says: &str, failures: &Failures) -> String {
    let listed = failures.codes.iter().map(|ErrorCode { code, description }| {
        let description =
            description.as_deref().map(|text| format!(": {}", text.replace('\n', " "))).unwrap_or_default();
        format!("\n- {says} `{code}`{description}")
    });
    listed.collect()
}

/// Writes the function that connects: parameters of the path, then options with typed credentials.
fn connect_function(types: &Types<'_>, namespace: &NamespaceContract, name: &str) -> String {
    let mut parameters = vec!["server: string".to_owned()];
    let mut path = quoted(&namespace.path);
    if !namespace.parameters.is_empty() {
        let fields = namespace.parameters.iter().map(|parameter| {
            let values: Vec<String> = parameter.values.iter().map(|value| quoted(value)).collect();
            let written = if values.is_empty() { "string | number".to_owned() } else { values.join(" | ") };
            format!("{}: {written}", member(&parameter.name))
        });
        parameters.push(format!("parameters: {{ {} }}", fields.collect::<Vec<_>>().join("; ")));
        path = template(namespace);
    }
    match &namespace.credentials {
        Some(credentials) => {
            let written = types.payload(credentials, Way::Sent);
            let auth = format!("{written} | (() => {written} | Promise<{written}>)");
            let optional = if credentials.may_be_absent { "?" } else { "" };
            let default = if credentials.may_be_absent { " = {}" } else { "" };
            parameters.push(format!("options: Omit<Options, \"auth\"> & {{ auth{optional}: {auth} }}{default}"));
        }
        None => parameters.push("options: Options = {}".to_owned()),
    }
    let refusals = codes("Refused with", &namespace.refusals);
    let says = format!(
        "Connects to `{}`. `server` is the server's address, such as `wss://example.com`; in a browser it may be empty for the page's host.",
        namespace.path
    );
    let documentation = comment("", &[&says, refusals.trim()].map(|part| part));
    format!(
        "{documentation}export function connect{name}({}): Client<{name}> {{\n  return connect<{name}>(server + {path}, options);\n}}\n\n",
        parameters.join(", ")
    )
}

/// The path as a template, each parameter's value in its place.
fn template(namespace: &NamespaceContract) -> String {
    let mut text = String::from("`");
    let mut rest = namespace.path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let name = name.trim_matches('*');
        let _ = write!(text, "{}${{encodeURIComponent(parameters[{}])}}", before.replace('`', "\\`"), quoted(name));
        rest = behind;
    }
    text + &rest.replace('`', "\\`") + "`"
}
