//! The people who asked.

use fastrand::Rng;

use crate::simulate::chance::{happens, hex};

const PEOPLE: usize = 400;
const ORGANIZATIONS: [&str; 8] =
    ["acme", "northwind", "contoso", "umbrella-research", "blue-harbour", "globex", "initech", "tailspin"];
const KEYS: [&str; 5] = ["web", "batch", "support-bot", "notebooks", "search"];
const CLIENTS: [&str; 5] =
    ["OpenAI/Python 1.99.9", "OpenAI/Python 2.6.1", "OpenAI/JS 5.12.2", "LangChain/0.3.27", "weir-simulate/0.1.0"];
/// The share of requests after which a person begins a new conversation.
const NEW_SESSION: f64 = 0.2;

/// Someone who asks.
pub(super) struct Person {
    pub(super) user: String,
    pub(super) organization: &'static str,
    pub(super) key: &'static str,
    pub(super) client: &'static str,
    /// The conversation that goes on.
    pub(super) session: String,
}

impl Person {
    /// The next question: of the same conversation, or of a new one.
    pub(super) fn turn(&mut self, rng: &mut Rng) {
        if happens(rng, NEW_SESSION) {
            self.session = session(rng);
        }
    }
}

fn session(rng: &mut Rng) -> String {
    format!("session-{}", hex(rng, 12))
}

/// All of them.
pub(super) fn people(rng: &mut Rng) -> Vec<Person> {
    let person = |number: usize| Person {
        user: format!("user-{:03}", number + 1),
        organization: ORGANIZATIONS[number % ORGANIZATIONS.len()],
        key: KEYS[rng.usize(..KEYS.len())],
        client: CLIENTS[rng.usize(..CLIENTS.len())],
        session: session(rng),
    };
    (0..PEOPLE).map(person).collect()
}
