//! Messages, by room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(crate) struct Messages {
    rooms: Arc<Mutex<HashMap<String, Vec<String>>>>,
}

impl Messages {
    pub(crate) fn add(&self, room: &str, text: String) -> usize {
        self.change(room, |texts| {
            texts.push(text);
            texts.len()
        })
    }

    pub(crate) fn of(&self, room: &str) -> Vec<String> {
        self.change(room, |texts| texts.clone())
    }

    pub(crate) fn clear(&self, room: &str) -> usize {
        self.change(room, |texts| texts.drain(..).count())
    }

    fn change<R>(&self, room: &str, change: impl FnOnce(&mut Vec<String>) -> R) -> R {
        let mut rooms = self.rooms.lock().expect("nothing panics under this lock");
        change(rooms.entry(room.to_owned()).or_default())
    }
}
