//! LiteLLM's `model_prices_and_context_window.json`: one flat object per model, in USD per token, with tier and threshold in
//! the names of the keys.

use serde_json::{Map, Value};

use super::super::row::{Band, Component, Day, Row};
use super::super::{Source, Windows};
use super::{Feed, FeedError, add_fast, chain, figure};
use crate::time;

const LETTER: &str = "L";
const NAME: &str = "LiteLLM, model_prices_and_context_window.json, MIT";

/// Pico-dollars per token.
const PICO: u8 = 12;

/// LiteLLM's name for a provider, the catalogue's, and what stands in front of the model's names.
const PROVIDERS: &[(&str, &str, &str)] = &[
    ("bedrock", "aws-bedrock", "bedrock"),
    ("bedrock_converse", "aws-bedrock", "bedrock"),
    ("bedrock_mantle", "aws-bedrock", "bedrock_mantle"),
    ("chatgpt", "openai", "chatgpt"),
    ("cohere_chat", "cohere", "cohere"),
    ("dashscope", "alibaba", "dashscope"),
    ("fireworks_ai", "fireworks", "fireworks_ai"),
    ("gemini", "google", "gemini"),
    ("together_ai", "together", "together_ai"),
];

/// What is priced by something that no answer of a language model tells.
const NOT_MODELS: &[&str] =
    &["video_generation", "search", "guardrail", "evaluation", "extraction", "image_edit", "decisions", "vector_store"];

const COMPONENTS: &[(&str, Component)] = &[
    ("input_cost_per_token", Component::Input),
    ("output_cost_per_token", Component::Output),
    ("cache_read_input_token_cost", Component::CacheRead),
    ("cache_creation_input_token_cost", Component::CacheWrite),
    ("output_cost_per_reasoning_token", Component::Reasoning),
    ("input_cost_per_audio_token", Component::InputAudio),
    ("output_cost_per_audio_token", Component::OutputAudio),
    ("input_cost_per_image_token", Component::InputImage),
    ("output_cost_per_image_token", Component::OutputImage),
];

/// What a tier is called at the end of a key, and what the answers call it.
const TIERS: &[(&str, &str)] = &[
    ("batches", "batch"),
    ("flex", "flex"),
    ("priority", "priority"),
    ("fast", "fast"),
    ("ultrafast", "ultrafast"),
    ("balanced", "balanced"),
];

const PER: &[(&str, &str)] = &[
    ("input_cost_per_request", "request"),
    ("input_cost_per_query", "query"),
    ("input_cost_per_second", "input_second"),
    ("output_cost_per_second", "output_second"),
    ("input_cost_per_character", "input_char"),
    ("input_cost_per_image", "input_image_each"),
    ("output_cost_per_image", "output_image_each"),
    ("google_maps_grounding_cost_per_query", "maps_grounding_query"),
    ("ocr_cost_per_page", "ocr_page"),
    ("code_interpreter_cost_per_session", "code_interpreter_session"),
];

pub(super) fn read(map: &Map<String, Value>, as_of: Day) -> Result<Feed, FeedError> {
    let mut rows = Vec::new();
    for (key, value) in map {
        if let Some(entry) = value.as_object()
            && key != "sample_spec"
            && let Some(row) = row(key, entry)?
        {
            rows.push(row);
        }
    }
    // A row whose names are nobody's is no row of LiteLLM's.
    if rows.is_empty() && !map.values().any(|value| value.get("litellm_provider").is_some()) {
        return Err(FeedError::Unknown);
    }
    let source = Source { letter: LETTER.to_owned(), as_of, name: NAME.to_owned() };
    Ok(Feed { sources: vec![source], whole: false, rows })
}

fn row(key: &str, entry: &Map<String, Value>) -> Result<Option<Row>, FeedError> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let (Some(provider), mode) = (text("litellm_provider"), text("mode").unwrap_or("chat")) else { return Ok(None) };
    if NOT_MODELS.contains(&mode) {
        return Ok(None);
    }
    let (provider, prefix) = if provider.starts_with("vertex_ai") {
        ("google-vertex", "vertex_ai")
    } else {
        let known = PROVIDERS.iter().find(|(name, _, _)| *name == provider);
        known.map_or((provider, provider), |(_, name, prefix)| (*name, *prefix))
    };
    let model = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    let mut row = Row {
        provider: provider.to_owned(),
        model: model.to_owned(),
        sources: LETTER.to_owned(),
        mode: if mode == "chat" { String::new() } else { mode.to_owned() },
        retire: text("deprecation_date").and_then(time::parse_day),
        bands: bands(key, entry)?,
        ..Row::default()
    };
    extras(&mut row, key, entry)?;
    Ok(Some(row))
}

