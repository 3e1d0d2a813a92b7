//! One entry of the table: the arguments read one by one, the method called, its value handed on.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Lifetime, Path, PathArguments, Type};

use crate::check::{Handler, Output, Policy, Work};
use crate::expand::layers::layer_statements;
use crate::expand::spans::{at, local, made};
use crate::expand::text::{line, type_text};
use crate::parse::Role;

/// Differences between the roles: the source of arguments, and the use of the value.
struct Words {
    on: Ident,
    /// From the framework's root.
    into_trait: TokenStream,
    into_method: Ident,
}

impl Words {
    fn of(role: Role) -> Self {
        let (on, into_trait, into_method) = match role {
            Role::Subscribe => ("Message", quote!(IntoReply), "into_reply"),
            Role::Connect => ("Connect", quote!(manual::ConnectOutput), "into_output"),
            Role::Disconnect => ("Disconnect", quote!(manual::DisconnectOutput), "into_output"),
            Role::Init => ("Init", quote!(manual::InitOutput), "into_output"),
            Role::Message => ("Raw", quote!(manual::RawOutput), "into_output"),
        };
        let word = |word| Ident::new(word, Span::call_site());
        Self { on: word(on), into_trait, into_method: word(into_method) }
    }
}

/// An entry on its way into the table of `self_type`.
pub(crate) struct Entry<'a> {
    pub(crate) framework: &'a Path,
    pub(crate) self_type: &'a Type,
    pub(crate) handler: &'a Handler,
}

