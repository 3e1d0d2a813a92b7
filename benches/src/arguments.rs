//! The command lines of the tools: what a tool takes is read from its own usage text.

use std::fmt::Display;
use std::process::exit;
use std::str::FromStr;

/// Ends the process where the command line is not what the usage says: with the usage for `--help`, with what is wrong and the
/// usage for an option that is not in it, so that no measurement of many minutes starts by a slip.
///
/// Where the text first names it, `[--flag]` stands alone and `[--option VALUE]`, with or without brackets, has a value. As many
/// `operands` may stand beside them.
pub fn follow(usage: &str, operands: usize) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("usage: {usage}");
        exit(0);
    }
    if let Err(wrong) = understood(usage, operands, &arguments) {
        refuse(usage, &wrong);
    }
}

/// Says what is wrong and how it is written, and ends the process.
pub fn refuse(usage: &str, wrong: &str) -> ! {
    eprintln!("{wrong}\nusage: {usage}");
    exit(2);
}

/// The names after `option`, divided by commas, each of which has to be one of the known ones.
#[must_use]
pub fn names(usage: &str, name: &str, known: &[&str]) -> Option<Vec<String>> {
    let names: Vec<String> = option::<String>(name)?.split(',').map(str::to_owned).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        refuse(usage, &format!("{name} does not know `{unknown}`; it knows {}", known.join(", ")));
    }
    Some(names)
}

/// The value after `name`.
///
/// # Panics
///
/// When it cannot be read: a measurement with other settings than asked for is of no use.
#[must_use]
pub fn option<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = arguments.windows(2).rfind(|pair| pair[0] == name)?[1].clone();
    Some(value.parse().unwrap_or_else(|error| panic!("{name} {value}: {error}")))
}

/// Returns `true` if `name` stands on the command line.
#[must_use]
pub fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// The first argument when it is no option: what to do.
#[must_use]
pub fn command() -> Option<String> {
    std::env::args().nth(1).filter(|argument| !argument.starts_with("--"))
}

fn understood(usage: &str, operands: usize, arguments: &[String]) -> Result<(), String> {
    let mut left = operands;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument.starts_with('-') {
            let has_value = takes_value(usage, argument).ok_or_else(|| format!("`{argument}` is not known"))?;
            if has_value && arguments.next().is_none_or(|value| value.starts_with("--")) {
                return Err(format!("`{argument}` needs a value"));
            }
        } else {
            left = left.checked_sub(1).ok_or_else(|| format!("`{argument}` is not expected"))?;
        }
    }
    Ok(())
}

/// Returns `true` if the option has a value; `None` when the usage does not know it.
fn takes_value(usage: &str, option: &str) -> Option<bool> {
    let mut words = usage.split_whitespace().map(|word| word.trim_start_matches('['));
    let word = words.find(|word| word.trim_end_matches(']') == option)?;
    Some(!word.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::understood;

    #[test]
    fn what_the_usage_does_not_name_is_refused() {
        let check = |line: &str, expected: Result<(), &str>| {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let usage = "tool WHAT --server ADDRESS [--rounds N] [--quick]\n\n  --quick  in no time";
            assert_eq!(understood(usage, 1, &arguments), expected.map_err(str::to_owned), "{line}");
        };
        check("", Ok(()));
        check("echo --quick --rounds 3 --server a:1", Ok(()));
        check("--rounds -3", Ok(()));
        check("--quik", Err("`--quik` is not known"));
        check("--qui", Err("`--qui` is not known"));
        check("-x", Err("`-x` is not known"));
        check("--rounds", Err("`--rounds` needs a value"));
        check("--rounds --quick", Err("`--rounds` needs a value"));
        check("--quick 3 echo", Err("`echo` is not expected"));
    }
}
