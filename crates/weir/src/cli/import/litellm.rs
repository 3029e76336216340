//! LiteLLM's `config.yaml`: `model_list` becomes providers and routes; of the rest, what Weir has is taken over and everything
//! else is listed.

use yaml_rust2::{Yaml, YamlLoader};

use super::outline::{Outline, Price, Provider, Route};
use crate::config::{hex, sha256};

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
];

/// Reads a configuration. `variable` looks a variable up.
pub(super) fn import(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Outline, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| format!("not YAML: {error}"))?;
    let Some(document) = documents.first().filter(|document| document.as_hash().is_some()) else {
        return Err("not a configuration of LiteLLM: it has no model_list".to_owned());
    };
    let mut import = Import { outline: Outline::default(), variable: &variable };
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
}

/// A row of the table of providers.
struct Known {
    name: &'static str,
    base_url: &'static str,
    variable: &'static str,
}

fn known(prefix: &str) -> Option<Known> {
    PROVIDERS.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut cells = line.split(',');
        (cells.next() == Some(prefix)).then_some(())?;
        Some(Known { name: cells.next()?, base_url: cells.next()?, variable: cells.next()? })
    })
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
        let Some(known) = known(prefix).filter(|_| !is_adapter(prefix)) else {
            return self.note(format!(
                "{name}: {prefix} is reached by LiteLLM in a format of its own; reach it through its OpenAI-compatible \
                 endpoint, if it has one, as a provider by hand"
            ));
        };
        let provider = self.provider(&name, prefix, &known, parameters);
        self.leads(&name, provider, model);
        self.price(&name, entry);
        for (key, _) in entries(parameters) {
            if !is_understood(&key) {
                self.note(format!("{name}: litellm_params.{key} has no equivalent"));
            }
        }
        self.info(&name, get(entry, "model_info"));
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
        let given = ["api_base", "base_url"].iter().find_map(|key| string(get(parameters, key)));
        let local = matches!(prefix, "ollama" | "ollama_chat" | "hosted_vllm" | "vllm");
        let base_url = match given.map(|given| self.resolve(model, &given)) {
            Some(given) => address(prefix, &given),
            None if known.base_url.is_empty() => {
                self.note(format!("{model}: litellm_params has no api_base; fill base_url in"));
                NOWHERE.to_owned()
            }
            None => known.base_url.to_owned(),
        };
        let api_key = match string(get(parameters, "api_key")) {
            Some(key) => match key.strip_prefix(VARIABLE) {
                Some(variable) => format!("env:{variable}"),
                None => {
                    self.note(format!(
                        "{model}: the key in the file is not repeated; put it into the variable {}",
                        known.variable
                    ));
                    format!("env:{}", known.variable)
                }
            },
            None if local => "caller".to_owned(),
            None => format!("env:{}", known.variable),
        };
        let same = |other: &Provider| other.base_url == base_url && other.api_key == api_key;
        if let Some(place) = self.outline.providers.iter().position(same) {
            return place;
        }
        let name = self.free_name(known.name);
        self.outline.providers.push(Provider { name, base_url, api_key, models: Vec::new(), default: false });
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
            "set_verbose" | "json_logs" | "debug" => {}
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
        "bedrock"
            | "bedrock_converse"
            | "sagemaker"
            | "sagemaker_chat"
            | "vertex_ai"
            | "vertex_ai_beta"
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

/// An address as Weir wants it: with the path that takes the place of `/v1`.
fn address(prefix: &str, given: &str) -> String {
    let given = given.trim_end_matches('/');
    match prefix {
        "azure" if !given.contains("/openai/v1") => format!("{given}/openai/v1"),
        "ollama" | "ollama_chat" | "hosted_vllm" | "vllm" | "litellm_proxy" if !given.ends_with("/v1") => {
            format!("{given}/v1")
        }
        _ => given.to_owned(),
    }
}

/// What is taken over, or has no meaning here.
fn is_understood(parameter: &str) -> bool {
    matches!(parameter, "model" | "api_base" | "base_url" | "api_key" | "api_version" | "custom_llm_provider" | "<<")
        || PRICES.iter().any(|(name, _)| *name == parameter)
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
