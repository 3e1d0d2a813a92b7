//! The contract of the selected gateways, from what their macros say of them. No gateway is constructed and no service asked for.

use serde_json::{Value, json};

use crate::asyncapi::{
    ClientEvent, ClientReply, Components, Contract, GuardContract, NamespaceContract, Parameter, Payload, PayloadStyle,
    SchemaRequest, ServerEvent, SourcePlace, binary, plain,
};
use crate::gateway::handlers::{Bare, Bound, More};
use crate::gateway::layers::AddLayers;
use crate::gateway::pattern::Pattern;
use crate::gateway::registry::{EventEntry, GatewayEntry};
use crate::gateway::{BuiltLayers, GatewaySelection, Layers, Problem};
use crate::handler::{
    Declared, DescribedEvent, DescribedPayload, EventDescription, GatewayDescription, Handler, Hook, MethodDescription,
    ReplyKind, ServiceMap, Written,
};

/// Describes the selected gateways. `around` holds the layers around all of them.
///
/// # Errors
///
/// Each type whose schema cannot be written, and each reply that has no frame, at its handler.
pub(crate) fn describe_gateways(selection: &GatewaySelection, around: &BuiltLayers) -> Result<Contract, Vec<Problem>> {
    let gateways: Vec<_> =
        selection.public_gateways().into_iter().map(|entry| DescribedGateway::new(entry, selection)).collect();
    let mut problems = Vec::new();
    let requests: Vec<SchemaRequest> =
        gateways.iter().flat_map(DescribedGateway::requests).map(|(request, _)| request).collect();
    let components = Components::new(&requests).map_err(|failed| {
        let places =
            |ty| gateways.iter().flat_map(DescribedGateway::requests).find(|(request, _)| request.type_name == ty);
        problems.extend(failed.iter().filter_map(|(ty, why)| Some(Problem::schema(places(*ty)?.1, ty, why))));
    });
    problems.extend(gateways.iter().flat_map(DescribedGateway::problems));
    let Some(components) = components.ok().filter(|_| problems.is_empty()) else { return Err(problems) };
    let mut writer = ContractWriter { components, contract: Contract::default() };
    let server_guards = writer.guards(&around.written_guards);
    for gateway in &gateways {
        writer.add(gateway, &server_guards);
    }
    Ok(writer.finish())
}

/// The typed events of a namespace.
#[derive(Debug)]
pub(crate) struct NamespaceEvents {
    pub(crate) namespace: &'static str,
    pub(crate) events: Vec<&'static str>,
    /// Set if its gateway names them.
    pub(crate) is_named: bool,
}

/// The typed events of each gateway, without their schemas.
pub(crate) fn listed_events(selection: &GatewaySelection) -> Vec<NamespaceEvents> {
    let listed = selection.public_gateways().into_iter().map(|entry| {
        let mut about = GatewayDescription::default();
        (entry.describe)(&mut about);
        let is_named = about.emits.is_some();
        let events = about.emits.unwrap_or_else(|| events_of_module(about.module));
        let events = events.iter().map(|event| event.name).collect();
        NamespaceEvents { namespace: entry.namespace, events, is_named }
    });
    listed.collect()
}

/// A gateway with all that its macros say of it.
struct DescribedGateway {
    entry: GatewayEntry,
    about: GatewayDescription,
    /// Guards of the gateway.
    guards: Vec<Written>,
    methods: Vec<DescribedMethod>,
    connect: Vec<DescribedMethod>,
    events: Vec<DescribedEvent>,
    is_raw: bool,
}

struct DescribedMethod {
    hook: Hook,
    /// Names of its events; empty for a hook.
    names: Vec<String>,
    about: MethodDescription,
    guards: Vec<Written>,
}

impl DescribedGateway {
    fn new(entry: GatewayEntry, selection: &GatewaySelection) -> Self {
        let mut about = GatewayDescription::default();
        (entry.describe)(&mut about);
        let bound = selection.bind(&entry, None).unwrap_or_default();
        let Bound { handlers, connect, message, init: _, disconnect: _, server_events: _ } = bound;
        let events = about.emits.take().unwrap_or_else(|| events_of_module(about.module));
        Self {
            guards: written_guards(entry.around),
            methods: handlers.into_iter().map(DescribedMethod::handler).collect(),
            connect: connect.into_iter().map(|Bare { hook, more, .. }| DescribedMethod::hook(hook, &more)).collect(),
            is_raw: !message.is_empty(),
            events,
            about,
            entry,
        }
    }

