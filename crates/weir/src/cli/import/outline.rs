//! A configuration in outline, and how it is written down.

use std::fmt::Write as _;

use toml::Value;

/// A provider.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) api_key: String,
    pub(super) models: Vec<String>,
    pub(super) default: bool,
    /// Whether it takes the question for a stream's usage.
    pub(super) inject_usage: bool,
}

/// A name of one's own for a provider's model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Route {
    pub(super) model: String,
    /// The provider's place in [`Outline::providers`].
    pub(super) provider: usize,
    pub(super) target: String,
}

/// What a model costs, in USD per 1,000,000 tokens, by the setting's name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Price {
    pub(super) model: String,
    pub(super) parts: Vec<(&'static str, f64)>,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Outline {
    pub(super) providers: Vec<Provider>,
    pub(super) routes: Vec<Route>,
    pub(super) prices: Vec<Price>,
    /// Name and SHA-256 of callers' keys.
    pub(super) keys: Vec<(String, String)>,
    /// Seconds that a request may take.
    pub(super) total_seconds: Option<u64>,
    /// What has no equivalent, and what is to be done by hand.
    pub(super) notes: Vec<String>,
}

impl Outline {
    /// Weir's configuration. What was not taken over stands in front, as comments.
    pub(super) fn to_toml(&self, from: &str) -> String {
        let mut out = format!("# Made by `weir import-config` from {}.\n", printable(from));
        if !self.notes.is_empty() {
            out.push_str("#\n# Not taken over, or to be looked at:\n");
            self.notes.iter().for_each(|note| write(&mut out, format_args!("# - {}\n", printable(note))));
        }
        if let Some(seconds) = self.total_seconds {
            write(&mut out, format_args!("\n[timeouts]\ntotal = \"{seconds}s\"\n"));
        }
        for provider in &self.providers {
            let (name, url, key) = (text(&provider.name), text(&provider.base_url), text(&provider.api_key));
            write(&mut out, format_args!("\n[[providers]]\nname = {name}\nbase_url = {url}\napi_key = {key}\n"));
            if !provider.models.is_empty() {
                let models: Vec<String> = provider.models.iter().map(|model| text(model)).collect();
                write(&mut out, format_args!("models = [{}]\n", models.join(", ")));
            }
            if !provider.inject_usage {
                out.push_str("inject_usage = false\n");
            }
            if provider.default {
                out.push_str("default = true\n");
            }
        }
        for route in &self.routes {
            let (model, target) = (text(&route.model), text(&route.target));
            let provider = text(&self.providers[route.provider].name);
            let targets = format_args!("[{{ provider = {provider}, model = {target} }}]");
            write(&mut out, format_args!("\n[[routes]]\nmodel = {model}\ntargets = {targets}\n"));
        }
        for (name, sha256) in &self.keys {
            write(&mut out, format_args!("\n[[keys]]\nname = {}\nsha256 = \"{sha256}\"\n", text(name)));
        }
        for price in &self.prices {
            write(&mut out, format_args!("\n[pricing.{}]\n", text(&price.model)));
            price.parts.iter().for_each(|(part, usd)| write(&mut out, format_args!("{part} = {usd}\n")));
        }
        out
    }
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(text);
}

fn text(text: &str) -> String {
    // Basic strings only: they are keys as well as values.
    let escaped = Value::from(text).to_string();
    if escaped.starts_with('"') && !escaped.starts_with("\"\"\"") { escaped } else { format!("{text:?}") }
}

/// A comment ends with its line.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
