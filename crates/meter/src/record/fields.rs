//! THE table of the Record's fields, in the order of the line. It is as long as it has fields: a row for each stands here and nowhere
//! else.

use super::{GRAM_SCALE, MILLILITRE_SCALE, Record, VERSION};
use crate::carbon::Carbon;
use crate::cost::NANO;
use crate::energy::{Energy, PICO};
use crate::usage::{Class, Usage};

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Integer(u64),
    /// A number of 10^-scale: money, energy, time.
    Fixed(u64, u8),
    /// A number as a caller gave it.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A point in time, in nanoseconds since 1970.
    Time(u64),
    /// A UUID.
    Id(&'a [u8; 16]),
}

/// What a field's value is, so that it can be read back and kept in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Text; at most so many bytes of it are written.
    Text(usize),
    /// A count.
    Count,
    /// US dollars, kept in nano-dollars.
    Usd,
    /// Kilowatt-hours, kept in pico-kilowatt-hours.
    Kwh,
    /// Grams of CO2 equivalent, kept in nanograms.
    Grams,
    /// Millilitres, kept in millionths.
    Millilitres,
    /// Seconds, kept in microseconds.
    Seconds,
    /// A number without a unit.
    Number,
    /// Yes or no.
    Bool,
    /// A point in time.
    Time,
    /// A UUID.
    Id,
}

/// Where a field goes beyond the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A Loki label: few values.
    Label,
    /// Loki's structured metadata.
    Metadata,
    /// On the line only.
    Line,
}

/// One field of the line.
pub struct Field {
    /// Its name on the line.
    pub name: &'static str,
    /// What its value is.
    pub unit: Unit,
    /// Where it goes.
    pub role: Role,
    /// Whether it stands as `null` where unknown; the others are left out.
    pub always: bool,
    /// Whether it is known before there is an answer. Of a request that a killed process left unanswered, this is what is
    /// on record.
    pub early: bool,
    /// What it means.
    pub doc: &'static str,
    /// Its value in a Record.
    pub get: for<'a> fn(&'a Record) -> Option<Value<'a>>,
}

/// The longest text of an ordinary field, in bytes.
const TEXT: Unit = Unit::Text(256);

/// The field of that name.
#[must_use]
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

const fn row(
    name: &'static str,
    unit: Unit,
    role: Role,
    get: for<'a> fn(&'a Record) -> Option<Value<'a>>,
    doc: &'static str,
) -> Field {
    Field { name, unit, role, always: false, early: false, doc, get }
}

const fn always(field: Field) -> Field {
    Field { always: true, ..field }
}

const fn early(field: Field) -> Field {
    Field { early: true, ..field }
}

fn text(value: Option<&String>) -> Option<Value<'_>> {
    value.map(|text| Value::Text(text))
}

fn tokens(record: &Record, class: Class) -> Option<Value<'_>> {
    record.usage.map(|usage| usage.get(class)).filter(|tokens| *tokens > 0).map(Value::Integer)
}

fn whole(record: &Record, count: fn(&Usage) -> u64) -> Option<Value<'_>> {
    record.usage.as_ref().map(|usage| Value::Integer(count(usage)))
}

fn some<'a>(count: u64) -> Option<Value<'a>> {
    Some(count).filter(|count| *count > 0).map(Value::Integer)
}

fn seconds<'a>(nanos: Option<u64>) -> Option<Value<'a>> {
    nanos.map(|nanos| Value::Fixed(nanos / 1000, 6))
}

fn kwh<'a>(record: &Record, of: fn(&Energy) -> u64) -> Option<Value<'a>> {
    record.energy.as_ref().map(|energy| Value::Fixed(of(energy), PICO))
}

fn grams<'a>(record: &Record, of: fn(&Carbon) -> Option<u64>) -> Option<Value<'a>> {
    record.carbon.as_ref().and_then(of).map(|nano| Value::Fixed(nano, GRAM_SCALE))
}

fn usd(record: &Record, part: fn(&crate::cost::Parts) -> u64) -> Option<Value<'_>> {
    record.cost.as_ref()?.parts.as_ref().map(|parts| Value::Fixed(part(parts), NANO))
}

