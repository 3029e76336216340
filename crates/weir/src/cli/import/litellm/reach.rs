//! How an entry's provider is reached: its address, and the variable with its key.
//!
//! A key goes where the file says and nowhere else. A variable that usually holds the key of one host is taken for that host only,
//! and a key that stands in the file gets a variable for itself alone: whatever happens to be set in the environment never
//! reaches a host that it was not meant for.

use http::Uri;
use yaml_rust2::Yaml;

use super::{Import, Known, NOWHERE, VARIABLE, get, string, table};
use crate::config::PRESETS;

/// Words in front of a host's name that say nothing about whose it is.
const PLAIN: &[&str] = &["api", "www", "inference", "gateway", "llm", "openai"];

/// Where a provider is, its name, and what holds its key.
pub(super) struct Reach {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) api_key: String,
}

/// A key that stands in the file, where it is sent and the variable that takes its place.
pub(super) struct Literal {
    origin: String,
    key: String,
    variable: String,
}

impl Import<'_> {
    /// What an entry says about its provider. `model` is the entry's name.
    pub(super) fn reach(&mut self, model: &str, prefix: &str, known: &Known, parameters: &Yaml) -> Reach {
        let given = ["api_base", "base_url"].iter().find_map(|key| string(get(parameters, key)));
        let base_url = match given.map(|given| self.resolve(model, &given)) {
            Some(given) => address(prefix, &given),
            None if known.base_url.is_empty() => {
                self.note(format!("{model}: litellm_params has no api_base; fill base_url in"));
                NOWHERE.to_owned()
            }
            None => self.own_address(model, prefix, known, parameters),
        };
        let origin = origin(&base_url);
        let name = name(known, &origin);
        let api_key = match string(get(parameters, "api_key")) {
            Some(key) => match key.strip_prefix(VARIABLE) {
                Some(variable) => {
                    if !fits(variable, &origin) {
                        self.note(format!(
                            "{model}: the file sends {variable} to {origin}, which it usually is not meant for; look whether it should"
                        ));
                    }
                    format!("env:{variable}")
                }
                None => self.literal(model, key, &origin, &name, known),
            },
            None if matches!(prefix, "ollama" | "ollama_chat" | "hosted_vllm" | "vllm") => "caller".to_owned(),
            None => self.unsaid(model, &origin, &name, known),
        };
        Reach { name, base_url, api_key }
    }

    /// The variable for a key that stands in the file: one for each key and host.
    fn literal(&mut self, model: &str, key: String, origin: &str, name: &str, known: &Known) -> String {
        let same = |other: &&Literal| other.origin == origin && other.key == key;
        let variable = match self.literals.iter().find(same) {
            Some(other) => other.variable.clone(),
            None => {
                let usual = is_home(known, origin).then(|| known.variable.to_owned());
                let variable = self.free_variable(usual, name);
                self.literals.push(Literal { origin: origin.to_owned(), key, variable: variable.clone() });
                variable
            }
        };
        self.note(format!("{model}: the key in the file is not repeated; put it into the variable {variable}"));
        format!("env:{variable}")
    }

    /// The variable where the file says nothing about a key. LiteLLM then sends what the usual one holds to whatever address.
    fn unsaid(&mut self, model: &str, origin: &str, name: &str, known: &Known) -> String {
        if fits(known.variable, origin) {
            return format!("env:{}", known.variable);
        }
        let (key, usual) = (String::new(), known.variable);
        let same = self.literals.iter().find(|other| other.origin == origin && other.key.is_empty());
        let variable = same.map(|other| other.variable.clone()).unwrap_or_else(|| self.free_variable(None, name));
        self.note(format!(
            "{model}: the file names no key for {origin}, where LiteLLM sends {usual}; Weir sends what is in {variable}"
        ));
        self.literals.push(Literal { origin: origin.to_owned(), key, variable: variable.clone() });
        format!("env:{variable}")
    }

    /// A variable that the file does not name, that no provider's key usually is in, and that is no other key's.
    fn free_variable(&self, usual: Option<String>, name: &str) -> String {
        let stem: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        let numbered = (2..).map(|number| format!("{stem}_{number}_API_KEY"));
        let free = |variable: &String| {
            let named = self.text.contains(&format!("{VARIABLE}{variable}"));
            !named && !self.literals.iter().any(|literal| literal.variable == *variable)
        };
        let own = std::iter::once(format!("{stem}_API_KEY")).chain(numbered).filter(|variable| !is_usual(variable));
        usual.into_iter().chain(own).find(free).unwrap_or_default()
    }

    /// The address where none is given: the provider's, with the customer's place in it where each has one.
    fn own_address(&mut self, model: &str, prefix: &str, known: &Known, parameters: &Yaml) -> String {
        let mut address = known.base_url.to_owned();
        if address.contains("LOCATION") && self.said(parameters, "vertex_location").as_deref() == Some("global") {
            address = address.replacen("LOCATION-", "", 1);
        }
        for (mark, key) in PLACES {
            if !address.contains(mark) {
                continue;
            }
            match self.said(parameters, key) {
                Some(place) if is_plain(&place) => address = address.replace(mark, &place),
                _ => {
                    self.note(format!(
                        "{model}: litellm_params.{key} is not said; put it in the place of {mark} in base_url"
                    ));
                }
            }
        }
        if matches!(prefix, "vertex_ai" | "vertex_ai_beta") {
            self.note(format!(
                "{model}: Vertex AI takes access tokens that end within an hour; put one into {} and renew it, or let callers \
                 bring theirs with api_key = \"caller\"",
                known.variable
            ));
        }
        address
    }

    /// A parameter that may stand in a variable.
    fn said(&self, parameters: &Yaml, key: &str) -> Option<String> {
        let text = string(get(parameters, key))?;
        text.strip_prefix(VARIABLE).map_or(Some(text.clone()), |name| (self.variable)(name))
    }
}

