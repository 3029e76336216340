//! Story: what each organization uses models for, and what happened to them in the last weeks.
//!
//! What there is to find: a provider's bad hour, an agent that runs in circles and triples a bill, a prompt cache that pays, a
//! model that nobody has a price for, people who do not wait for a slow model.

use fastrand::Rng;

use super::calendar::Calendar;
use super::town::Person;
use crate::proxy::past::Ended;
use crate::simulate::chance::{happens, log_normal, pick};

/// A model as people use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    /// The dated name that answers carry.
    pub(super) answers_as: &'static str,
    pub(super) provider: &'static str,
    /// Seconds to the first token, usually.
    pub(super) patience: f64,
    /// Tokens per second, usually.
    pub(super) speed: f64,
    pub(super) reasons: bool,
    pub(super) embeds: bool,
}

const fn model(
    name: &'static str,
    answers_as: &'static str,
    provider: &'static str,
    patience: f64,
    speed: f64,
) -> Model {
    Model { name, answers_as, provider, patience, speed, reasons: false, embeds: false }
}

const GPT_4: Model = model("gpt-4", "gpt-4-0613", "openai", 1.05, 22.0);
const GPT_35: Model = model("gpt-3.5-turbo", "gpt-3.5-turbo-0125", "openai", 0.38, 92.0);
const GPT_4O_MINI: Model = model("gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai", 0.36, 98.0);
const GPT_5_MINI: Model = Model { reasons: true, ..model("gpt-5-mini", "gpt-5-mini-2025-08-07", "openai", 0.9, 118.0) };
const SONNET: Model = model("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "anthropic", 1.2, 63.0);
const HAIKU: Model = model("claude-haiku-4-5", "claude-haiku-4-5-20251001", "anthropic", 0.55, 135.0);
const FLASH: Model = model("gemini-2.5-flash", "gemini-2.5-flash", "gemini", 0.42, 180.0);
const EMBEDDING: Model =
    Model { embeds: true, ..model("text-embedding-3-small", "text-embedding-3-small", "openai", 0.11, f64::INFINITY) };
/// Their own: no list has a price for it.
const OWN: Model = model("harbour-support-8b", "harbour-support-8b", "vllm", 0.18, 74.0);

/// Since so many days umbrella-research's agent runs in circles.
const AGENT_SINCE: f64 = 8.0;
/// Since so many days northwind's instructions stand in front, where the provider's cache finds them.
const CACHE_SINCE: f64 = 13.0;
/// Since so many days blue-harbour tries a model of its own.
const OWN_SINCE: f64 = 5.0;

/// What one request is to be.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) organization: &'static str,
    pub(super) category: &'static str,
    pub(super) client: &'static str,
    pub(super) model: Model,
    pub(super) stream: bool,
    pub(super) temperature: Option<f64>,
    pub(super) max_tokens: Option<u64>,
    /// Tokens, cached ones among them.
    pub(super) input: u64,
    pub(super) cached: u64,
    /// Tokens, reasoning among them.
    pub(super) output: u64,
    pub(super) reasoning: u64,
    pub(super) status: u16,
    /// The share of the answer after which somebody breaks it off, and who.
    pub(super) broken_off: Option<(f64, Ended)>,
}

/// What an organization does with models.
struct Habit {
    models: &'static [(Model, f64)],
    categories: &'static [&'static str],
    client: &'static str,
    /// The tokens of its instructions, of what is asked and of what is answered, usually.
    instructions: u64,
    asked: f64,
    answered: f64,
    streams: f64,
}

