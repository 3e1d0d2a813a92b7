//! One entry of the table: the arguments read one by one, the method called, its value handed on.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Lifetime, PathArguments, Type};

use crate::check::{Handler, Output, Policy, Work};
use crate::expand::description::describe_method;
use crate::expand::layers::layer_statements;
use crate::expand::spans::{at, local};
use crate::expand::text::{line, type_text};
use crate::parse::Role;

/// Differences between the roles: the source of arguments, the use of the value, and what comes of it.
struct Words {
    /// The trait that reads arguments. Those of an event are its default.
    from: TokenStream,
    /// From the framework's root.
    future: TokenStream,
    /// From the framework's root.
    into_trait: TokenStream,
    into_method: Ident,
}

impl Words {
    fn new(role: Role, framework: &TokenStream, here: Span) -> Self {
        let on = |on: TokenStream| quote!(#framework::extract::FromContext<#framework::extract::on::#on>);
        let (from, future, into_trait, into_method) = match role {
            Role::Subscribe => (
                quote!(#framework::extract::FromContext),
                quote!(private::EventFuture),
                quote!(IntoReply),
                "into_reply",
            ),
            Role::Connect => {
                (on(quote!(Connect)), quote!(private::ConnectFuture), quote!(manual::ConnectOutput), "into_output")
            }
            Role::Disconnect => (
                on(quote!(Disconnect)),
                quote!(private::DisconnectFuture),
                quote!(manual::DisconnectOutput),
                "into_output",
            ),
            Role::Init => (on(quote!(Init)), quote!(private::InitFuture), quote!(manual::InitOutput), "into_output"),
            Role::ServerEvent => (
                quote!(#framework::extract::FromServerEvent),
                quote!(private::EventFuture),
                quote!(IntoReply),
                "into_reply",
            ),
            Role::Message => {
                (on(quote!(Raw)), quote!(private::MessageFuture), quote!(manual::RawOutput), "into_output")
            }
        };
        let word = |word| Ident::new(word, here);
        let (future, into_trait) = (at(here, &future), at(here, &into_trait));
        Self { from, future, into_trait, into_method: word(into_method) }
    }
}

/// A method on its way into the table: a function that reads its arguments and calls it, and an entry.
///
/// Every token has a place within its method, and every call has one place. Incremental compilation of nightly Rust counts places from
/// where a function begins: a token with another place would make the function new to the compiler whenever the method has moved.
pub(crate) struct Entry<'a> {
    framework: TokenStream,
    /// Where its method begins, as the place of made code.
    here: Span,
    /// The type by its name, where the function has no `Self`.
    self_type: Option<&'a Type>,
    handler: &'a Handler,
    words: Words,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(framework: TokenStream, here: Span, self_type: Option<&'a Type>, handler: &'a Handler) -> Self {
        let role = match &handler.work {
            Work::Hook(role) => *role,
            Work::Subscribe { .. } => Role::Subscribe,
            Work::ServerEvent { .. } => Role::ServerEvent,
        };
        let words = Words::new(role, &framework, here);
        Self { framework, here, self_type, handler, words }
    }

    /// `(gateway: &Arc<Self>, cx: &Context<'_>) -> HandlerFuture`
    pub(crate) fn parameters(&self, of: &TokenStream) -> (TokenStream, TokenStream) {
        let Self { framework, here, handler, .. } = self;
        let here = *here;
        let (gateway, future) = (self.local("gateway"), &self.words.future);
        let cx =
            if handler.arguments.is_empty() { quote_spanned!(here=> _) } else { self.local("cx").into_token_stream() };
        let parameters = quote_spanned!(here=> #gateway: &::std::sync::Arc<#of>, #cx: &#framework::Context<'_>);
        (parameters, quote_spanned!(here=> -> #framework::#future))
    }

    /// Reads the arguments, each by a statement of its own, and calls the method.
    pub(crate) fn body(&self) -> TokenStream {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let names: Vec<Ident> =
            (0..handler.arguments.len()).map(|index| self.local(&format!("argument_{index}"))).collect();
        let (cx, value, rejection) = (self.local("cx"), self.local("value"), self.local("rejection"));
        let reads = handler.arguments.iter().zip(&names).map(|(written, name)| {
            let (from, text) = (self.extractor_trait(&self.named(written)), self.text(&type_text(written)));
            let read = quote_spanned!(written.span()=> #from::from_context(#cx));
            quote_spanned! {here=>
                let #name = match #read {
                    ::core::result::Result::Ok(#value) => #value,
                    ::core::result::Result::Err(#rejection) => {
                        return #framework::private::rejected(#cx, #text, #rejection);
                    }
                };
            }
        });
        let running = match (&handler.output, handler.is_async) {
            (Output::Stream(ty), _) => self.stream(ty, &names),
            (Output::Unit | Output::Value(_), true) if handler.is_called_by_arguments() => self.called(&names),
            (Output::Unit | Output::Value(_), true) => self.future(&names),
            (Output::Unit | Output::Value(_), false) => self.ready(&names),
        };
        quote_spanned!(here=> #(#reads)* #running)
    }

    /// `Handlers::subscribe_method(handlers, &SubscriptionEntry { … }, function);`, or that of a hook. By path: a method of a trait that
    /// all types have does not come between. The entry is a constant, and the function a pointer: nothing of it is generic.
    pub(crate) fn registration(&self, function: &TokenStream) -> TokenStream {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let handlers = self.local("handlers");
        let method = self.method_entry();
        let (role, entry) = match &handler.work {
            Work::Hook(role) => (*role, method),
            Work::Subscribe { events, .. } => (Role::Subscribe, self.subscription_entry(events, &method)),
            Work::ServerEvent { events } => (Role::ServerEvent, self.subscription_entry(events, &method)),
        };
        let add = Ident::new(&format!("{}_method", role.name()), here);
        let (policy, around) = (self.policy(), self.around());
        quote_spanned! {here=>
            #framework::manual::Handlers::<Self>::#add(#handlers, &#entry, #function);
            #policy
            #around
        }
    }

    fn subscription_entry(&self, events: &[String], method: &TokenStream) -> TokenStream {
        let (framework, here) = (&self.framework, self.here);
        let (reply, error_types) = (self.text(&self.reply()), self.error_types());
        quote_spanned! {here=>
            #framework::private::SubscriptionEntry {
                method: #method,
                events: &[#(#events),*],
                reply: #reply,
                error_types: #error_types,
            }
        }
    }

    fn method_entry(&self) -> TokenStream {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let name = self.text(&handler.ident.unraw().to_string());
        let arguments = handler.arguments.iter().map(|ty| self.text(&type_text(ty)));
        let needs = handler.arguments.iter().map(|ty| {
            let read = self.extractor_trait(&ty.to_token_stream());
            quote_spanned!(ty.span()=> #read::needs)
        });
        let describe = describe_method(framework, here, handler);
        let lines = std::iter::once(handler.ident.span()).chain(handler.arguments.iter().map(Spanned::span)).map(line);
        quote_spanned! {here=>
            #framework::private::MethodEntry {
                name: #name,
                file: ::core::file!(),
                lines: &[#(#lines),*],
                arguments: &[#(#arguments),*],
                needs: &[#(#needs),*],
                describe: #describe,
            }
        }
    }

    fn reply(&self) -> String {
        match &self.handler.output {
            Output::Unit => "()".to_owned(),
            Output::Value(ty) | Output::Stream(ty) => type_text(ty),
        }
    }

    /// Errors that the method may return, by its return type. Those of a stream and of a server's event are not listed.
    fn error_types(&self) -> TokenStream {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let ty = match (&handler.work, &handler.output) {
            (Work::Hook(_) | Work::ServerEvent { .. }, _) | (Work::Subscribe { .. }, Output::Stream(_)) => {
                return quote_spanned!(here=> #framework::private::ErrorTypes::add_unknown);
            }
            (Work::Subscribe { .. }, Output::Unit) => quote_spanned!(here=> ()),
            (Work::Subscribe { .. }, Output::Value(ty)) => elided(ty.to_token_stream(), &handler.lifetimes),
        };
        let framework = at(ty.span(), framework);
        quote_spanned!(ty.span()=> <#ty as #framework::IntoReply>::error_types)
    }

    /// Bounds of the handler, where some are given.
    fn policy(&self) -> Option<TokenStream> {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let Work::Subscribe { policy, .. } = &handler.work else { return None };
        let calls = policy_calls(framework, policy);
        let (handlers, subscription) = (self.local("handlers"), self.local("subscription"));
        (!calls.is_empty()).then(|| {
            let calls = at(here, &calls);
            quote_spanned!(here=> #framework::manual::Handlers::<Self>::policy(#handlers, |#subscription| #subscription #calls);)
        })
    }

    /// Layers around the method.
    fn around(&self) -> Option<TokenStream> {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let statements = layer_statements(framework, &handler.layers, Clone::clone);
        let (handlers, layers) = (self.local("handlers"), self.local("layers"));
        (!handler.layers.is_empty())
            .then(|| quote_spanned!(here=> #framework::manual::Handlers::<Self>::around(#handlers, |#layers| { #statements });))
    }

    /// `<Data<Order> as FromContext<on::Message>>`, all of it where the type stands.
    fn extractor_trait(&self, ty: &TokenStream) -> TokenStream {
        let from = at(ty.span(), &self.words.from);
        quote_spanned!(ty.span()=> <#ty as #from>)
    }

    /// The type with `Self` by its name, where there is no `Self`.
    fn named(&self, ty: &impl ToTokens) -> TokenStream {
        let tokens = ty.to_token_stream();
        self.self_type.map_or_else(|| tokens.clone(), |named| replace_self(tokens.clone(), &named.to_token_stream()))
    }

    /// The path of the method, at this place.
    fn method(&self, span: Span) -> TokenStream {
        let method = &self.handler.ident;
        match self.self_type {
            None => at(span, &quote!(Self::#method)),
            Some(named) => at(span, &quote!(<#named>::#method)),
        }
    }

    fn ready(&self, names: &[Ident]) -> TokenStream {
        let (framework, here, gateway) = (&self.framework, self.here, self.local("gateway"));
        let span = Span::call_site().located_at(self.handler.ident.span());
        let method = self.method(span);
        let value = self.value(&quote_spanned!(span=> #method(#gateway, #(#names),*)));
        let alias = &self.words.future;
        quote_spanned!(here=> #framework::#alias::ready(#value))
    }

    /// A future that the framework has for methods with as many arguments. An `async` block here would cost the compiler several times
    /// as much. It stands under the method's name, as in [`Entry::future`].
    fn called(&self, names: &[Ident]) -> TokenStream {
        let (framework, gateway) = (&self.framework, self.local("gateway"));
        let span = self.handler.ident.span();
        let (method, into) = (self.method(span), self.into());
        let call = Ident::new(&format!("call_{}", names.len()), span);
        let call = at(span, &quote!(#framework::private::#call));
        let alias = &self.words.future;
        let future = at(span, &quote!(#framework::#alias::future));
        quote_spanned!(span=> #future(#call(#gateway, #(#names,)* #method, #into)))
    }

    /// A future that owns the gateway. All of it stands under the method's name, where one that is not `Send` is
    /// then reported.
    fn future(&self, names: &[Ident]) -> TokenStream {
        let (framework, here, gateway) = (&self.framework, self.here, self.local("gateway"));
        let span = self.handler.ident.span();
        let (method, borrowed) = (self.method(span), quote_spanned!(here=> &#gateway));
        let value = self.value(&quote_spanned!(span=> #method(#borrowed, #(#names),*).await));
        let alias = &self.words.future;
        let future = at(span, &quote!(#framework::#alias::future));
        let future = quote_spanned!(span=> #future(async move { #value }));
        quote_spanned! {here=>
            let #gateway = ::std::sync::Arc::clone(#gateway);
            #future
        }
    }

    /// A future that owns the gateway and drives the stream, which borrows it.
    fn stream(&self, ty: &Type, names: &[Ident]) -> TokenStream {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let wait = handler.is_async.then(|| quote!(.await));
        // In one place, so that what is no stream is reported once. A local between parentheses leaves the place alone.
        let span = ty.span();
        let (gateway, items) = (self.local("gateway"), self.local("items"));
        let (method, borrowed, wait) = (self.method(span), quote_spanned!(here=> &#gateway), at(span, &wait));
        let called = quote_spanned!(span=> #method(#borrowed, #(#names),*) #wait);
        let forward = at(span, &quote!(#framework::manual::Items::forward));
        let forward = quote_spanned!(span=> #forward(#items, #called).await);
        let span = handler.ident.span();
        let stream = at(span, &quote!(#framework::manual::HandlerFuture::stream));
        let stream = quote_spanned!(span=> #stream(move |#items| async move { #forward }));
        quote_spanned! {here=>
            let #gateway = ::std::sync::Arc::clone(#gateway);
            #stream
        }
    }

    /// Hands the method's value on.
    fn value(&self, called: &TokenStream) -> TokenStream {
        let (into, here) = (self.into(), self.here);
        let span = match &self.handler.output {
            Output::Value(ty) => ty.span(),
            Output::Unit | Output::Stream(_) => here,
        };
        quote_spanned!(span=> #into(#called))
    }

    /// The function that hands the method's value on: that of its declared type, so that a type that cannot be handed on is reported
    /// there.
    fn into(&self) -> TokenStream {
        let Self { framework, handler, here, .. } = self;
        let here = *here;
        let Words { into_trait, into_method, .. } = &self.words;
        match &handler.output {
            Output::Value(ty) => {
                let span = ty.span();
                let (ty, into) = (elided(self.named(ty), &handler.lifetimes), quote!(#framework::#into_trait));
                let (into, into_method) = (at(span, &into), at(span, into_method));
                quote_spanned!(span=> <#ty as #into>::#into_method)
            }
            Output::Unit | Output::Stream(_) => quote_spanned!(here=> <() as #framework::#into_trait>::#into_method),
        }
    }

    /// A name of the made code, as `local` has it.
    fn local(&self, name: &str) -> Ident {
        let mut name = local(name);
        name.set_span(self.here);
        name
    }

    fn text(&self, text: &str) -> Literal {
        let mut text = Literal::string(text);
        text.set_span(self.here);
        text
    }
}

/// `.concurrency(4).timeout(…)`: each bound that is given.
fn policy_calls(framework: &TokenStream, policy: &Policy) -> TokenStream {
    let Policy { concurrency, queue, overflow, timeout, rate } = policy;
    let time = |milliseconds: &u64| quote!(::core::time::Duration::from_millis(#milliseconds));
    let overflow = overflow.map(|variant| {
        let variant = Ident::new(variant, Span::call_site());
        quote!(.overflow(#framework::manual::EventOverflow::#variant))
    });
    let calls = [
        concurrency.map(|concurrency| quote!(.concurrency(#concurrency))),
        queue.map(|queue| quote!(.queue(#queue))),
        overflow,
        timeout.as_ref().map(time).map(|time| quote!(.timeout(#time))),
        rate.as_ref().map(|(events, within)| {
            let within = time(within);
            quote!(.rate(#events, #within))
        }),
    ];
    calls.into_iter().flatten().collect()
}

/// The type of a block where a value of it is made or a function of it is called: `Chat::<S>`.
pub(crate) fn callable(self_type: &Type) -> Type {
    let mut callable = self_type.clone();
    if let Type::Path(path) = &mut callable {
        for segment in &mut path.path.segments {
            if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                arguments.colon2_token.get_or_insert_default();
            }
        }
    }
    callable
}

/// The type without the lifetimes that only the method knows.
pub(crate) fn elided(ty: TokenStream, lifetimes: &[Lifetime]) -> TokenStream {
    if lifetimes.is_empty() {
        return ty;
    }
    let mut after_quote = false;
    let trees = ty.into_iter().map(|tree| match tree {
        TokenTree::Ident(name) if after_quote && lifetimes.iter().any(|lifetime| lifetime.ident == name) => {
            after_quote = false;
            TokenTree::Ident(Ident::new("_", name.span()))
        }
        TokenTree::Group(group) => {
            after_quote = false;
            let mut inner = Group::new(group.delimiter(), elided(group.stream(), lifetimes));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => {
            after_quote = matches!(&other, TokenTree::Punct(punct) if punct.as_char() == '\'');
            other
        }
    });
    trees.collect()
}

fn replace_self(tokens: TokenStream, self_type: &TokenStream) -> TokenStream {
    let mut trees = tokens.into_iter().peekable();
    let mut replaced = TokenStream::new();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Ident(ident) if ident == "Self" => {
                let name = at(ident.span(), self_type);
                let before_path = matches!(trees.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                if before_path {
                    replaced.extend(quote_spanned!(ident.span()=> <#name>));
                } else {
                    replaced.extend(name);
                }
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), self_type));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
