//! Source as text: types as a person would write them, and line numbers.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The line a token stands on; 0 outside of a compiler.
pub(crate) fn line(span: Span) -> u32 {
    if proc_macro::is_available() { u32::try_from(span.unwrap().line()).unwrap_or(0) } else { 0 }
}

/// `Result<Data<Receipt>, ChatError>` and not `Result < Data < Receipt > , ChatError >`.
pub(crate) fn type_text(ty: &impl ToTokens) -> String {
    let mut text = String::new();
    write(ty.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) => write_word(&ident.to_string(), text),
            TokenTree::Literal(literal) => write_word(&literal.to_string(), text),
            TokenTree::Punct(punct) => write_punct(punct.as_char(), text),
            TokenTree::Group(group) => write_group(&group, text),
        }
    }
}

fn write_word(word: &str, text: &mut String) {
    if text.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']')) {
        text.push(' ');
    }
    text.push_str(word);
}

fn write_punct(sign: char, text: &mut String) {
    match sign {
        ',' | ';' => text.push_str(if sign == ',' { ", " } else { "; " }),
        '+' | '=' => {
            text.push(' ');
            text.push(sign);
            text.push(' ');
        }
        '-' => text.push_str(" -"),
        '>' if text.ends_with(" -") => text.push_str("> "),
        '>' => {
            text.truncate(text.trim_end_matches([',', ' ']).len());
            text.push('>');
        }
        '?' | '\'' if text.ends_with(char::is_alphanumeric) => {
            text.push(' ');
            text.push(sign);
        }
        other => text.push(other),
    }
}

fn write_group(group: &proc_macro2::Group, text: &mut String) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Brace => ("{ ", " }"),
        Delimiter::None => ("", ""),
    };
    // `&mut [u8]`: what comes before is a word of the language.
    if open == "[" && text.ends_with(char::is_alphanumeric) {
        text.push(' ');
    }
    text.push_str(open);
    write(group.stream(), text);
    text.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::type_text;

    fn check(written: &str) {
        let tokens: proc_macro2::TokenStream = written.parse().expect("a type");
        assert_eq!(type_text(&tokens), written);
    }

    #[test]
    fn types_read_as_they_were_written() {
        check("Socket");
        check("Data<NewMessage>");
        check("Result<Data<Receipt>, ChatError>");
        check("Arc<dyn Store + Send + 'static>");
        check("impl Stream<Item = Tick>");
        check("std::collections::HashMap<String, (u8, i64)>");
        check("[u8; 4]");
        check("&'static str");
        check("&'static mut [u8]");
        check("()");
        check("fn(&str) -> Option<u8>");
        check("Box<dyn Fn(u8) -> u8 + Send>");
        check("<Chat as Trait>::Type");
        check("Grid<{ 3 }, 4>");
    }
}