fn habit(organization: &str, age: f64) -> Habit {
    match organization {
        "acme" => Habit {
            models: &[(GPT_4, 0.22), (GPT_35, 0.48), (GPT_4O_MINI, 0.30)],
            categories: &["support", "support", "writing"],
            client: "openai-python/2.8.1",
            instructions: 180,
            asked: 240.0,
            answered: 210.0,
            streams: 0.85,
        },
        "northwind" => Habit {
            models: &[(SONNET, 0.55), (HAIKU, 0.35), (EMBEDDING, 0.10)],
            categories: &["documents", "documents", "analysis"],
            client: "openai-node/6.9.0",
            instructions: 5200,
            asked: 700.0,
            answered: 320.0,
            streams: 0.40,
        },
        "umbrella-research" => Habit {
            models: &[(GPT_5_MINI, 0.62), (GPT_4, 0.14), (GPT_35, 0.24)],
            categories: &["research", "code", "research"],
            client: "weir-agents/0.9",
            instructions: 900,
            asked: if age < AGENT_SINCE { 3900.0 } else { 1100.0 },
            answered: if age < AGENT_SINCE { 980.0 } else { 390.0 },
            streams: 0.25,
        },
        "blue-harbour" => Habit {
            models: if age < OWN_SINCE {
                &[(FLASH, 0.52), (GPT_35, 0.18), (OWN, 0.30)]
            } else {
                &[(FLASH, 0.75), (GPT_35, 0.25)]
            },
            categories: &["translation", "support", "translation"],
            client: "openai-python/1.99.9",
            instructions: 420,
            asked: 520.0,
            answered: 430.0,
            streams: 0.55,
        },
        _ => Habit {
            models: &[(GPT_4O_MINI, 0.45), (HAIKU, 0.25), (GPT_35, 0.15), (EMBEDDING, 0.15)],
            categories: &["search", "classification", "search"],
            client: "curl/8.5.0",
            instructions: 90,
            asked: 300.0,
            answered: 60.0,
            streams: 0.10,
        },
    }
}

impl Plan {
    /// What `person` asked at `at`, in nanoseconds since 1970.
    pub(super) fn of(rng: &mut Rng, person: &Person, calendar: &Calendar, at: u64) -> Plan {
        let age = calendar.age(at);
        let habit = habit(person.organization, age);
        let model = weighted(rng, habit.models);
        let stream = !model.embeds && happens(rng, habit.streams);
        let asked = log_normal(rng, habit.asked, 0.7) as u64;
        let turns = person.turns.min(6) * (habit.answered / 2.0) as u64;
        let instructions = if model.embeds { 0 } else { habit.instructions };
        let reasoning = if model.reasons { log_normal(rng, 5.0, 0.7).clamp(1.0, 60.0) as u64 * 64 } else { 0 };
        let output = log_normal(rng, habit.answered, 0.8).clamp(1.0, 6000.0) as u64 + reasoning;
        let input = instructions + turns + asked + 8;
        let mut plan = Plan {
            organization: person.organization,
            category: pick(rng, habit.categories),
            client: habit.client,
            model,
            stream,
            temperature: (!model.reasons && !model.embeds && happens(rng, 0.8))
                .then(|| pick(rng, &[0.0, 0.2, 0.7, 0.7, 1.0])),
            max_tokens: happens(rng, 0.3).then_some(8192),
            input,
            cached: cached(rng, person, input, age),
            output: if model.embeds { 0 } else { output },
            reasoning,
            status: 200,
            broken_off: None,
        };
        plan.meet_trouble(rng, calendar.storms(at));
        plan
    }

    fn meet_trouble(&mut self, rng: &mut Rng, storm: bool) {
        let storm = storm && self.model.provider == "openai";
        self.status = match rng.f64() {
            chance if storm && chance < 0.72 => pick(rng, &[500, 503, 503]),
            chance if chance < 0.004 => 429,
            chance if chance < 0.006 => 500,
            chance if chance < 0.0068 => 400,
            _ => 200,
        };
        // Who waits for a slow model in front of a screen often does not wait.
        let impatience = if self.model.name == GPT_4.name && self.organization == "acme" { 0.13 } else { 0.012 };
        if self.stream && happens(rng, impatience) {
            self.broken_off = Some((0.05 + 0.8 * rng.f64(), Ended::CallerGone));
        } else if self.stream && happens(rng, 0.003) {
            self.broken_off = Some((0.1 + 0.8 * rng.f64(), Ended::ProviderGone));
        }
    }
}

/// What the provider remembers of the input.
fn cached(rng: &mut Rng, person: &Person, input: u64, age: f64) -> u64 {
    let share = match person.organization {
        "northwind" if age < CACHE_SINCE => 0.9,
        "umbrella-research" => 0.35,
        _ => 0.04,
    };
    // Providers remember from 1,024 tokens on, in steps of 128.
    if input < 1024 || !happens(rng, share) { 0 } else { (input * rng.u64(70..95) / 100 / 128 * 128).max(1024) }
}

fn weighted(rng: &mut Rng, models: &[(Model, f64)]) -> Model {
    let mut left = rng.f64() * models.iter().map(|(_, weight)| weight).sum::<f64>();
    let chosen = models.iter().find(|(_, weight)| {
        left -= weight;
        left <= 0.0
    });
    chosen.or(models.last()).map_or(GPT_35, |(model, _)| *model)
}