fn cost_status(record: &Record) -> Option<Value<'_>> {
    let status = match &record.cost {
        Some(cost) => cost.status,
        None if record.is_unpriced() => crate::cost::CostStatus::Unpriced,
        None => return None,
    };
    Some(Value::Text(status.name()))
}

use Role::{Label, Line, Metadata};

/// The fields of the Record, in the order of the line. The first block is the mission's, names and all.
pub static FIELDS: &[Field] = &[
    always(row(
        "timestamp",
        Unit::Time,
        Line,
        |r| Some(Value::Time(r.timestamp)),
        "The request's end; strictly increasing within a journal.",
    )),
    always(row("logger_name", TEXT, Line, |_| Some(Value::Text("llm-metrics")), "Always llm-metrics.")),
    always(row("level", TEXT, Label, |r| Some(Value::Text(r.status.level())), "INFO, WARN or ERROR.")),
    always(row(
        "event",
        TEXT,
        Label,
        |r| Some(Value::Text(r.status.event())),
        "llm_request_completed, llm_request_failed or llm_request_cancelled (the caller went away; it may cost).",
    )),
    always(row(
        "request_id",
        Unit::Id,
        Metadata,
        |r| Some(Value::Id(&r.request_id)),
        "Weir's own id of the request, a UUID of version 7, returned as x-weir-request-id.",
    )),
    always(early(row("model", TEXT, Metadata, |r| text(r.what.model.as_ref()), "The model as requested."))),
    always(row("input_tokens", Unit::Count, Metadata, |r| whole(r, Usage::input), "All input, cached input included.")),
    always(row("output_tokens", Unit::Count, Metadata, |r| whole(r, Usage::output), "All output, reasoning included.")),
    always(row("total_tokens", Unit::Count, Metadata, |r| whole(r, Usage::total), "Input and output.")),
    always(row(
        "processing_time_seconds",
        Unit::Seconds,
        Metadata,
        |r| seconds(Some(r.times.processing)),
        "First byte in to last byte out.",
    )),
    always(row(
        "energy_consumption_kwh",
        Unit::Kwh,
        Metadata,
        |r| kwh(r, |energy| energy.mid),
        "The estimate of the energy drawn, by the machine, its host and its building.",
    )),
    always(row(
        "cost_usd",
        Unit::Usd,
        Metadata,
        |r| r.cost.as_ref().map(|cost| Value::Fixed(cost.total(), NANO)),
        "What the request cost.",
    )),
    always(early(row("temperature", Unit::Number, Line, |r| r.what.temperature.map(Value::Float), "As requested."))),
    always(row("status", TEXT, Line, |r| Some(Value::Text(r.status.name())), "success, error or cancelled.")),
    early(row(
        "v",
        Unit::Count,
        Line,
        |_| Some(Value::Integer(VERSION)),
        "The version of the line; fields are added, never renamed or retyped.",
    )),
    early(row("key", TEXT, Metadata, |r| text(r.who.key.as_ref()), "The name of the key that the caller showed.")),
    early(row(
        "user_id",
        TEXT,
        Metadata,
        |r| text(r.who.user_id.as_ref()),
        "On whose behalf: `user`, `metadata.user_id` or x-user-id.",
    )),
    early(row(
        "organization",
        TEXT,
        Metadata,
        |r| text(r.who.organization.as_ref()),
        "Their organization: `metadata.organization`, x-organization or openai-organization.",
    )),
    early(row(
        "session_id",
        TEXT,
        Metadata,
        |r| text(r.who.session_id.as_ref()),
        "The conversation: `session_id`, `metadata.session_id` or x-session-id.",
    )),
    early(row(
        "prompt_category",
        TEXT,
        Metadata,
        |r| text(r.who.prompt_category.as_ref()),
        "The kind of prompt: `metadata.prompt_category` or x-prompt-category.",
    )),
    early(row("trace_id", TEXT, Metadata, |r| text(r.who.trace_id.as_ref()), "From the caller's traceparent.")),
    early(row("span_id", TEXT, Line, |r| text(r.who.span_id.as_ref()), "From the caller's traceparent.")),
    early(row("client", TEXT, Line, |r| text(r.who.client.as_ref()), "The caller's user-agent: SDK and version.")),
    early(row(
        "client_request_id",
        TEXT,
        Line,
        |r| text(r.who.client_request_id.as_ref()),
        "The caller's own id of the request.",
    )),
    early(row(
        "client_retry",
        Unit::Count,
        Line,
        |r| r.who.client_retry.map(Value::Integer),
        "Which retry this is, as the caller's SDK counts.",
    )),
    early(row("instance", TEXT, Label, |r| text(r.who.instance.as_ref()), "The name of the Weir that wrote the line.")),
    early(row("provider", TEXT, Label, |r| text(r.what.provider.as_ref()), "The provider that was asked.")),
    early(row(
        "api",
        TEXT,
        Line,
        |r| Some(Value::Text(r.what.api.name())),
        "The kind of call: chat, completions, embeddings, models, responses, images, speech, transcriptions, other.",
    )),
    early(row(
        "target",
        TEXT,
        Line,
        |r| text(r.what.target.as_ref()),
        "The model that a route made of the one requested.",
    )),
    row(
        "response_model",
        TEXT,
        Line,
        |r| text(r.what.response_model.as_ref()),
        "The model that answered, as the answer names it.",
    ),
    row("response_id", TEXT, Line, |r| text(r.what.response_id.as_ref()), "The answer's id."),
    row(
        "provider_request_id",
        TEXT,
        Line,
        |r| text(r.what.provider_request_id.as_ref()),
        "The provider's own id of the request.",
    ),
    early(row(
        "stream",
        Unit::Bool,
        Line,
        |r| r.what.stream.map(Value::Bool),
        "Whether the caller asked for a stream.",
    )),
    row("service_tier", TEXT, Line, |r| text(r.what.service_tier.as_ref()), "The tier that the answer names."),
    early(row(
        "region",
        TEXT,
        Line,
        |r| text(r.what.region.as_ref()),
        "Where the model runs, as the provider's configuration says.",
    )),
    row("finish_reason", TEXT, Line, |r| text(r.what.finish_reason.as_ref()), "Why the model stopped."),
    early(row("max_tokens", Unit::Count, Line, |r| r.what.max_tokens.map(Value::Integer), "As requested.")),
    early(row("top_p", Unit::Number, Line, |r| r.what.top_p.map(Value::Float), "As requested.")),
    row("tool_calls", Unit::Count, Line, |r| r.what.tool_calls.map(Value::Integer), "Tool calls in the answer."),
    row(
        "cached_input_tokens",
        Unit::Count,
        Line,
        |r| tokens(r, Class::CachedInput),
        "Of the input: found in the provider's prompt cache.",
    ),
    row(
        "cache_write_tokens",
        Unit::Count,
        Line,
        |r| tokens(r, Class::CacheWrite),
        "Of the input: written to the prompt cache.",
    ),
    row(
        "cache_write_1h_tokens",
        Unit::Count,
        Line,
        |r| tokens(r, Class::CacheWrite1h),
        "Of the input: written to the prompt cache for an hour.",
    ),
    row("reasoning_tokens", Unit::Count, Line, |r| tokens(r, Class::Reasoning), "Of the output: spent on reasoning."),
    row("audio_input_tokens", Unit::Count, Line, |r| tokens(r, Class::AudioInput), "Of the input: audio."),
    row("audio_output_tokens", Unit::Count, Line, |r| tokens(r, Class::AudioOutput), "Of the output: audio."),
    row("image_input_tokens", Unit::Count, Line, |r| tokens(r, Class::ImageInput), "Of the input: images."),
    row(
        "search_calls",
        Unit::Count,
        Line,
        |r| r.search_calls.map(Value::Integer),
        "Web searches that the provider made.",
    ),
    row("image_count", Unit::Count, Line, |r| some(r.units.images), "Pictures that were made."),
    row(
        "audio_seconds",
        Unit::Seconds,
        Line,
        |r| Some(r.units.audio_micros).filter(|micros| *micros > 0).map(|micros| Value::Fixed(micros, 6)),
        "Audio that was transcribed, as the provider says.",
    ),
    row("characters", Unit::Count, Line, |r| some(r.units.characters), "Characters that were to be spoken."),
    row(
        "file_search_calls",
        Unit::Count,
        Line,
        |r| r.file_search_calls.map(Value::Integer),
        "Searches of stored files that the provider made.",
    ),
    row(
        "code_interpreter_calls",
        Unit::Count,
        Line,
        |r| r.code_interpreter_calls.map(Value::Integer),
        "How often the provider ran code. It bills its containers' sessions, which the cost does not have.",
    ),
    early(row(
        "usage_source",
        TEXT,
        Line,
        |r| Some(Value::Text(r.usage_source.name())),
        "Where the tokens come from: provider, counted (whole answer), partial (what was delivered of one that was cut), estimated, none.",
    )),
    row(
        "usage_raw",
        Unit::Text(1024),
        Line,
        |r| text(r.usage_raw.as_ref()),
        "The provider's usage object as it was written.",
    ),
    row(
        "cost_status",
        TEXT,
        Line,
        cost_status,
        "How the cost came about: list (what the provider publishes), contracted (the operator's own price or contract), \
         reported (the provider's bill), estimated (for tokens that the provider did not report, or without what running code \
         costs), free (a true zero), \
         unpriced (tokens known, price not).",
    ),
    row("cost_input_usd", Unit::Usd, Line, |r| usd(r, |parts| parts.input), "Of the cost: input that was not cached."),
    row("cost_output_usd", Unit::Usd, Line, |r| usd(r, |parts| parts.output), "Of the cost: output."),
    row(
        "cost_cache_usd",
        Unit::Usd,
        Line,
        |r| usd(r, |parts| parts.cache),
        "Of the cost: cached input and cache writes.",
    ),
    row(
        "cost_tools_usd",
        Unit::Usd,
        Line,
        |r| r.cost.as_ref()?.parts.filter(|parts| parts.tools > 0).map(|parts| Value::Fixed(parts.tools, NANO)),
        "Of the cost: what is paid per call, such as web searches.",
    ),
    row(
        "cost_list_usd",
        Unit::Usd,
        Line,
        |r| r.cost.as_ref()?.list.map(|nano| Value::Fixed(nano, NANO)),
        "What the catalogue asks for the same, where the cost is contracted or reported.",
    ),
    row(
        "price_id",
        TEXT,
        Line,
        |r| r.cost.as_ref().map(|cost| Value::Text(&cost.price_id)),
        "The price that was applied.",
    ),
    row(
        "price_as_of",
        TEXT,
        Line,
        |r| r.cost.as_ref()?.as_of.as_deref().map(Value::Text),
        "The day of the catalogue's figures, as 2026-11-23: those of cost_usd, or else of cost_list_usd. Absent where neither is the \
         catalogue's.",
    ),
    row("energy_kwh_low", Unit::Kwh, Line, |r| kwh(r, |energy| energy.low), "What the energy hardly falls short of."),
    row("energy_kwh_high", Unit::Kwh, Line, |r| kwh(r, |energy| energy.high), "What the energy hardly exceeds."),
    row(
        "energy_method",
        TEXT,
        Line,
        |r| r.energy.map(|energy| Value::Text(energy.method)),
        "How the energy was estimated, with the method's version: rates/1, weir/2, ecologits/0.11.3.",
    ),
    row(
        "energy_basis",
        TEXT,
        Line,
        |r| r.energy.map(|energy| Value::Text(energy.basis.name())),
        "What is known of the model's size: disclosed, named (its name says it), guessed, likened (to models that are sold alike); rate where it is not needed.",
    ),
    row(
        "carbon_gco2e",
        Unit::Grams,
        Metadata,
        |r| grams(r, |carbon| carbon.location),
        "CO2 equivalent of the energy, by the grid where it was drawn.",
    ),
    row(
        "carbon_market_gco2e",
        Unit::Grams,
        Line,
        |r| grams(r, |carbon| carbon.market),
        "The same by what was contracted, where `market_gco2e_per_kwh` says that.",
    ),
    row(
        "carbon_embodied_gco2e",
        Unit::Grams,
        Line,
        |r| grams(r, |carbon| Some(carbon.embodied)),
        "CO2 equivalent of making the machines, the request's share; in neither of the two above.",
    ),
    row(
        "carbon_zone",
        TEXT,
        Metadata,
        |r| r.carbon.as_ref().map(|carbon| Value::Text(&carbon.zone)),
        "The zone whose grid is meant.",
    ),
    row(
        "water_ml",
        Unit::Millilitres,
        Line,
        |r| r.carbon.as_ref()?.water.map(|units| Value::Fixed(units, MILLILITRE_SCALE)),
        "Water, on site and where the electricity is made.",
    ),
    early(row("started_at", Unit::Time, Line, |r| Some(Value::Time(r.times.started_at)), "The caller's first byte.")),
    row(
        "time_to_first_token_seconds",
        Unit::Seconds,
        Metadata,
        |r| seconds(r.times.first_token),
        "First byte in to first token out, of a stream.",
    ),
    row(
        "time_per_output_token_seconds",
        Unit::Seconds,
        Line,
        |r| seconds(r.times.per_output_token),
        "Between tokens of a stream, on average.",
    ),
    row("queue_time_seconds", Unit::Seconds, Line, |r| seconds(r.times.queue), "In the proxy, before the upstream."),
    row(
        "upstream_time_seconds",
        Unit::Seconds,
        Line,
        |r| seconds(r.times.upstream),
        "From the request's departure to the answer's last byte.",
    ),
    row(
        "model_inference_time",
        Unit::Seconds,
        Line,
        |r| seconds(r.times.model_inference),
        "Seconds of inference, as the provider says.",
    ),
    row(
        "network_latency",
        Unit::Seconds,
        Line,
        |r| seconds(r.times.network),
        "Seconds for connecting to the provider and TLS; 0 on a kept connection.",
    ),
    row("overhead_seconds", Unit::Seconds, Line, |r| seconds(r.times.overhead), "Added by Weir."),
    row(
        "status_code",
        Unit::Count,
        Metadata,
        |r| r.outcome.status_code.map(|code| Value::Integer(u64::from(code))),
        "The HTTP status that the caller got.",
    ),
    row("error_type", TEXT, Line, |r| text(r.outcome.error_type.as_ref()), "What went wrong, as a word."),
    row(
        "error_message",
        TEXT,
        Line,
        |r| text(r.outcome.error_message.as_ref()),
        "What went wrong, as a sentence; what looks like a key is taken out.",
    ),
    row(
        "end_reason",
        TEXT,
        Line,
        |r| r.outcome.end_reason.map(|reason| Value::Text(reason.name())),
        "complete, client_gone, upstream_gone, timeout or proxy_killed.",
    ),
    row(
        "cache_hit",
        Unit::Bool,
        Line,
        |r| r.outcome.cache_hit.map(Value::Bool),
        "Whether a cache answered, wholly or in part: a header of the answer says so, or some of the input was cached.",
    ),
    early(row("request_bytes", Unit::Count, Line, |r| r.request_bytes.map(Value::Integer), "The request's body.")),
    row(
        "response_bytes",
        Unit::Count,
        Line,
        |r| r.response_bytes.map(Value::Integer),
        "The answer's body, as the provider sent it.",
    ),
    early(row(
        "simulated",
        Unit::Bool,
        Line,
        |r| r.what.simulated.then_some(Value::Bool(true)),
        "Whether a simulated provider answered.",
    )),
    row(
        "origin",
        Unit::Text(32),
        Line,
        |r| text(r.what.origin.as_ref()),
        "Where a Record comes from that did not go through a Weir's proxy or was imported: `weir`, `log`, `litellm`.",
    ),
    // Only the line knows what it had to cut, so the getter has nothing to say.
    row("truncated", Unit::Bool, Line, |_| None, "Whether a text on this line was cut to its limit."),
];
