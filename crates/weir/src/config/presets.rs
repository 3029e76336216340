//! Providers that speak OpenAI's format at a well-known address: what a `preset` in the configuration stands for, and what
//! `weir serve` does without a file, by the key variables that are set.

use super::written::WrittenProvider;
use super::{Config, ConfigError, Overrides, Written};

/// A provider that speaks OpenAI's format.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// The variable that usually holds its key; empty where it usually needs none.
    pub variable: &'static str,
    /// Its address; with capitals in it where each customer has one of their own.
    pub base_url: &'static str,
    /// The models it serves, where their names say so.
    pub models: &'static [&'static str],
    /// Whether it takes the question for a stream's usage.
    pub inject_usage: bool,
}

const fn preset(
    name: &'static str,
    variable: &'static str,
    base_url: &'static str,
    models: &'static [&'static str],
) -> Preset {
    Preset { name, variable, base_url, models, inject_usage: true }
}

/// In the order in which models are looked for. From the providers' own pages, as of 2026-11.
pub const PRESETS: &[Preset] = &[
    preset(
        "openai",
        "OPENAI_API_KEY",
        "https://api.openai.com/v1",
        &["gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "text-embedding-*", "davinci-*", "babbage-*"],
    ),
    preset("anthropic", "ANTHROPIC_API_KEY", "https://api.anthropic.com/v1", &["claude-*"]),
    preset(
        "gemini",
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        &["gemini-*", "models/gemini-*"],
    ),
    // Refuses `stream_options` and sends usage without being asked.
    Preset {
        inject_usage: false,
        ..preset(
            "mistral",
            "MISTRAL_API_KEY",
            "https://api.mistral.ai/v1",
            &["mistral-*", "ministral-*", "codestral-*", "magistral-*", "devstral-*", "pixtral-*"],
        )
    },
    preset("deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1", &["deepseek-*"]),
    preset("xai", "XAI_API_KEY", "https://api.x.ai/v1", &["grok-*"]),
    preset("cohere", "COHERE_API_KEY", "https://api.cohere.ai/compatibility/v1", &["command-*", "embed-*"]),
    preset("openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1", &["*/*"]),
    preset("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1", &[]),
    preset("together", "TOGETHER_API_KEY", "https://api.together.xyz/v1", &[]),
    preset("fireworks", "FIREWORKS_API_KEY", "https://api.fireworks.ai/inference/v1", &["accounts/*"]),
    preset("azure", "AZURE_OPENAI_API_KEY", "https://RESOURCE.openai.azure.com/openai/v1", &[]),
    preset(
        "vertex",
        "VERTEX_ACCESS_TOKEN",
        "https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION/endpoints/openapi",
        &["google/*"],
    ),
    preset("bedrock", "AWS_BEARER_TOKEN_BEDROCK", "https://bedrock-mantle.REGION.api.aws/v1", &[]),
    preset("ollama", "", "http://127.0.0.1:11434/v1", &[]),
    preset("vllm", "", "http://127.0.0.1:8000/v1", &[]),
    preset("llama.cpp", "", "http://127.0.0.1:8080/v1", &[]),
    preset("litellm", "LITELLM_API_KEY", "http://127.0.0.1:4000/v1", &[]),
];

impl Preset {
    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Whether each customer has an address of their own, so that it has to be written.
    #[must_use]
    pub fn has_own_address(&self) -> bool {
        self.base_url.bytes().any(|byte| byte.is_ascii_uppercase())
    }

    /// Whether it is on without a file once its key is there: its address is the same for everybody, and it is nobody's own.
    fn is_public(&self) -> bool {
        self.base_url.starts_with("https://") && !self.has_own_address()
    }

    /// Fills in what was not written.
    pub(super) fn complete(&self, written: &mut WrittenProvider) {
        if written.base_url.is_none() && !self.has_own_address() {
            written.base_url = Some(self.base_url.to_owned());
        }
        if written.models.is_empty() {
            written.models = self.models.iter().map(|&pattern| pattern.to_owned()).collect();
        }
        written.inject_usage.get_or_insert(self.inject_usage);
    }

    fn written(&self, api_key: &str, default: bool) -> WrittenProvider {
        WrittenProvider {
            name: self.name.to_owned(),
            preset: Some(self.name.to_owned()),
            base_url: None,
            api_key: Some(api_key.to_owned()),
            models: Vec::new(),
            default,
            inject_usage: None,
            catalog: None,
            region: None,
            on_client_gone: super::OnClientGone::default(),
            zone: None,
            pue: None,
            water_l_per_kwh: None,
            market_gco2e_per_kwh: None,
            serving: None,
        }
    }
}

/// The configuration for an environment, and a line about each provider: on or off, and why.
///
/// The first provider with a key is the default. Without any key callers bring their own, for OpenAI.
///
/// # Errors
/// A key that cannot be used.
pub fn from_environment(
    is_set: impl Fn(&str) -> bool,
    overrides: &Overrides,
) -> Result<(Config, Vec<String>), ConfigError> {
    let mut written = Written::default();
    let mut table = Vec::new();
    let public = || PRESETS.iter().filter(|preset| preset.is_public());
    let nothing = !public().any(|preset| is_set(preset.variable));
    for preset in public() {
        let default = written.providers.is_empty();
        let reason = if is_set(preset.variable) && preset.models.is_empty() && !default {
            // Its models are other makers', under names that other providers have too.
            "off  its models are not known by their names; say in weir.toml which it serves".to_owned()
        } else if is_set(preset.variable) {
            written.providers.push(preset.written(&format!("env:{}", preset.variable), default));
            format!("on   {} is set", preset.variable)
        } else if nothing && default {
            written.providers.push(preset.written("caller", true));
            "on   no key here: callers bring their own".to_owned()
        } else {
            format!("off  {} is not set", preset.variable)
        };
        let mark = if default && reason.starts_with("on") { " (default)" } else { "" };
        table.push(format!("{:<11} {reason}{mark}", preset.name));
    }
    Ok((Config::with_overrides(written, overrides)?, table))
}