    /// All types whose schemas are wanted, each with the place that names it.
    fn requests(&self) -> impl Iterator<Item = (SchemaRequest, (&'static str, u32))> + '_ {
        let Declared { file, line, .. } = self.entry.declared;
        let events = self.events.iter().flat_map(|event| {
            let payloads = [Some(&event.payload), event.answer.as_ref()];
            payloads.into_iter().flatten().filter_map(|payload| payload.schema)
        });
        let own = self.about.credentials.into_iter().chain(events).map(move |request| (request, (file, line)));
        let methods = self.methods.iter().chain(&self.connect).flat_map(|method| {
            let MethodDescription { reads, paths, replies, .. } = &method.about;
            let payloads = reads.iter().chain(replies).filter_map(|payload| payload.schema);
            payloads.chain(paths.iter().copied()).map(|request| (request, (method.hook.file, method.hook.line)))
        });
        own.chain(methods)
    }

    fn problems(&self) -> impl Iterator<Item = Problem> + '_ {
        let streams = self.methods.iter().filter(|method| method.about.reply == ReplyKind::StreamOfStreams);
        streams.map(|method| Problem::stream_of_streams(self.entry.declared, method.hook))
    }
}

impl DescribedMethod {
    fn handler(method: Bare<Handler>) -> Self {
        let Bare { hook, run: handler, more } = method;
        let names = handler.names().iter().map(|name| String::from(&**name)).collect();
        let mut described = Self { names, ..Self::hook(hook, &more) };
        if more.describe.is_none() {
            // Written by hand: nothing tells what it reads and answers.
            described.about.reply = ReplyKind::Untold;
            described.about.failures.add_unknown();
        }
        described
    }

    fn hook(hook: Hook, more: &More) -> Self {
        let mut about = MethodDescription::default();
        if let Some(describe) = more.describe {
            describe(&mut about);
        }
        Self { hook, names: Vec::new(), about, guards: more.around.map(written_guards).unwrap_or_default() }
    }
}

/// The events that a module derives, sorted by name.
fn events_of_module(module: &str) -> Vec<DescribedEvent> {
    let described = EventEntry::of_module(module).filter_map(|entry| {
        let mut about = EventDescription::default();
        (entry.describe)(&mut about);
        about.0
    });
    described.collect()
}

/// The guards of one place, as they are written. Their services need not exist.
fn written_guards(around: AddLayers) -> Vec<Written> {
    Layers::make(&ServiceMap::default(), &mut Vec::new(), around).written_guards
}

/// A contract on its way.
struct ContractWriter {
    components: Components,
    contract: Contract,
}

impl ContractWriter {
    fn add(&mut self, gateway: &DescribedGateway, server_guards: &[String]) {
        let DescribedGateway { entry, about, guards, methods, connect, events, is_raw } = gateway;
        if self.contract.title.is_empty() {
            about.module.split("::").next().unwrap_or_default().clone_into(&mut self.contract.title);
            about.version.clone_into(&mut self.contract.version);
        }
        let guards: Vec<String> = server_guards.iter().cloned().chain(self.guards(guards)).collect();
        let requests: Vec<ClientEvent> =
            methods.iter().flat_map(|method| self.requests(entry.declared, method)).collect();
        let events: Vec<ServerEvent> = events.iter().map(|event| self.event(event)).collect();
        let credentials = about.credentials.map(|schema| self.payload(&DescribedPayload::value(schema)));
        let paths: Vec<Value> = methods
            .iter()
            .chain(connect)
            .flat_map(|method| &method.about.paths)
            .filter_map(|schema| self.components.schema(schema))
            .collect();
        let namespace = self.namespace(entry.namespace);
        namespace.is_raw |= is_raw;
        join_text(&mut namespace.description, &about.docs);
        for guard in guards {
            if !namespace.guards.contains(&guard) {
                namespace.guards.push(guard);
            }
        }
        namespace.credentials = namespace.credentials.take().or(credentials);
        for method in connect {
            let failures = method.about.failures.to_failures();
            namespace.refusals.is_open |= failures.is_open;
            namespace.refusals.codes.extend(failures.codes);
        }
        namespace.requests.extend(requests);
        namespace.events.extend(events);
        namespace.sources.push(source(entry.declared.name.to_owned(), entry.declared.file, entry.declared.line));
        for schema in paths {
            read_parameters(&mut namespace.parameters, &schema);
        }
    }

