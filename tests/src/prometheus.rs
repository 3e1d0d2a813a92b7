//! A reader of Prometheus' text format (version 0.0.4) that takes nothing it should not.

use std::collections::HashSet;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name, with what histograms put behind it.
    pub name: String,
    /// Its labels, in order.
    pub labels: Vec<(String, String)>,
    /// The figure.
    pub value: f64,
}

impl Sample {
    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// All samples of a page.
///
/// # Errors
///
/// The first line that is not as the format has it, and why.
pub fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut declared: Option<(String, String)> = None;
    let mut names = HashSet::new();
    let mut series = HashSet::new();
    if !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    for line in text.lines() {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, _) = help.split_once(' ').ok_or_else(|| wrong("no help"))?;
            if !is_name(name) || !names.insert(name.to_owned()) {
                return Err(wrong("no name, or twice"));
            }
            declared = None;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or_else(|| wrong("no type"))?;
            if !["counter", "gauge", "histogram"].contains(&kind) || !names.contains(name) {
                return Err(wrong("no such type, or no help before it"));
            }
            declared = Some((name.to_owned(), kind.to_owned()));
        } else {
            let sample = sample(line).ok_or_else(|| wrong("no sample"))?;
            let (name, kind) = declared.as_ref().ok_or_else(|| wrong("no type before it"))?;
            let suffix = sample.name.strip_prefix(name.as_str()).ok_or_else(|| wrong("another name"))?;
            let is_right = match kind.as_str() {
                "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                _ => suffix.is_empty(),
            };
            if !is_right || !series.insert(format!("{}{:?}", sample.name, sample.labels)) {
                return Err(wrong("not of its type, or twice"));
            }
            if kind != "gauge" && sample.value < 0.0 {
                return Err(wrong("below zero"));
            }
            samples.push(sample);
        }
    }
    check_buckets(&samples)?;
    Ok(samples)
}

/// Buckets of one series grow with their bounds and end with all.
fn check_buckets(samples: &[Sample]) -> Result<(), String> {
    let mut before: Option<(&Sample, f64)> = None;
    for sample in samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
        let bound = sample.label("le").and_then(number).ok_or_else(|| format!("no bound: {sample:?}"))?;
        if let Some((last, last_bound)) = before.filter(|(_, bound)| bound.is_finite())
            && (last_bound >= bound || last.value > sample.value)
        {
            return Err(format!("buckets that shrink: {last:?}, {sample:?}"));
        }
        before = Some((sample, bound));
    }
    match before {
        Some((last, bound)) if bound.is_finite() => Err(format!("no last bucket: {last:?}")),
        _ => Ok(()),
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        None => (Vec::new(), rest.strip_prefix(' ')?),
        Some(rest) => labels(rest)?,
    };
    is_name(name).then_some(())?;
    Some(Sample { name: name.to_owned(), labels, value: number(value)? })
}

/// The labels, and what follows them.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"")?;
        is_name(name).then_some(())?;
        let (value, after) = quoted(after)?;
        labels.push((name.to_owned(), value));
        if let Some(after) = after.strip_prefix("} ") {
            return Some((labels, after));
        }
        rest = after.strip_prefix(',')?;
    }
}

/// Text up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            letter => value.push(letter),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
}

fn is_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    name.starts_with(is_letter) && name.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_is_read() {
        let text = "# HELP a_total All.\n# TYPE a_total counter\na_total 1\na_total{x=\"a\\\"b\\\\\\n\",y=\"\"} 2.5\n";
        let samples = parse(text).unwrap();
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[1].label("x"), Some("a\"b\\\n"));
        assert_eq!(samples[1].value.to_bits(), 2.5_f64.to_bits());
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let head = "# HELP a A.\n# TYPE a gauge\n";
        let histogram = "# HELP a A.\n# TYPE a histogram\n";
        for wrong in [
            "a 1\n".to_owned(),
            "# TYPE a gauge\na 1\n".to_owned(),
            format!("{head}b 1\n"),
            format!("{head}a 1"),
            format!("{head}a 1\na 1\n"),
            format!("{head}{head}"),
            format!("{head}a one\n"),
            format!("{head}a{{x=1}} 1\n"),
            format!("{head}a{{x=\"1}} 1\n"),
            format!("{head}a{{x=\"\\x\"}} 1\n"),
            format!("{head}1a 1\n"),
            "# HELP a A.\n# TYPE a counter\na -1\n".to_owned(),
            format!("{histogram}a 1\n"),
            format!("{histogram}a_bucket{{le=\"1\"}} 1\n"),
            format!("{histogram}a_bucket{{le=\"1\"}} 2\na_bucket{{le=\"+Inf\"}} 1\n"),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }
}
