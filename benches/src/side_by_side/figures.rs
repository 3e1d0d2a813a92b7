//! Figures of one server at one work, round by round.

use serde::{Deserialize, Serialize};

/// One figure per round.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Figures(pub Vec<f64>);

/// Their middle and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// (highest − lowest) ÷ median.
    pub spread: f64,
}

impl Figures {
    /// The summary; `None` without figures.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let (lowest, highest) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Summary { median, spread: (highest - lowest) / median })
    }

    /// Each round divided by the same round of another server.
    #[must_use]
    pub fn over(&self, floor: &Self) -> Self {
        Self(self.0.iter().zip(&floor.0).map(|(figure, floor)| figure / floor).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn the_median_is_the_middle_one() {
        let summary = Figures(vec![4.0, 2.0, 3.0]).summary().unwrap();
        assert!((summary.median - 3.0).abs() < 1e-9 && (summary.spread - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(Figures::default().summary(), None);
    }
}
