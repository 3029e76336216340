//! Wire formats: which values of an answer matter, and what they mean. One file per provider's format.

mod heard;
mod openai;

pub use heard::Heard;
pub use openai::Answer;

/// What kind of call a request is, as `api` in the Record says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Api {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `GET /v1/models`
    Models,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/images/…`
    Images,
    /// `POST /v1/audio/speech`
    Speech,
    /// `POST /v1/audio/transcriptions` and `POST /v1/audio/translations`
    Transcriptions,
    /// Any other path under `/v1/`.
    #[default]
    Other,
}

impl Api {
    /// The name in `api`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Api::Chat => "chat",
            Api::Completions => "completions",
            Api::Embeddings => "embeddings",
            Api::Models => "models",
            Api::Responses => "responses",
            Api::Images => "images",
            Api::Speech => "speech",
            Api::Transcriptions => "transcriptions",
            Api::Other => "other",
        }
    }

    /// Whether its answer is JSON or events of JSON, so that anything else is a failure.
    #[must_use]
    pub const fn answers_json(self) -> bool {
        !matches!(self, Api::Images | Api::Speech | Api::Transcriptions | Api::Other)
    }
}
