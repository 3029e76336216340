//! LiteLLM's `config.yaml`: `model_list` becomes providers and routes; of the rest, what Weir has is taken over and everything
//! else is listed.

mod reach;

use yaml_rust2::{Yaml, YamlLoader};

use self::reach::{Literal, PLACES, Reach, at_endpoint};
use super::outline::{Outline, Price, Provider, Route};
use crate::config::{Preset, hex, sha256};

/// LiteLLM's prefixes, and what is known of their providers.
const PROVIDERS: &str = include_str!("providers.csv");
/// How LiteLLM refers to a variable.
const VARIABLE: &str = "os.environ/";
/// Characters of a key below which its hash hides it badly.
const SHORT: usize = 20;
/// What stands where an address has to be filled in.
const NOWHERE: &str = "https://to-be-filled-in.invalid/v1";

/// LiteLLM's settings for prices, in USD per token, and Weir's, per million.
const PRICES: [(&str, &str); 4] = [
    ("input_cost_per_token", "input_per_million"),
    ("output_cost_per_token", "output_per_million"),
    ("cache_read_input_token_cost", "cached_input_per_million"),
    ("cache_creation_input_token_cost", "cache_write_per_million"),
];

/// Settings that are there in another way, and what that is.
const OTHERWISE: &[(&str, &str)] = &[
    ("fallbacks", "Weir asks one provider and passes on what it answers"),
    ("context_window_fallbacks", "Weir asks one provider and passes on what it answers"),
    ("content_policy_fallbacks", "Weir asks one provider and passes on what it answers"),
    ("default_fallbacks", "Weir asks one provider and passes on what it answers"),
    ("num_retries", "Weir sends a request once; official SDKs try again by themselves"),
    ("routing_strategy", "a model leads to one provider"),
    ("cache", "Weir has no cache of its own; what the provider had in its cache is on the Record"),
    ("callbacks", "every request leaves a Record in the journal and on stdout, and /metrics has the sums"),
    ("success_callback", "every request leaves a Record in the journal and on stdout, and /metrics has the sums"),
    ("failure_callback", "every request leaves a Record in the journal and on stdout, and /metrics has the sums"),
    ("drop_params", "Weir changes nothing in requests but the model's name"),
    ("database_url", "Weir needs no database; virtual keys become [[keys]], see `weir key new`"),
    ("max_parallel_requests", "see max_in_flight"),
    ("alerting", "alert on /metrics"),
    ("set_verbose", "Weir's log has what operators need, and no requests"),
    ("debug", "Weir's log has what operators need, and no requests"),
    ("json_logs", "Weir's log is for people; Records are JSON"),
];

/// Parameters of a model that are there in another way, and what that is.
const PARAMETERS: &[(&str, &str)] = &[
    ("api_version", "has no equivalent: the resource's /openai/v1 takes none"),
    ("aws_access_key_id", "has no equivalent: Weir signs nothing; make an API key of Bedrock"),
    ("aws_secret_access_key", "has no equivalent: Weir signs nothing; make an API key of Bedrock"),
    ("vertex_credentials", "has no equivalent: Weir fetches no tokens"),
    ("timeout", "has no equivalent by model: see timeouts.total"),
];

/// Reads a configuration. `variable` looks a variable up.
pub(super) fn import(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Outline, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| format!("not YAML: {error}"))?;
    let Some(document) = documents.first().filter(|document| document.as_hash().is_some()) else {
        return Err("not a configuration of LiteLLM: it has no model_list".to_owned());
    };
    let mut import = Import { outline: Outline::default(), variable: &variable, text, literals: Vec::new() };
    for entry in get(document, "model_list").as_vec().into_iter().flatten() {
        import.model(entry);
    }
    for (section, key, value) in settings(document) {
        import.setting(&section, &key, value);
    }
    import.finish()
}

