//! Text in lines that fit into a terminal.

/// Maximum columns of a line.
const COLUMNS: usize = 120;

/// A text after `before`, broken at spaces. Lines after the first begin at the column `indent`. Words longer than a
/// line are broken too.
pub(super) fn wrapped(before: &str, indent: usize, text: &str) -> String {
    let mut lines = before.to_owned();
    let mut column = before.chars().count();
    let mut is_first = true;
    for word in text.split(' ') {
        let width = word.chars().count();
        let space = usize::from(!is_first);
        if !is_first && column + space + width > COLUMNS {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if !is_first {
            lines.push(' ');
            column += 1;
        }
        for letter in word.chars() {
            if column == COLUMNS {
                lines.push('\n');
                lines.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            }
            lines.push(letter);
            column += 1;
        }
        is_first = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_too_wide_and_nothing_is_lost() {
        let words = ["word"; 60].join(" ");
        for text in [words.clone(), "w".repeat(300), format!("a{}b {words}", " ".repeat(20))] {
            let lines = wrapped("  - ", 8, &text);
            assert!(lines.lines().all(|line| line.chars().count() <= COLUMNS), "{lines}");
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            assert_eq!(letters(&lines), format!("-{}", letters(&text)));
        }
        assert_eq!(wrapped("  ", 4, "a  b"), "  a  b");
    }
}