impl Entry<'_> {
    /// `Handlers::subscribe(handlers, …);`, or that of a hook. By path: a method of a trait that all types have does not come
    /// between.
    pub(crate) fn expand(&self) -> TokenStream {
        let framework = self.framework;
        let (role, described) = self.described();
        let (add, handlers) = (Ident::new(role.name(), Span::call_site()), local("handlers"));
        let call = self.call(&Words::of(role));
        let (around, arguments) = (self.around(), self.arguments(&Words::of(role)));
        let error_types = self.error_types();
        quote! {
            #framework::manual::Handlers::#add(#handlers, #described, #call);
            #around
            #arguments
            #error_types
        }
    }

    /// Errors that the method may return, by its return type. Those of a stream are not listed.
    fn error_types(&self) -> Option<TokenStream> {
        let Self { framework, self_type, handler } = self;
        let ty = match (&handler.work, &handler.output) {
            (Work::Hook(_), _) | (Work::Subscribe { .. }, Output::Stream(_)) => return None,
            (Work::Subscribe { .. }, Output::Unit) => quote!(()),
            (Work::Subscribe { .. }, Output::Value(ty)) => elided(named(ty, self_type), &handler.lifetimes),
        };
        let handlers = local("handlers");
        let list = quote_spanned!(ty.span()=> <#ty as #framework::IntoReply>::error_types);
        Some(quote!(#framework::manual::Handlers::error_types(#handlers, #list);))
    }

    /// Layers around the method.
    fn around(&self) -> Option<TokenStream> {
        let Self { framework, self_type, handler } = self;
        let self_type = self_type.to_token_stream();
        let statements = layer_statements(framework, &handler.layers, |ty| replace_self(ty.clone(), &self_type));
        let (handlers, layers) = (local("handlers"), local("layers"));
        (!handler.layers.is_empty())
            .then(|| quote!(#framework::manual::Handlers::around(#handlers, |#layers| { #statements });))
    }

    /// Requirements of each argument on the server.
    fn arguments(&self, words: &Words) -> Option<TokenStream> {
        let Self { framework, self_type, handler } = self;
        let arguments = handler.arguments.iter().map(|ty| {
            let (text, line, on) = (type_text(ty), line(ty.span()), &words.on);
            let ty = named(ty, self_type);
            quote_spanned! {ty.span()=>
                #framework::manual::Argument::new(
                    #framework::manual::Written::new(#text, ::core::file!(), #line),
                    <#ty as #framework::extract::FromContext<#framework::extract::on::#on>>::needs,
                )
            }
        });
        let arguments: Vec<_> = arguments.collect();
        let handlers = local("handlers");
        (!arguments.is_empty()).then(|| quote!(#framework::manual::Handlers::arguments(#handlers, [#(#arguments),*]);))
    }

    /// Entry of the table for the method, beside the call.
    fn described(&self) -> (Role, TokenStream) {
        let Self { framework, handler, .. } = self;
        let method = handler.ident.unraw().to_string();
        let line = line(handler.ident.span());
        let (events, policy) = match &handler.work {
            Work::Hook(role) => {
                return (*role, quote!(#framework::manual::Hook::new(#method, ::core::file!(), #line)));
            }
            Work::Subscribe { events, policy } => (events, policy),
        };
        let (event, others) = events.split_first().expect("a method without a name for its event has its own");
        let also = (!others.is_empty()).then(|| quote!(.also(&[#(#others),*])));
        let arguments = handler.arguments.iter().map(type_text);
        let reply = match &handler.output {
            Output::Unit => "()".to_owned(),
            Output::Value(ty) | Output::Stream(ty) => type_text(ty),
        };
        let policy = policy_calls(framework, policy);
        let described = quote! {
            #framework::manual::Subscription::new(#event, #method, ::core::file!(), #line)
                #also
                .arguments(&[#(#arguments),*])
                .reply(#reply)
                #policy
        };
        (Role::Subscribe, described)
    }

    /// The closure that reads the arguments, each by a statement of its own, and calls the method.
    fn call(&self, words: &Words) -> TokenStream {
        let Self { framework, self_type, handler } = self;
        let names: Vec<Ident> = (0..handler.arguments.len()).map(|index| local(&format!("argument_{index}"))).collect();
        let (gateway, cx, value, rejection) = (local("gateway"), local("cx"), local("value"), local("rejection"));
        let reads = handler.arguments.iter().zip(&names).map(|(written, name)| {
            let ty = named(written, self_type);
            let (on, text) = (&words.on, type_text(written));
            let read = quote_spanned! {ty.span()=>
                <#ty as #framework::extract::FromContext<#framework::extract::on::#on>>::from_context(#cx)
            };
            quote! {
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
            (Output::Unit | Output::Value(_), true) => self.future(words, &names),
            (Output::Unit | Output::Value(_), false) => self.ready(words, &names),
        };
        let cx = if names.is_empty() { quote!(_) } else { quote!(#cx) };
        quote!(|#gateway, #cx| { #(#reads)* #running })
    }

    fn ready(&self, words: &Words, names: &[Ident]) -> TokenStream {
        let Self { framework, self_type, handler } = self;
        let (method, gateway) = (made(&handler.ident), local("gateway"));
        let value = self.value(words, &quote!(<#self_type>::#method(#gateway, #(#names),*)));
        quote!(#framework::manual::HandlerFuture::ready(#value))
    }

    /// A future that owns the gateway. All of it stands under the method's name, where one that is not `Send` is
    /// then reported.
    fn future(&self, words: &Words, names: &[Ident]) -> TokenStream {
        let Self { framework, self_type, handler } = self;
        let (method, gateway) = (&handler.ident, local("gateway"));
        let value = self.value(words, &quote!(<#self_type>::#method(&#gateway, #(#names),*).await));
        let future = at(method.span(), &quote!(#framework::manual::HandlerFuture::future));
        let future = quote_spanned!(method.span()=> #future(async move { #value }));
        quote! {
            let #gateway = ::std::sync::Arc::clone(#gateway);
            #future
        }
    }

    /// A future that owns the gateway and drives the stream, which borrows it.
    fn stream(&self, ty: &Type, names: &[Ident]) -> TokenStream {
        let Self { framework, self_type, handler } = self;
        let method = &handler.ident;
        let wait = handler.is_async.then(|| quote!(.await));
        // In one place, so that what is no stream is reported once. A local between parentheses leaves the place alone.
        let span = ty.span();
        let (gateway, items) = (local("gateway"), local("items"));
        let method_path = at(span, &quote!(<#self_type>::#method));
        let wait = at(span, &wait);
        let called = quote_spanned!(span=> #method_path(&#gateway, #(#names),*) #wait);
        let forward = at(span, &quote!(#framework::manual::Items::forward));
        let forward = quote_spanned!(span=> #forward(#items, #called).await);
        let stream = at(method.span(), &quote!(#framework::manual::HandlerFuture::stream));
        let stream = quote_spanned!(method.span()=> #stream(move |#items| async move { #forward }));
        quote! {
            let #gateway = ::std::sync::Arc::clone(#gateway);
            #stream
        }
    }

    /// Hands the method's value on by its declared type, so that a type that cannot be handed on is reported there.
    fn value(&self, words: &Words, called: &TokenStream) -> TokenStream {
        let Self { framework, self_type, handler } = self;
        let Words { into_trait, into_method, .. } = words;
        match &handler.output {
            Output::Value(ty) => {
                let ty = elided(named(ty, self_type), &handler.lifetimes);
                quote_spanned!(ty.span()=> <#ty as #framework::#into_trait>::#into_method(#called))
            }
            Output::Unit | Output::Stream(_) => {
                quote!(#framework::#into_trait::#into_method(#called))
            }
        }
    }
}

/// `.concurrency(4).timeout(…)`: each bound that is given.
fn policy_calls(framework: &Path, policy: &Policy) -> TokenStream {
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
fn elided(ty: TokenStream, lifetimes: &[Lifetime]) -> TokenStream {
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

/// The type with `Self` by its name: a closure in a free function has no `Self`.
fn named(ty: &Type, self_type: &Type) -> TokenStream {
    replace_self(ty.to_token_stream(), &self_type.to_token_stream())
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
