//! Town: who asks.

use fastrand::Rng;

use crate::simulate::chance::{exponential, happens, hex};
use crate::simulate::traffic::ORGANIZATIONS;

const PEOPLE: usize = 40;
/// Contoso's place among the organizations.
const CONTOSO: usize = 2;
/// The share of requests after which a person begins a new conversation.
const NEW_SESSION: f64 = 0.22;

/// Someone who asks.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) user: String,
    pub(super) organization: &'static str,
    pub(super) session: String,
    /// Requests in this conversation so far.
    pub(super) turns: u64,
}

/// All of them, on one day.
#[derive(Debug)]
pub(super) struct Town {
    people: Vec<Person>,
}

impl Town {
    /// On a morning: everybody begins a new conversation.
    pub(super) fn new(rng: &mut Rng) -> Town {
        let person = |number: usize| Person {
            user: format!("user-{:02}", number + 1),
            organization: ORGANIZATIONS[number % ORGANIZATIONS.len()],
            session: session(rng),
            turns: 0,
        };
        Town { people: (0..PEOPLE).map(person).collect() }
    }

    /// Whoever asks next: few ask much and many ask little.
    pub(super) fn anyone(&mut self, rng: &mut Rng) -> &Person {
        let number = (exponential(rng, 0.12) as usize).min(PEOPLE - 1);
        self.asks(rng, number)
    }

    /// One of those who have found contoso's search.
    pub(super) fn newcomer(&mut self, rng: &mut Rng) -> &Person {
        let number = rng.usize(..PEOPLE / ORGANIZATIONS.len()) * ORGANIZATIONS.len() + CONTOSO;
        self.asks(rng, number)
    }

    fn asks(&mut self, rng: &mut Rng, number: usize) -> &Person {
        let person = &mut self.people[number];
        if happens(rng, NEW_SESSION) {
            (person.session, person.turns) = (session(rng), 0);
        }
        person.turns += 1;
        person
    }
}

fn session(rng: &mut Rng) -> String {
    format!("session-{}", hex(rng, 12))
}