/// `cache_read_input_token_cost_above_272k_tokens_flex`: component, threshold and tier.
fn meaning(name: &str) -> Option<(Component, u64, &'static str)> {
    // No component's name begins with another's that is followed by an underscore.
    let (start, component) = COMPONENTS
        .iter()
        .find(|(start, _)| name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))?;
    let (mut component, mut rest) = (*component, &name[start.len()..]);
    if let Some(after) = rest.strip_prefix("_above_1hr") {
        component = (component == Component::CacheWrite).then_some(Component::CacheWrite1h)?;
        rest = after;
    }
    let mut above = 0;
    if let Some(after) = rest.strip_prefix("_above_") {
        let (thousands, after) = after.split_once("k_tokens")?;
        above = thousands.parse::<u64>().ok()?.checked_mul(1000)?;
        rest = after;
    }
    let tier = match rest.strip_prefix('_') {
        Some(tier) => TIERS.iter().find(|(name, _)| *name == tier)?.1,
        None => "",
    };
    Some((component, above, tier))
}

fn bands(model: &str, entry: &Map<String, Value>) -> Result<Vec<Band>, FeedError> {
    let mut bands: Vec<Band> = Vec::new();
    let mut set = |tier: &str, above: u64, component, pico| {
        let place = bands.iter().position(|band| band.tier == tier && band.above == above).unwrap_or_else(|| {
            bands.push(Band { tier: tier.to_owned(), above, ..Band::default() });
            bands.len() - 1
        });
        bands[place].rates.set(component, pico);
    };
    for (name, value) in entry {
        if let Some((component, above, tier)) = meaning(name)
            && let Some(pico) = figure(value, PICO, model, name)?
        {
            set(tier, above, component, pico);
        }
    }
    for step in entry.get("tiered_pricing").and_then(Value::as_array).into_iter().flatten() {
        let from = step.get("range").and_then(|range| range.get(0)).and_then(Value::as_f64).unwrap_or(0.0);
        for (name, value) in step.as_object().into_iter().flatten() {
            if let Some((component, 0, "")) = meaning(name)
                && let Some(pico) = figure(value, PICO, model, name)?
            {
                set("", from as u64, component, pico);
            }
        }
    }
    if let Some(off_peak) = entry.get("off_peak_pricing") {
        bands.extend(cheaper_hours(model, off_peak)?);
    }
    chain(&mut bands);
    Ok(bands)
}

/// The hours at which a model costs less. Hours are UTC; the days may be those of another zone, of which China's, which has
/// no summer time, is the one that is known.
fn cheaper_hours(model: &str, off_peak: &Value) -> Result<Option<Band>, FeedError> {
    let Some(windows) = hours(off_peak.get("windows").unwrap_or(&Value::Null), off_peak.get("weekday_timezone")) else {
        return Ok(None);
    };
    let mut band = Band { windows: Some(windows), ..Band::default() };
    for (name, value) in off_peak.as_object().into_iter().flatten() {
        if let Some((component, 0, "")) = meaning(name)
            && let Some(pico) = figure(value, PICO, model, name)?
        {
            band.rates.set(component, pico);
        }
    }
    Ok(Some(band).filter(|band| !band.rates.is_empty()))
}

pub(super) fn hours(windows: &Value, zone: Option<&Value>) -> Option<Windows> {
    let mut found = Windows::default();
    match zone.and_then(Value::as_str) {
        None | Some("UTC") => {}
        Some("Asia/Shanghai") => found.shift_days(8 * 60),
        Some(_) => return None,
    }
    for window in windows.as_array()? {
        let days: Vec<u64> = match window.get("weekdays").and_then(Value::as_array) {
            Some(days) => days.iter().filter_map(Value::as_u64).collect(),
            None => (1..=7).collect(),
        };
        let hours: Vec<&str> = match window.get("hours_utc")? {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        found.add(&days, &hours).ok()?;
    }
    Some(found).filter(|windows| !windows.is_empty())
}

fn extras(row: &mut Row, model: &str, entry: &Map<String, Value>) -> Result<(), FeedError> {
    for (name, kind) in PER {
        if let Some(pico) = figure(entry.get(*name).unwrap_or(&Value::Null), PICO, model, name)?
            && pico > 0
        {
            row.per.push(((*kind).to_owned(), pico));
        }
    }
    // How much of the web a search reads is for the request to say; the middle is what is asked for where it does not.
    let search = entry.get("search_context_cost_per_query").and_then(|search| search.get("search_context_size_medium"));
    if let Some(pico) = figure(search.unwrap_or(&Value::Null), PICO, model, "search_context_cost_per_query")? {
        row.per.push(("web_search".to_owned(), pico));
    }
    let own = entry.get("provider_specific_entry");
    let factors = [
        ("eu", entry.get("regional_processing_uplift_multiplier_eu")),
        ("us", entry.get("regional_processing_uplift_multiplier_us").or(own.and_then(|own| own.get("us")))),
    ];
    for (region, factor) in factors {
        if let Some(factor) = figure(factor.unwrap_or(&Value::Null), super::super::row::FACTOR, model, region)? {
            row.factors.push((region.to_owned(), factor));
        }
    }
    if let Some(fast) = own.and_then(|own| own.get("fast")).and_then(Value::as_f64)
        && fast.fract() == 0.0
        && (1.0..100.0).contains(&fast)
    {
        add_fast(row, fast as u64);
    }
    Ok(())
}