    /// The namespace with this path, which several gateways may have.
    fn namespace(&mut self, path: &'static str) -> &mut NamespaceContract {
        let namespaces = &mut self.contract.namespaces;
        let known = namespaces.iter().position(|namespace| namespace.path == path);
        let index = known.unwrap_or_else(|| {
            let names = Pattern::parse(path).map(|pattern| pattern.parameters().map(str::to_owned).collect::<Vec<_>>());
            let parameters =
                names.unwrap_or_default().into_iter().map(|name| Parameter { name, ..Parameter::default() });
            let new = NamespaceContract {
                path: path.to_owned(),
                parameters: parameters.collect(),
                ..NamespaceContract::default()
            };
            namespaces.push(new);
            namespaces.len() - 1
        });
        &mut namespaces[index]
    }

    /// Adds guards and returns their names.
    fn guards(&mut self, written: &[Written]) -> Vec<String> {
        let names = written.iter().map(|guard| {
            let name = plain(guard.text);
            self.contract.guards.entry(name.clone()).or_insert_with(|| GuardContract::new(unknown_scheme(guard.text)));
            name
        });
        names.collect()
    }

    /// The events of a handler, one for each of its names.
    fn requests(&mut self, gateway: Declared, method: &DescribedMethod) -> Vec<ClientEvent> {
        let DescribedMethod { hook, names, about, guards } = method;
        let guards = self.guards(guards);
        let payload = self.read(&about.reads);
        let replied = about.replies.as_ref().map(|payload| self.payload(payload));
        let reply = match (about.reply, replied) {
            (ReplyKind::Empty, _) => ClientReply::Empty,
            (ReplyKind::Value | ReplyKind::Arguments | ReplyKind::Binary, Some(payload)) => ClientReply::Value(payload),
            (ReplyKind::Stream, payload) => ClientReply::Stream(payload.unwrap_or_else(null)),
            (ReplyKind::Untold | ReplyKind::StreamOfStreams, _)
            | (ReplyKind::Value | ReplyKind::Arguments | ReplyKind::Binary, None) => ClientReply::Untold,
        };
        let name = |name: &String| ClientEvent {
            name: name.clone(),
            description: (!about.docs.is_empty()).then(|| about.docs.clone()),
            is_deprecated: about.is_deprecated,
            payload: payload.clone(),
            reply: reply.clone(),
            failures: about.failures.to_failures(),
            guards: guards.clone(),
            source: source(format!("{}::{}", gateway.name, hook.method), hook.file, hook.line),
        };
        names.iter().map(name).collect()
    }

    /// The payload that all arguments read.
    fn read(&mut self, reads: &[DescribedPayload]) -> Option<Payload> {
        let mut payloads: Vec<Payload> = reads.iter().map(|payload| self.payload(payload)).collect();
        let first = payloads.first().cloned()?;
        payloads.dedup();
        if payloads.len() == 1 {
            return Some(first);
        }
        let schemas: Vec<Value> = payloads.into_iter().filter_map(|payload| payload.schema).collect();
        let schema = (!schemas.is_empty()).then(|| json!({ "allOf": schemas }));
        Some(Payload { schema: schema.or(first.schema.clone()), ..first })
    }

    fn event(&mut self, event: &DescribedEvent) -> ServerEvent {
        let DescribedEvent { name, payload, answer } = event;
        ServerEvent {
            name: (*name).to_owned(),
            description: None,
            payload: self.payload(payload),
            answer: answer.as_ref().map(|answer| self.payload(answer)),
        }
    }

    fn payload(&mut self, payload: &DescribedPayload) -> Payload {
        let DescribedPayload { style, schema, may_be_absent } = payload;
        let written = match schema {
            None => (*style == PayloadStyle::Binary).then(binary),
            Some(schema) if *style == PayloadStyle::Arguments => self.components.arguments(schema),
            Some(schema) => self.components.schema(schema),
        };
        let type_name = schema.filter(|_| written.is_none()).map(|schema| schema.short_name());
        Payload { style: *style, schema: written, type_name, may_be_absent: *may_be_absent }
    }

