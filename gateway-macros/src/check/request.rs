//! `#[derive(Request)]`: the type's event, and what answers it.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{DeriveInput, Generics, Ident, LitStr, Path, Token, Type};

use crate::check::Mistakes;
use crate::check::event_name::{Direction, event_mistake};

pub(crate) struct CheckedRequest {
    pub(crate) framework: Path,
    pub(crate) name: String,
    pub(crate) reply: Type,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
}

const EXAMPLE: &str = "#[request(\"message\", reply = Receipt)]";

/// What stands between the attribute's parentheses. A reply is a type, which no expression can write.
struct Arguments {
    name: LitStr,
    reply: Option<Type>,
    framework: Option<Path>,
}

/// `framework` is the crate that made code names by default. Without `reply` the reply is `()`.
pub(crate) fn check_request(framework: Path, input: DeriveInput, mistakes: &mut Mistakes) -> CheckedRequest {
    let DeriveInput { attrs, ident, generics, .. } = input;
    let mut attributes = attrs.iter().filter(|attribute| attribute.path().is_ident("request"));
    let attribute = attributes.next();
    for second in attributes {
        mistakes.add(second, "a request has one name\nhelp: keep one `#[request]`");
    }
    if attribute.is_none() {
        mistakes.add(&ident, format!("this request has no name\nhelp: write `{EXAMPLE}` above the type"));
    }
    let arguments = attribute.and_then(|attribute| mistakes.ok_or_note(attribute.parse_args::<Arguments>()));
    let nothing = || syn::parse_quote!(());
    let Some(arguments) = arguments else {
        return CheckedRequest { framework, name: String::new(), reply: nothing(), ident, generics };
    };
    let name = arguments.name.value();
    if !arguments.name.suffix().is_empty() {
        mistakes.add(&arguments.name, format!("a request's name is a text in quotes\nhelp: write `{EXAMPLE}`"));
    } else if let Some(mistake) = event_mistake(&name, Direction::In) {
        mistakes.add(&arguments.name, mistake);
    } else if name.contains('*') {
        mistakes.add(&arguments.name, "a request is sent by one name, without `*`\nhelp: write the whole name");
    }
    let (framework, reply) = (arguments.framework.unwrap_or(framework), arguments.reply.unwrap_or_else(nothing));
    CheckedRequest { framework, name, reply, ident, generics }
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse().map_err(|error| {
            syn::Error::new(error.span(), format!("a request's name is a text in quotes\nhelp: write `{EXAMPLE}`"))
        })?;
        let mut arguments = Self { name, reply: None, framework: None };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let option = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            let is_second = match option.to_string().as_str() {
                "reply" => arguments.reply.replace(input.parse()?).is_some(),
                "crate" => arguments.framework.replace(input.call(Path::parse_mod_style)?).is_some(),
                _ => {
                    let text = format!("`#[request]` has no option `{option}`\nhelp: write `{EXAMPLE}`");
                    return Err(syn::Error::new(option.span(), text));
                }
            };
            if is_second {
                return Err(syn::Error::new(option.span(), format!("`{option}` is given twice\nhelp: keep one")));
            }
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: DeriveInput) -> Result<(String, String), String> {
        let mut mistakes = Mistakes::default();
        let CheckedRequest { name, reply, .. } =
            check_request(syn::parse_quote!(::gateway_types), input, &mut mistakes);
        let reply = quote::ToTokens::to_token_stream(&reply).to_string();
        if mistakes.is_empty() { Ok((name, reply)) } else { Err(mistakes.into_tokens().to_string()) }
    }

    #[test]
    fn a_request_has_a_name_and_a_reply() {
        let whole = syn::parse_quote!(
            #[request("message", reply = Vec<u8>)]
            struct New {
                text: String,
            }
        );
        assert_eq!(check(whole), Ok(("message".to_owned(), "Vec < u8 >".to_owned())));
        let without_reply = syn::parse_quote!(
            #[request("message")]
            struct New;
        );
        assert_eq!(check(without_reply), Ok(("message".to_owned(), "()".to_owned())));
    }

    #[test]
    fn each_mistake_is_named() {
        let wrong: [(DeriveInput, &str); 8] = [
            (
                syn::parse_quote!(
                    struct New;
                ),
                "this request has no name",
            ),
            (
                syn::parse_quote!(
                    #[request(message)]
                    struct New;
                ),
                "a text in quotes",
            ),
            (
                syn::parse_quote!(
                    #[request("")]
                    struct New;
                ),
                "an event has a name",
            ),
            (
                syn::parse_quote!(
                    #[request("connect")]
                    struct New;
                ),
                "for themselves",
            ),
            (
                syn::parse_quote!(
                    #[request("order.*")]
                    struct New;
                ),
                "without `*`",
            ),
            (
                syn::parse_quote!(
                    #[request("a", answer = u8)]
                    struct New;
                ),
                "no option `answer`",
            ),
            (
                syn::parse_quote!(
                    #[request("a", reply = u8, reply = u8)]
                    struct New;
                ),
                "given twice",
            ),
            (
                syn::parse_quote!(
                    #[request("a")]
                    #[request("b")]
                    struct New;
                ),
                "keep one `#[request]`",
            ),
        ];
        for (input, part) in wrong {
            let text = check(input).unwrap_err();
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