struct Import<'a> {
    outline: Outline,
    variable: &'a dyn Fn(&str) -> Option<String>,
    /// The file.
    text: &'a str,
    /// The keys in it, as far as it was read.
    literals: Vec<Literal>,
}

/// A row of the table of providers.
struct Known {
    name: &'static str,
    base_url: &'static str,
    variable: &'static str,
}

/// The table, by prefix.
fn rows() -> impl Iterator<Item = (&'static str, Known)> {
    PROVIDERS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split(',');
        let prefix = cells.next()?;
        Some((prefix, Known { name: cells.next()?, base_url: cells.next()?, variable: cells.next()? }))
    })
}

fn table() -> impl Iterator<Item = Known> {
    rows().map(|(_, known)| known)
}

fn known(prefix: &str) -> Option<Known> {
    rows().find_map(|(name, known)| (name == prefix).then_some(known))
}

impl Import<'_> {
    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.outline.notes.contains(&note) {
            self.outline.notes.push(note);
        }
    }

    fn model(&mut self, entry: &Yaml) {
        let (name, parameters) = (string(get(entry, "model_name")), get(entry, "litellm_params"));
        let (Some(name), Some(model)) = (name, string(get(parameters, "model"))) else {
            return self.note("an entry of model_list has no model_name, or no litellm_params.model");
        };
        let said = string(get(parameters, "custom_llm_provider"));
        let (prefix, model) = match (said.as_deref(), model.split_once('/')) {
            (_, Some((prefix, rest))) if is_adapter(prefix) || known(prefix).is_some() => (prefix, rest),
            (Some(prefix), _) => (prefix, model.as_str()),
            // Without a prefix LiteLLM goes by the name.
            (None, _) => (guess(&model), model.as_str()),
        };
        let endpoint = known(prefix).filter(|_| !is_adapter(prefix)).zip(at_endpoint(prefix, model));
        let Some((known, target)) = endpoint else {
            return self.note(format!(
                "{name}: LiteLLM reaches {model} at {prefix} in a format of its own; reach it through an OpenAI-compatible \
                 endpoint, if it has one, as a provider by hand"
            ));
        };
        let provider = self.provider(&name, prefix, &known, parameters);
        self.leads(&name, provider, &target);
        self.price(&name, entry);
        for (key, _) in entries(parameters).into_iter().filter(|(key, _)| !is_understood(key, &known)) {
            let why = PARAMETERS.iter().find(|(name, _)| *name == key).map_or("has no equivalent", |(_, why)| *why);
            self.note(format!("{name}: litellm_params.{key} {why}"));
        }
        self.info(&name, get(entry, "model_info"));
        for (key, _) in entries(entry) {
            if !matches!(key.as_str(), "model_name" | "litellm_params" | "model_info" | "<<") {
                self.note(format!("{name}: {key} has no equivalent"));
            }
        }
    }

    /// What is said about a model and is neither a price nor a mere description.
    fn info(&mut self, name: &str, info: &Yaml) {
        for (key, value) in entries(info) {
            match key.as_str() {
                "base_model" => {
                    let model = string(value).unwrap_or_default();
                    self.note(format!(
                        "{name}: model_info.base_model {model}: Weir prices by the model that the answer names, which \
                         deployments of Azure do; where an answer names none, set [pricing.\"{name}\"]"
                    ));
                }
                _ if describes(&key) => {}
                _ => self.note(format!("{name}: model_info.{key} has no equivalent")),
            }
        }
    }

    /// The provider that an entry asks; entries with the same address and key share one.
    fn provider(&mut self, model: &str, prefix: &str, known: &Known, parameters: &Yaml) -> usize {
        let Reach { name, base_url, api_key } = self.reach(model, prefix, known, parameters);
        let same = |other: &Provider| other.base_url == base_url && other.api_key == api_key;
        if let Some(place) = self.outline.providers.iter().position(same) {
            return place;
        }
        // Codestral's endpoint is Mistral's, too.
        let preset = Preset::named(if known.name == "codestral" { "mistral" } else { known.name });
        let inject_usage = preset.is_none_or(|preset| preset.inject_usage);
        let name = self.free_name(&name);
        let models = Vec::new();
        self.outline.providers.push(Provider { name, base_url, api_key, models, default: false, inject_usage });
        self.outline.providers.len() - 1
    }

    fn free_name(&self, name: &str) -> String {
        let taken = |name: &String| self.outline.providers.iter().any(|provider| provider.name == *name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    /// A model's name leads to a provider.
    fn leads(&mut self, name: &str, provider: usize, model: &str) {
        let outline = &mut self.outline;
        if name == "*" {
            if outline.providers.iter().any(|provider| provider.default) {
                return self.note("*: only one provider can have default = true; the first one is taken");
            }
            outline.providers[provider].default = true;
        } else if name.contains('*') && name == model {
            outline.providers[provider].models.push(name.to_owned());
        } else if name.contains('*') {
            self.note(format!("{name}: a pattern cannot lead to {model}; Weir passes names on as they are"));
        } else if outline.routes.iter().any(|route| route.model == name) {
            self.note(format!(
                "{name}: there are several; the first one is taken, since a model leads to one provider"
            ));
        } else {
            outline.routes.push(Route { model: name.to_owned(), provider, target: model.to_owned() });
        }
    }

    fn price(&mut self, name: &str, entry: &Yaml) {
        let places = [get(entry, "model_info"), get(entry, "litellm_params")];
        let parts: Vec<(&str, f64)> = PRICES
            .iter()
            .filter_map(|(theirs, ours)| {
                let usd = places.iter().find_map(|place| number(get(place, theirs)))?;
                // Per million; what multiplying adds in the twelfth place was not meant.
                Some((*ours, format!("{:.9}", usd * 1e6).parse().ok()?))
            })
            .collect();
        let there = self.outline.prices.iter().any(|price| price.model == name);
        if parts.iter().any(|(part, _)| *part == "input_per_million") && !there {
            self.outline.prices.push(Price { model: name.to_owned(), parts });
        } else if !parts.is_empty() && !there {
            self.note(format!("{name}: a price needs input_cost_per_token"));
        }
    }

    fn setting(&mut self, section: &str, key: &str, value: &Yaml) {
        match key {
            "master_key" => self.master_key(value),
            "request_timeout" | "timeout" => match number(value) {
                Some(seconds) if seconds >= 1.0 => self.outline.total_seconds = Some(seconds.ceil() as u64),
                _ => self.note(format!("{section}.{key}: not a number of seconds")),
            },
            "model_group_alias" => entries(value).into_iter().for_each(|(alias, to)| self.alias(alias, to)),
            _ => {
                let otherwise = OTHERWISE.iter().find(|(name, _)| *name == key);
                let why = otherwise.map_or("has no equivalent", |(_, why)| *why);
                self.note(format!("{section}.{key}: {why}"));
            }
        }
    }

    fn master_key(&mut self, value: &Yaml) {
        let written = string(value).unwrap_or_default();
        let key = match written.strip_prefix(VARIABLE) {
            Some(variable) => (self.variable)(variable),
            None => Some(written.clone()).filter(|key| !key.is_empty()),
        };
        match key {
            Some(key) => {
                if key.len() < SHORT {
                    self.note(
                        "general_settings.master_key is short enough to be guessed from its hash; make another key",
                    );
                }
                self.outline.keys.push(("master".to_owned(), hex(&sha256(key.as_bytes()))));
            }
            None => self.note(format!(
                "general_settings.master_key: {written} is not set here; make keys for callers with `weir key new`"
            )),
        }
    }

    fn alias(&mut self, alias: String, to: &Yaml) {
        let to = string(to).or_else(|| string(get(to, "model"))).unwrap_or_default();
        match self.outline.routes.iter().find(|route| route.model == to) {
            Some(route) => {
                let route = Route { model: alias, ..route.clone() };
                self.outline.routes.push(route);
            }
            None => self.note(format!("model_group_alias.{alias}: there is no {to}")),
        }
    }

    /// A text that may name a variable.
    fn resolve(&mut self, model: &str, text: &str) -> String {
        let Some(name) = text.strip_prefix(VARIABLE) else { return text.to_owned() };
        (self.variable)(name).unwrap_or_else(|| {
            self.note(format!("{model}: api_base is in the variable {name}, which is not set here; fill base_url in"));
            NOWHERE.to_owned()
        })
    }

    fn finish(mut self) -> Result<Outline, String> {
        if self.outline.providers.is_empty() {
            let notes = self.outline.notes.join("\n  ");
            return Err(format!("nothing in model_list can be taken over\n  {notes}"));
        }
        let dear = self.outline.keys.is_empty();
        if dear && self.outline.providers.iter().any(|provider| provider.api_key != "caller") {
            self.note(
                "nobody needs a key to call; where others reach this Weir, give callers keys with `weir key new`",
            );
        }
        Ok(self.outline)
    }
}

/// Providers that LiteLLM translates to. Weir translates nothing.
fn is_adapter(prefix: &str) -> bool {
    matches!(
        prefix,
        "sagemaker"
            | "sagemaker_chat"
            | "huggingface"
            | "replicate"
            | "watsonx"
            | "databricks"
            | "cloudflare"
            | "palm"
            | "nlp_cloud"
            | "aleph_alpha"
            | "petals"
            | "predibase"
            | "azure_text"
            | "triton"
            | "snowflake"
    )
}

fn guess(model: &str) -> &'static str {
    let is = |prefix: &str| model.starts_with(prefix);
    if is("claude") {
        "anthropic"
    } else if is("gemini") {
        "gemini"
    } else if is("command") {
        "cohere"
    } else {
        "openai"
    }
}

