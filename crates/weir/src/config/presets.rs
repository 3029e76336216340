//! What `weir serve` does without a file: the providers whose usual key variables are set.

use super::written::WrittenProvider;
use super::{Config, ConfigError, Overrides, Written};

/// A provider that speaks OpenAI's format at a well-known address.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// The variable that usually holds its key.
    pub variable: &'static str,
    base_url: &'static str,
    models: &'static [&'static str],
}

/// In the order in which models are looked for.
const PRESETS: &[Preset] = &[
    Preset {
        name: "openai",
        variable: "OPENAI_API_KEY",
        base_url: "https://api.openai.com/v1",
        models: &["gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "text-embedding-*", "davinci-*", "babbage-*"],
    },
    Preset {
        name: "anthropic",
        variable: "ANTHROPIC_API_KEY",
        base_url: "https://api.anthropic.com/v1",
        models: &["claude-*"],
    },
    Preset {
        name: "gemini",
        variable: "GEMINI_API_KEY",
        base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
        models: &["gemini-*", "models/gemini-*"],
    },
    Preset {
        name: "mistral",
        variable: "MISTRAL_API_KEY",
        base_url: "https://api.mistral.ai/v1",
        models: &["mistral-*", "ministral-*", "codestral-*", "magistral-*", "devstral-*", "pixtral-*"],
    },
    Preset {
        name: "deepseek",
        variable: "DEEPSEEK_API_KEY",
        base_url: "https://api.deepseek.com/v1",
        models: &["deepseek-*"],
    },
    Preset { name: "xai", variable: "XAI_API_KEY", base_url: "https://api.x.ai/v1", models: &["grok-*"] },
    Preset {
        name: "openrouter",
        variable: "OPENROUTER_API_KEY",
        base_url: "https://openrouter.ai/api/v1",
        models: &["*/*"],
    },
    Preset { name: "groq", variable: "GROQ_API_KEY", base_url: "https://api.groq.com/openai/v1", models: &[] },
    Preset { name: "together", variable: "TOGETHER_API_KEY", base_url: "https://api.together.xyz/v1", models: &[] },
    Preset {
        name: "fireworks",
        variable: "FIREWORKS_API_KEY",
        base_url: "https://api.fireworks.ai/inference/v1",
        models: &["accounts/*"],
    },
];

impl Preset {
    fn written(&self, api_key: &str, default: bool) -> WrittenProvider {
        WrittenProvider {
            name: self.name.to_owned(),
            base_url: self.base_url.to_owned(),
            api_key: Some(api_key.to_owned()),
            models: self.models.iter().map(|&pattern| pattern.to_owned()).collect(),
            default,
            // Mistral refuses `stream_options` and sends usage without being asked.
            inject_usage: self.name != "mistral",
            catalog: None,
            region: None,
            on_client_gone: super::OnClientGone::default(),
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
    let nothing = !PRESETS.iter().any(|preset| is_set(preset.variable));
    for preset in PRESETS {
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