/// What stands in an address for the customer's own place, and LiteLLM's setting with it.
pub(super) const PLACES: [(&str, &str); 3] =
    [("PROJECT", "vertex_project"), ("LOCATION", "vertex_location"), ("REGION", "aws_region_name")];

/// The model's name at the provider's OpenAI-compatible endpoint; none where that endpoint does not serve it.
pub(super) fn at_endpoint(prefix: &str, model: &str) -> Option<String> {
    match prefix {
        "vertex_ai" | "vertex_ai_beta" => {
            let publisher = model.split_once('/').map(|(publisher, _)| publisher);
            match publisher {
                None if model.starts_with("gemini-") => Some(format!("google/{model}")),
                None => None,
                Some("openai" | "fine_tuned") => None,
                Some(_) => Some(model.to_owned()),
            }
        }
        "bedrock" | "bedrock_converse" | "bedrock_mantle" => {
            // `converse/` and a region may stand in front, and `us.` and its like; the endpoint knows no versions behind.
            let name = model.rsplit('/').next().unwrap_or(model);
            let spread = ["us.", "eu.", "apac.", "jp.", "au.", "global."];
            let name = spread.iter().find_map(|spread| name.strip_prefix(spread)).unwrap_or(name);
            let foreign = name.starts_with("anthropic.") || model.starts_with("arn:") || model.starts_with("invoke/");
            (!foreign).then(|| without_version(name).to_owned())
        }
        _ => Some(model.to_owned()),
    }
}

/// `openai.gpt-oss-120b-1:0` is `openai.gpt-oss-120b`.
fn without_version(name: &str) -> &str {
    let Some((front, minor)) = name.rsplit_once(':') else { return name };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match front.rsplit_once('-') {
        Some((model, major)) if number(minor) && number(major.trim_start_matches('v')) => model,
        _ => name,
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

/// Scheme, host and port. What cannot be read is no host that anything is known of.
fn origin(base_url: &str) -> String {
    let uri = base_url.parse::<Uri>().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?)));
    parts.map_or_else(|| base_url.to_owned(), |(scheme, authority)| format!("{scheme}://{authority}").to_lowercase())
}

/// Whether it is the provider's own host, which may have the customer's place in its name.
fn is_home(known: &Known, origin: &str) -> bool {
    let Some((scheme, rest)) = known.base_url.split_once("://") else { return false };
    let host = rest.split('/').next().unwrap_or(rest);
    match PLACES.iter().find_map(|(mark, _)| host.split_once(mark)) {
        None => origin == format!("{scheme}://{host}"),
        Some((front, back)) => {
            let worldwide = format!("{scheme}://{front}{}", back.trim_start_matches('-'));
            let place = origin.strip_prefix(&format!("{scheme}://{front}")).and_then(|rest| rest.strip_suffix(back));
            place.is_some_and(is_plain) || origin == worldwide
        }
    }
}

/// Whether a variable may be sent to a host: it is not the usual one of another.
fn fits(variable: &str, origin: &str) -> bool {
    let homes: Vec<Known> = table().filter(|known| known.variable == variable && !known.base_url.is_empty()).collect();
    homes.is_empty() || homes.iter().any(|known| is_home(known, origin))
}

fn is_usual(variable: &str) -> bool {
    table().any(|known| known.variable == variable) || PRESETS.iter().any(|preset| preset.variable == variable)
}

/// A provider's name: its usual one at its own host, else by the host, since names mean prices and keys.
fn name(known: &Known, origin: &str) -> String {
    if is_home(known, origin) || origin.ends_with(".invalid") {
        return known.name.to_owned();
    }
    let host = origin.parse::<Uri>().ok().and_then(|uri| Some(uri.host()?.to_owned())).unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let label = labels.iter().take(2).find(|label| !PLAIN.contains(label)).copied();
    let label = label.filter(|label| label.starts_with(|c: char| c.is_ascii_alphabetic()));
    let own = known.base_url.is_empty();
    match label.filter(|label| is_plain(label)) {
        Some(label) if label == known.name => label.to_owned(),
        Some(label) if own => format!("{}-{label}", known.name),
        Some(label) => label.to_owned(),
        None => {
            let host: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            format!("{}-{}", known.name, host.trim_matches('-'))
        }
    }
}

/// Whether a text can stand in an address and in a name.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
