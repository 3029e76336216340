//! Model: the names the provider knows, and how each behaves.

/// How a model behaves, relative to what the options say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    /// The name callers use.
    pub(super) name: &'static str,
    /// The dated name that answers carry.
    pub(super) snapshot: &'static str,
    /// Times the time to first token.
    pub(super) patience: f64,
    /// Times the tokens per second.
    pub(super) speed: f64,
    /// Thinks before it answers.
    pub(super) reasons: bool,
    /// Remembers long prompts.
    pub(super) caches: bool,
    /// Numbers in an embedding; 0 for a model that writes.
    pub(super) dimensions: usize,
}

const WRITER: Model =
    Model { name: "", snapshot: "", patience: 1.0, speed: 1.0, reasons: false, caches: false, dimensions: 0 };

/// The models that are listed. Others are answered too, as an average model under the name asked for.
pub(super) const MODELS: &[Model] = &[
    Model { name: "gpt-4", snapshot: "gpt-4-0613", patience: 1.8, speed: 0.4, ..WRITER },
    Model { name: "gpt-4-turbo", snapshot: "gpt-4-turbo-2024-04-09", patience: 1.4, speed: 0.6, ..WRITER },
    Model { name: "gpt-3.5-turbo", snapshot: "gpt-3.5-turbo-0125", patience: 0.7, speed: 1.5, ..WRITER },
    Model { name: "gpt-3.5-turbo-instruct", snapshot: "gpt-3.5-turbo-instruct:20230824-v2", speed: 1.5, ..WRITER },
    Model { name: "gpt-4o", snapshot: "gpt-4o-2024-08-06", speed: 1.2, caches: true, ..WRITER },
    Model {
        name: "gpt-4o-mini",
        snapshot: "gpt-4o-mini-2024-07-18",
        patience: 0.7,
        speed: 1.6,
        caches: true,
        ..WRITER
    },
    Model { name: "gpt-4.1", snapshot: "gpt-4.1-2025-04-14", speed: 1.3, caches: true, ..WRITER },
    Model {
        name: "gpt-4.1-mini",
        snapshot: "gpt-4.1-mini-2025-04-14",
        patience: 0.7,
        speed: 1.7,
        caches: true,
        ..WRITER
    },
    Model {
        name: "gpt-5",
        snapshot: "gpt-5-2025-08-07",
        patience: 1.2,
        speed: 1.1,
        reasons: true,
        caches: true,
        dimensions: 0,
    },
    Model { name: "o4-mini", snapshot: "o4-mini-2025-04-16", speed: 1.6, reasons: true, caches: true, ..WRITER },
    Model {
        name: "text-embedding-3-small",
        snapshot: "text-embedding-3-small",
        patience: 0.3,
        dimensions: 1536,
        ..WRITER
    },
    Model {
        name: "text-embedding-3-large",
        snapshot: "text-embedding-3-large",
        patience: 0.4,
        dimensions: 3072,
        ..WRITER
    },
];

/// What is known of the model called `name`.
pub(super) fn model(name: &str) -> Model {
    MODELS.iter().find(|model| model.name == name || model.snapshot == name).copied().unwrap_or(WRITER)
}