/// What is taken over.
fn is_understood(parameter: &str, known: &Known) -> bool {
    matches!(parameter, "model" | "api_base" | "base_url" | "api_key" | "custom_llm_provider" | "<<")
        || PRICES.iter().any(|(name, _)| *name == parameter)
        || PLACES.iter().any(|(mark, name)| *name == parameter && known.base_url.contains(mark))
}

/// What only describes a model, or is a price that is taken over.
fn describes(info: &str) -> bool {
    matches!(info, "id" | "mode" | "db_model" | "description" | "litellm_provider" | "key" | "<<")
        || ["max_", "supports_", "supported_", "created_", "updated_"].iter().any(|prefix| info.starts_with(prefix))
        || PRICES.iter().any(|(name, _)| *name == info)
}

/// Every setting beside the models, with its section.
fn settings(document: &Yaml) -> Vec<(String, String, &Yaml)> {
    let mut settings = Vec::new();
    for (section, value) in entries(document).into_iter().filter(|(section, _)| section != "model_list") {
        match value.as_hash() {
            Some(_) => {
                let inner = entries(value).into_iter();
                settings.extend(inner.map(|(key, value)| (section.clone(), key, value)));
            }
            None => settings.push(("config".to_owned(), section, value)),
        }
    }
    settings
}

/// The value of a key, also of one that was merged in with `<<`.
fn get<'a>(yaml: &'a Yaml, key: &str) -> &'a Yaml {
    match &yaml[key] {
        Yaml::BadValue if key != "<<" => match &yaml["<<"] {
            Yaml::BadValue => &Yaml::BadValue,
            merged => get(merged, key),
        },
        value => value,
    }
}

fn entries(yaml: &Yaml) -> Vec<(String, &Yaml)> {
    let hash = yaml.as_hash().into_iter().flatten();
    hash.filter_map(|(key, value)| Some((string(key)?, value))).collect()
}

fn string(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn number(yaml: &Yaml) -> Option<f64> {
    string(yaml)?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests;
