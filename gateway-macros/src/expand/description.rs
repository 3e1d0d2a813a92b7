//! What a macro says of its item for the contract. All of it stands in calls of `private::described!` and `private::if_contract!`, which
//! make nothing of it where the framework is built without its feature `contract`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{GenericArgument, PathArguments, Type, TypeParamBound};

use crate::check::attributes::Docs;
use crate::check::{CheckedEvent, CheckedStruct, Handler, Output, Work};
use crate::expand::handler::elided;
use crate::expand::spans::{at, local};
use crate::parse::{Emitted, Role};

/// `private::described!(|method| { … })` for a handler or a connect hook; nothing is said of other hooks.
pub(crate) fn describe_method(framework: &TokenStream, here: Span, handler: &Handler) -> TokenStream {
    let none = quote_spanned!(here=> ::core::option::Option::None);
    let outcome = match &handler.work {
        Work::Subscribe { .. } => reply(framework, here, handler),
        Work::Hook(Role::Connect) => refusals(framework, here, handler),
        Work::Hook(Role::Init | Role::Disconnect | Role::Message | Role::Subscribe | Role::ServerEvent)
        | Work::ServerEvent { .. } => return none,
    };
    let method = at(here, &local("method"));
    let arguments = handler.arguments.iter().map(|ty| {
        let ty = elided(ty.to_token_stream(), &handler.lifetimes);
        probed(framework, here, &quote!(ArgumentProbe), &ty, &quote!(__gateway_argument), &quote!(argument))
    });
    let docs = docs(&handler.docs)
        .map(|docs| quote_spanned!(here=> #framework::private::MethodDescription::docs(#method, #docs);));
    let deprecated = handler
        .docs
        .is_deprecated
        .then(|| quote_spanned!(here=> #framework::private::MethodDescription::deprecated(#method);));
    quote_spanned! {here=>
        #framework::private::described!(|#method: &mut #framework::private::MethodDescription| {
            use #framework::private::{NoSchema as _, UnknownArgument as _, UnknownRefusal as _, UnknownReply as _};
            #docs
            #deprecated
            #(#arguments)*
            #outcome
        })
    }
}

/// A probe for the kind of a type, and one for the schema of what the kind leads to.
fn probed(
    framework: &TokenStream,
    here: Span,
    probe: &TokenStream,
    ty: &TokenStream,
    kind: &TokenStream,
    take: &TokenStream,
) -> TokenStream {
    let [method, found, schema, direction] =
        ["method", "found", "schema", "direction"].map(|name| at(here, &local(name)));
    let (probe, kind, take) = (at(here, probe), at(here, kind), at(here, take));
    quote_spanned! {here=>
        let (#found, #schema) = (&#framework::private::#probe::<#ty>::new()).#kind();
        #framework::private::MethodDescription::#take(#method, #found, |#direction| (&#schema).__gateway_schema(#direction));
    }
}

fn reply(framework: &TokenStream, here: Span, handler: &Handler) -> TokenStream {
    let (probe, kind) = (quote!(ReplyProbe), quote!(__gateway_reply));
    match &handler.output {
        Output::Unit => probed(framework, here, &probe, &quote!(()), &kind, &quote!(reply)),
        Output::Value(ty) => {
            let ty = elided(ty.to_token_stream(), &handler.lifetimes);
            probed(framework, here, &probe, &ty, &kind, &quote!(reply))
        }
        Output::Stream(ty) => {
            let Some(item) = item_of(ty) else {
                let method = at(here, &local("method"));
                return quote_spanned!(here=> #framework::private::MethodDescription::untold_items(#method););
            };
            let item = elided(item.to_token_stream(), &handler.lifetimes);
            probed(framework, here, &probe, &item, &kind, &quote!(items))
        }
    }
}

/// `Tick` of `impl Stream<Item = Tick> + Send`.
fn item_of(ty: &Type) -> Option<&Type> {
    let Type::ImplTrait(stream) = ty else { return None };
    stream.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assigned) if assigned.ident == "Item" => Some(&assigned.ty),
            _ => None,
        })
    })
}