    fn finish(self) -> Contract {
        let Self { components, mut contract } = self;
        contract.schemas = components.finish(contract.namespaces.iter_mut().flat_map(schemas_of));
        let mut described = Vec::new();
        for namespace in &contract.namespaces {
            for event in &namespace.events {
                let schema = event.payload.schema.as_ref().map(|schema| contract.resolve(schema));
                let text = schema.and_then(|schema| schema.get("description")).and_then(Value::as_str);
                described.push(text.map(str::to_owned));
            }
        }
        let events = contract.namespaces.iter_mut().flat_map(|namespace| &mut namespace.events);
        events.zip(described).for_each(|(event, text)| event.description = text);
        contract.namespaces.sort_by(|one, other| one.path.cmp(&other.path));
        for namespace in &mut contract.namespaces {
            sort_by_name(&mut namespace.requests, |request| &request.name);
            sort_by_name(&mut namespace.events, |event| &event.name);
            namespace.refusals.codes.sort();
            namespace.refusals.codes.dedup_by(|later, first| later.code == first.code);
            namespace.sources.sort_by(|one, other| one.name.cmp(&other.name));
        }
        contract
    }
}

/// Sorts by name, and keeps one of each: a second handler of an event stops the start.
fn sort_by_name<T>(list: &mut Vec<T>, name: fn(&T) -> &str) {
    list.sort_by(|one, other| name(one).cmp(name(other)));
    list.dedup_by(|later, first| name(later) == name(first));
}

/// All schemas of a namespace, in which references are replaced.
fn schemas_of(namespace: &mut NamespaceContract) -> Vec<&mut Value> {
    let NamespaceContract { parameters, credentials, requests, events, .. } = namespace;
    let mut payloads: Vec<&mut Payload> = credentials.iter_mut().collect();
    for ClientEvent { payload, reply, .. } in requests {
        payloads.extend(payload);
        match reply {
            ClientReply::Value(payload) | ClientReply::Stream(payload) => payloads.push(payload),
            ClientReply::Empty | ClientReply::Untold => {}
        }
    }
    for ServerEvent { payload, answer, .. } in events {
        payloads.push(payload);
        payloads.extend(answer);
    }
    let schemas = payloads.into_iter().filter_map(|payload| payload.schema.as_mut());
    schemas.chain(parameters.iter_mut().filter_map(|parameter| parameter.schema.as_mut())).collect()
}

/// Gives each parameter its schema: by name from an object, by place from a tuple, or the only one.
fn read_parameters(parameters: &mut [Parameter], schema: &Value) {
    let count = parameters.len();
    for (index, parameter) in parameters.iter_mut().enumerate() {
        let own = match (schema.pointer(&format!("/properties/{}", parameter.name)), schema.get("items")) {
            (Some(own), _) => Some(own),
            (None, Some(Value::Array(items))) => items.get(index),
            (None, _) if count == 1 && schema.get("properties").is_none() => Some(schema),
            (None, _) => None,
        };
        let Some(own) = own.filter(|_| parameter.schema.is_none()) else { continue };
        let text = own.get("description").and_then(Value::as_str);
        parameter.description = parameter.description.take().or_else(|| text.map(str::to_owned));
        parameter.schema = Some(own.clone());
    }
}

/// A security scheme that says that there is a guard. AsyncAPI has no type for what only a program knows.
fn unknown_scheme(guard: &str) -> Value {
    json!({
        "type": "userPassword",
        "description": format!("The guard `{guard}` decides from the handshake: its `auth` payload, headers, cookies or query."),
    })
}

fn null() -> Payload {
    Payload { schema: Some(json!({ "type": "null" })), ..Payload::default() }
}

fn source(name: String, file: &str, line: u32) -> SourcePlace {
    SourcePlace { name, file: file.to_owned(), line }
}

fn join_text(whole: &mut Option<String>, more: &str) {
    if !more.is_empty() {
        let joined = whole.take().map_or_else(|| more.to_owned(), |before| format!("{before}\n\n{more}"));
        *whole = Some(joined);
    }
}
