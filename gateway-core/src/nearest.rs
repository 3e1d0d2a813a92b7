//! The most similar of several names, for suggestions.

/// Returns the most similar name, if similar enough.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // The length of the requested name is not bounded.
    if name.len() > 256 {
        return None;
    }
    let distances = known.iter().map(|&candidate| (distance(name, candidate), candidate));
    let (distance, best) = distances.min()?;
    (distance <= 1.max(best.chars().count() / 3)).then_some(best)
}

/// Levenshtein distance, with a swap of neighbours as one step.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = rows[row][column] + usize::from(letter != other);
            let mut steps = replaced.min(rows[row][column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other {
                steps = steps.min(rows[row - 1][column - 1] + 1);
            }
            current.push(steps);
        }
        rows.push(current);
    }
    rows[from.len()][to.len()]
}
