//! The questions whose answers need more than the format says.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Number of questions that are remembered: more than are asked within the time for their answers.
const REMEMBERED: usize = 16_384;

/// Ids of questions, of which the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Questions(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    ids: HashSet<String>,
    by_age: VecDeque<String>,
}

impl Questions {
    pub(super) fn remember(&self, id: &str) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered.ids.insert(id.to_owned()) {
            return;
        }
        remembered.by_age.push_back(id.to_owned());
        if remembered.by_age.len() > REMEMBERED
            && let Some(oldest) = remembered.by_age.pop_front()
        {
            remembered.ids.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ids.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let questions = Questions::default();
        questions.remember("first");
        for number in 0..REMEMBERED {
            assert!(questions.contains("first"));
            questions.remember(&number.to_string());
            questions.remember(&number.to_string());
        }
        assert!(!questions.contains("first") && questions.contains("0"));
    }
}
