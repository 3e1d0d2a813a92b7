//! The word somebody probably meant.

/// The known word closest to a misspelt one, if any is close enough to be a guess worth making.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, best) = known.iter().map(|candidate| (distance(word, candidate), *candidate)).min()?;
    (distance <= 1.max(best.chars().count() / 3)).then_some(best)
}

/// Levenshtein's distance, with a swap of neighbours as one step.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let mut steps = (last[column] + usize::from(a != b)).min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b {
                steps = steps.min(before_last[column - 1] + 1);
            }
            current.push(steps);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, &["namespace", "crate", "part"]), expected, "{word}");
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        check("namspace", Some("namespace"));
        check("namepsace", Some("namespace"));
        check("Namespace", Some("namespace"));
        check("prat", Some("part"));
        check("path", None);
        check("crates", Some("crate"));
        check("name", None);
        check("room", None);
        check("", None);
    }
}
