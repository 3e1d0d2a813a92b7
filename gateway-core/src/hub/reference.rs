//! A property test of a namespace's tables against a plain list of sockets and rooms: after each step both agree.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderMap;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::hub::members::{Selection, user_room};
use crate::limits::Limits;
use crate::protocol::WireFormat;
use crate::session::Session;
use crate::transport::Handshake;

const ROOMS: [&str; 5] = ["a", "b", "c", "d", ""];
const USERS: [&str; 2] = ["ann", "bob"];
const MOST_ROOMS: usize = 3;

fn session() -> Session {
    let handshake = Handshake::new("/".into(), "", &HeaderMap::new(), None);
    let limits = Limits { rooms_per_socket: MOST_ROOMS, ..Limits::default() };
    Session::new(&"/".into(), handshake, WireFormat::Plain, &limits, &Arc::default())
}

/// A socket in the plain list.
struct Person {
    session: Arc<Session>,
    rooms: BTreeSet<String>,
    user: Option<&'static str>,
    is_here: bool,
}

impl Person {
    fn is_in(&self, room: &str) -> bool {
        let is_users = self.user.is_some_and(|user| user_room(user) == room);
        self.is_here && (self.session.id.as_str() == room || self.rooms.contains(room) || is_users)
    }
}

/// The plain list and the tables.
struct Both {
    space: Arc<Space>,
    people: Vec<Person>,
    /// Sessions replaced by another.
    replaced: Vec<Arc<Session>>,
}

impl Both {
    /// Applies a step to both; `which` and `what` are taken modulo the number of candidates.
    fn step(&mut self, step: u8, which: usize, what: usize) {
        if self.people.is_empty() || step == 0 {
            return self.enter();
        }
        let index = which % self.people.len();
        let room = self.name(what);
        match step {
            1 => self.exit(index),
            2..5 => self.join(index, &room),
            5 => {
                let was_in = self.people[index].is_here && self.people[index].rooms.remove(&room);
                assert_eq!(self.space.leave(&self.people[index].session.id, &room), was_in);
            }
            6 => self.name_user(index, USERS[what % USERS.len()]),
            _ => self.replace(index),
        }
    }

    /// A room's name, or a socket's id.
    fn name(&self, what: usize) -> String {
        let ids = self.people.iter().map(|person| person.session.id.as_str());
        let names: Vec<&str> = ROOMS.into_iter().chain(ids).collect();
        names[what % names.len()].to_owned()
    }

    fn enter(&mut self) {
        let session = Arc::new(session());
        self.space.enter(&session);
        self.people.push(Person { session, rooms: BTreeSet::new(), user: None, is_here: true });
    }

    fn exit(&mut self, index: usize) {
        let person = &mut self.people[index];
        self.space.exit(&person.session);
        (person.is_here, person.user) = (false, None);
        person.rooms.clear();
    }

    fn join(&mut self, index: usize, room: &str) {
        let id = self.people[index].session.id.clone();
        let is_anothers = self.people.iter().any(|other| other.is_here && other.session.id.as_str() == room);
        let person = &mut self.people[index];
        let expected = if room == id.as_str() {
            Ok(())
        } else if is_anothers {
            Err(JoinError::Private)
        } else if !person.is_here {
            Err(JoinError::Gone)
        } else if person.rooms.len() >= MOST_ROOMS && !person.rooms.contains(room) {
            Err(JoinError::TooMany)
        } else {
            person.rooms.insert(room.to_owned());
            Ok(())
        };
        assert_eq!(self.space.join(&id, room), expected);
    }

    fn name_user(&mut self, index: usize, user: &'static str) {
        let person = &mut self.people[index];
        self.space.name_user(&person.session.id, user);
        person.user = person.is_here.then_some(user);
    }

    /// Resumes a socket: a new session with its id replaces the first in every room.
    fn replace(&mut self, index: usize) {
        if !self.people[index].is_here {
            return;
        }
        let mut again = session();
        again.id = self.people[index].session.id.clone();
        let again = Arc::new(again);
        self.space.replace(&again);
        self.replaced.push(std::mem::replace(&mut self.people[index].session, again));
        // The end of the replaced session removes nothing.
        self.replaced.iter().for_each(|lost| self.space.exit(lost));
    }

    /// Compares every query of both.
    fn compare(&self, selection: &Selection) {
        let chosen = |person: &&Person| {
            let is_meant = selection.rooms.is_empty() || selection.rooms.iter().any(|room| person.is_in(room));
            person.is_here && is_meant && !selection.except.iter().any(|room| person.is_in(room))
        };
        let expected: BTreeSet<_> =
            self.people.iter().filter(chosen).map(|person| Arc::as_ptr(&person.session)).collect();
        let selected = self.space.select(selection);
        assert_eq!(selected.iter().map(Arc::as_ptr).collect::<BTreeSet<_>>(), expected, "{selection:?}");
        assert_eq!((selected.len(), self.space.count(selection)), (expected.len(), expected.len()), "each once");
        let mut rooms = BTreeMap::new();
        for person in &self.people {
            person.rooms.iter().for_each(|room| *rooms.entry(room.clone()).or_insert(0) += 1);
            let id = &person.session.id;
            assert_eq!(self.space.rooms_of(id).into_iter().collect::<BTreeSet<_>>(), person.rooms);
            assert_eq!(self.space.user_of(id).as_deref(), person.user);
            assert!(ROOMS.iter().all(|room| self.space.is_in(id, room) == person.is_in(room)));
        }
        assert_eq!(self.space.rooms().into_iter().collect::<BTreeMap<_, _>>(), rooms);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 256 }))]

    #[test]
    fn the_tables_say_what_a_plain_list_says(
        steps in vec((0_u8..8, 0_usize..8, 0_usize..12), 1..if cfg!(miri) { 10 } else { 100 }),
        asked in vec((vec(0_usize..14, 0..3), vec(0_usize..14, 0..2)), 100),
    ) {
        let hub = Hub::new();
        let mut both = Both { space: hub.space("/"), people: Vec::new(), replaced: Vec::new() };
        for ((step, which, what), (rooms, except)) in steps.into_iter().zip(asked) {
            both.step(step, which, what);
            let name = |number: usize| match number {
                0 => user_room(USERS[0]),
                1 => user_room(USERS[1]),
                other => both.name(other - 2),
            };
            let [rooms, except] = [rooms, except].map(|names| names.into_iter().map(name).collect());
            both.compare(&Selection { rooms, except });
        }
        // Nothing is left after all sockets are removed.
        for index in 0..both.people.len() {
            both.exit(index);
        }
        both.compare(&Selection::default());
        drop(both);
        prop_assert_eq!(hub.lock().len(), 0);
    }
}