/// The codes of a connect hook.
fn refusals(framework: &TokenStream, here: Span, handler: &Handler) -> TokenStream {
    let method = at(here, &local("method"));
    let ty = match &handler.output {
        Output::Unit => quote!(()),
        Output::Value(ty) | Output::Stream(ty) => elided(ty.to_token_stream(), &handler.lifetimes),
    };
    quote_spanned! {here=>
        (&#framework::private::RefusalProbe::<#ty>::new())
            .__gateway_refusals(#framework::private::MethodDescription::codes(#method));
    }
}

/// The function of a gateway's trait that describes it.
pub(crate) fn describe_gateway(checked: &CheckedStruct) -> TokenStream {
    let CheckedStruct { framework, docs: comment, emits, credentials, .. } = checked;
    let gateway = local("gateway");
    let docs = docs(comment).map(|docs| quote!(#framework::private::GatewayDescription::docs(#gateway, #docs);));
    let credentials = credentials.as_ref().map(|ty| {
        let schema = schema(framework, ty);
        quote!(#framework::private::GatewayDescription::credentials(#gateway, #schema);)
    });
    let emits = emits.as_ref().map(|events| {
        let events = events.iter().map(|event| emitted(framework, event));
        quote!(#framework::private::GatewayDescription::names_events(#gateway); #(#events)*)
    });
    quote! {
        #framework::private::if_contract! {
            fn describe(#gateway: &mut #framework::private::GatewayDescription) {
                use #framework::private::NoSchema as _;
                #framework::private::GatewayDescription::module(
                    #gateway, ::core::module_path!(), ::core::option_env!("CARGO_PKG_VERSION"),
                );
                #docs
                #credentials
                #emits
            }
        }
    }
}

fn emitted(framework: &impl ToTokens, emitted: &Emitted) -> TokenStream {
    let (gateway, Emitted { event, answer }) = (local("gateway"), emitted);
    let shown = schema(framework, event);
    let answer = answer.as_ref().map(|ty| {
        let schema = schema(framework, ty);
        quote!(#framework::private::GatewayDescription::answer(#gateway, #schema);)
    });
    quote! {
        #framework::private::GatewayDescription::emits(
            #gateway,
            <#event as #framework::Event>::NAME,
            <#event as #framework::Event>::IS_SPREAD,
            #shown,
        );
        #answer
    }
}

/// The registration of an event's type with its module. A generic type has no name to register.
pub(crate) fn register_event(checked: &CheckedEvent) -> Option<TokenStream> {
    let CheckedEvent { framework, ident, generics, is_of_server, .. } = checked;
    if !is_of_server || generics.type_params().next().is_some() || generics.const_params().next().is_some() {
        return None;
    }
    let elided = generics.lifetimes().map(|_| quote!('_));
    let ty = quote!(#ident<#(#elided),*>);
    let (event, schema) = (local("event"), schema(framework, &ty));
    Some(quote! {
        #framework::private::if_contract! {
            const _: () = {
                #framework::private::submit! {
                    #framework::private::EventEntry::new(::core::module_path!(), |#event| {
                        use #framework::private::NoSchema as _;
                        #framework::private::EventDescription::event(
                            #event,
                            <#ty as #framework::Event>::NAME,
                            <#ty as #framework::Event>::IS_SPREAD,
                            #schema,
                        );
                    })
                }
            };
        }
    })
}

/// A function that looks for the schema of a type.
fn schema(framework: &impl ToTokens, ty: &impl ToTokens) -> TokenStream {
    let direction = local("direction");
    quote!(|#direction| (&#framework::private::SchemaProbe::<#ty>::new()).__gateway_schema(#direction))
}

/// The doc comment as one text.
pub(crate) fn docs(docs: &Docs) -> Option<TokenStream> {
    let lines = &docs.lines;
    (!lines.is_empty()).then(|| quote!(::core::concat!(#(#lines, "\n"),*)))
}
