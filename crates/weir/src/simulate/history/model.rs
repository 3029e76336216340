//! The models that were asked.

use fastrand::Rng;

/// A model, and how it behaves relative to others.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    /// The dated name that answers carry.
    pub(super) snapshot: &'static str,
    /// How often it is asked.
    weight: f64,
    pub(super) patience: f64,
    pub(super) speed: f64,
    pub(super) kwh_per_1k: f64,
    pub(super) caches: bool,
    pub(super) reasons: bool,
    pub(super) embeds: bool,
}

const WRITER: Model = Model {
    name: "",
    snapshot: "",
    weight: 1.0,
    patience: 1.0,
    speed: 1.0,
    kwh_per_1k: 0.002,
    caches: false,
    reasons: false,
    embeds: false,
};

/// The mission's models beside current ones.
pub(super) const MODELS: &[Model] = &[
    Model {
        name: "gpt-4o-mini",
        snapshot: "gpt-4o-mini-2024-07-18",
        weight: 3.0,
        patience: 0.7,
        speed: 1.6,
        caches: true,
        ..WRITER
    },
    Model {
        name: "gpt-4.1-mini",
        snapshot: "gpt-4.1-mini-2025-04-14",
        weight: 2.4,
        patience: 0.7,
        speed: 1.7,
        caches: true,
        ..WRITER
    },
    Model { name: "gpt-4o", snapshot: "gpt-4o-2024-08-06", weight: 1.6, speed: 1.2, caches: true, ..WRITER },
    Model {
        name: "gpt-5",
        snapshot: "gpt-5-2025-08-07",
        patience: 1.2,
        speed: 1.1,
        caches: true,
        reasons: true,
        ..WRITER
    },
    Model {
        name: "gpt-4",
        snapshot: "gpt-4-0613",
        weight: 0.5,
        patience: 1.8,
        speed: 0.4,
        kwh_per_1k: 0.005,
        ..WRITER
    },
    Model { name: "gpt-4-turbo", snapshot: "gpt-4-turbo-2024-04-09", weight: 0.4, patience: 1.4, speed: 0.6, ..WRITER },
    Model {
        name: "gpt-3.5-turbo",
        snapshot: "gpt-3.5-turbo-0125",
        weight: 0.7,
        patience: 0.7,
        speed: 1.5,
        kwh_per_1k: 0.001,
        ..WRITER
    },
    Model {
        name: "text-embedding-3-small",
        snapshot: "text-embedding-3-small",
        patience: 0.3,
        kwh_per_1k: 0.0001,
        embeds: true,
        ..WRITER
    },
];

/// One of them, by how often each is asked.
pub(super) fn weighted(rng: &mut Rng) -> &'static Model {
    let all: f64 = MODELS.iter().map(|model| model.weight).sum();
    let mut left = rng.f64() * all;
    let found = MODELS.iter().find(|model| {
        left -= model.weight;
        left < 0.0
    });
    found.unwrap_or(&MODELS[0])
}
