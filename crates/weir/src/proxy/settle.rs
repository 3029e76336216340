//! What an answer came to: its reading becomes the Record's usage, cost, energy and outcome. Pure.

use meter::cost::{Ask, Prices};
use meter::dialect::Api;
use meter::energy::{self, Estimator};
use meter::meter::{Format, Nanos, Reading, is_sound};
use meter::record::{EndReason, Record, Status};
use meter::usage::{Class, Units, Usage, UsageSource};

use crate::config::redact;

/// How the bytes of an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As HTTP says they should.
    Whole,
    /// The caller went away.
    CallerGone,
    /// The provider broke off.
    UpstreamGone,
    /// The provider was silent, or it took too long.
    Timeout,
    /// Weir went down.
    Stopped,
}

impl End {
    /// Whether it was for the provider to end so.
    pub(super) fn is_providers(self) -> bool {
        matches!(self, End::Whole | End::UpstreamGone)
    }
}

/// The errors that are found in an answer rather than made of one.
const UNREADABLE: &str = "weir_unreadable_answer";
const TRUNCATED: &str = "weir_truncated_answer";

/// Fills in what the answer said, which is taken out of the reading; `bill` is what its head said that it cost, in
/// nano-dollars.
pub(super) fn read(record: &mut Record, reading: &mut Reading, bill: Option<u64>, prices: &Prices, energy: &Estimator) {
    let answer = &mut reading.answer;
    record.what.response_model = answer.model.take();
    record.what.response_id = answer.id.take();
    record.what.service_tier = answer.service_tier.take();
    record.what.finish_reason = answer.finish_reason.take();
    record.what.tool_calls = Some(answer.tool_calls).filter(|calls| *calls > 0);
    record.times.first_token = reading.first_token;
    record.usage = answer.usage();
    let units = pieces(record.what.api, answer.units());
    let told = record.usage.is_some() || !units.is_empty();
    record.units = Units { characters: record.units.characters, ..units };
    record.usage_raw = answer.usage_raw.take().filter(|_| told);
    record.usage_source = if told { UsageSource::Provider } else { UsageSource::None };
    record.search_calls = answer.search_calls();
    record.file_search_calls = answer.file_search_calls();
    record.code_interpreter_calls = answer.code_interpreter_calls();
    if let Some(usage) = &record.usage {
        let cached = usage.get(Class::CachedInput) > 0;
        record.outcome.cache_hit = Some(cached || record.outcome.cache_hit == Some(true));
    }
    price(record, &Told::of(reading, bill), prices, energy);
}

/// What of an answer is a picture or audio in calls of this kind; elsewhere the same names mean other things.
fn pieces(api: Api, units: Units) -> Units {
    match api {
        Api::Images | Api::Responses => Units { audio_micros: 0, ..units },
        Api::Transcriptions => Units { images: 0, ..units },
        _ => Units::default(),
    }
}

/// What an answer said beside its usage, for whoever counts that later.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// What it cost, in nano-dollars.
    bill: Option<u64>,
    /// When the first and the last token came.
    tokens: Option<(Nanos, Nanos)>,
}

impl Told {
    pub(super) fn of(reading: &Reading, bill: Option<u64>) -> Told {
        let bill = reading.answer.reported_cost().or(bill);
        Told { bill, tokens: reading.first_token.zip(reading.last_token) }
    }
}

/// What follows from the usage.
pub(super) fn price(record: &mut Record, told: &Told, prices: &Prices, energy: &Estimator) {
    record.cost = prices.cost(&ask(record, told.bill));
    let Some(usage) = &record.usage else { return };
    let drawn = energy.estimate(&draws(record, usage));
    (record.energy, record.carbon) = drawn.map_or((None, None), |(energy, carbon)| (Some(energy), carbon));
    if let (Some((first, last)), gaps @ 1..) = (told.tokens, usage.output().saturating_sub(1)) {
        record.times.per_output_token = Some(last.saturating_sub(first) / gaps);
    }
}

/// LiteLLM's bill for an answer, as its head has it: US dollars. It says 0 for a model that it does not know, which is no
/// bill.
pub(super) fn bill(value: &[u8]) -> Option<u64> {
    let usd = std::str::from_utf8(value).ok()?.trim().parse::<f64>().ok().filter(|usd| (1e-9..1e6).contains(usd))?;
    meter::decimal::round_float(usd, meter::cost::NANO).ok()
}

/// What is to be priced.
fn ask(record: &Record, reported: Option<u64>) -> Ask<'_> {
    let what = &record.what;
    Ask {
        provider: what.provider.as_deref().unwrap_or_default(),
        models: [what.target.as_deref(), what.model.as_deref(), what.response_model.as_deref()],
        tier: what.service_tier.as_deref(),
        at: record.times.started_at,
        usage: record.usage.as_ref(),
        each_input: None,
        // Pieces are what they are, whoever counted them.
        exact: record.usage.is_none() || record.usage_source == UsageSource::Provider,
        searches: record.search_calls.unwrap_or(0),
        file_searches: record.file_search_calls.unwrap_or(0),
        code_runs: record.code_interpreter_calls.unwrap_or(0),
        units: record.units,
        reported,
    }
}

/// What is to be estimated.
fn draws<'a>(record: &'a Record, usage: &'a Usage) -> energy::Ask<'a> {
    let what = &record.what;
    energy::Ask {
        provider: what.provider.as_deref().unwrap_or_default(),
        models: [what.target.as_deref(), what.model.as_deref(), what.response_model.as_deref()],
        usage,
        at: record.times.started_at,
        seconds: record.times.upstream.map(|nanos| nanos as f64 / 1e9),
    }
}

/// Says how it came out.
pub(super) fn judge(record: &mut Record, format: Format, reading: &Reading, end: End) {
    let api = record.what.api;
    let code = record.outcome.status_code.unwrap_or(0);
    let (status, reason) = match end {
        End::CallerGone => (Status::Cancelled, EndReason::ClientGone),
        End::UpstreamGone => (Status::Error, EndReason::UpstreamGone),
        End::Timeout => (Status::Error, EndReason::Timeout),
        End::Stopped => (Status::Error, EndReason::ProxyKilled),
        End::Whole if code >= 400 || !is_sound(api, format, reading) => (Status::Error, EndReason::Complete),
        End::Whole if !reading.whole && api.answers_json() => (Status::Error, EndReason::UpstreamGone),
        End::Whole => (Status::Success, EndReason::Complete),
    };
    record.status = status;
    record.outcome.end_reason = Some(reason);
    if status != Status::Error {
        return;
    }
    let answer = &reading.answer;
    let own = match reason {
        EndReason::Complete if code >= 400 => format!("http_{code}"),
        EndReason::Complete => UNREADABLE.to_owned(),
        EndReason::Timeout => crate::error::ErrorKind::UpstreamTimeout.code().to_owned(),
        EndReason::ProxyKilled => "weir_proxy_killed".to_owned(),
        _ => TRUNCATED.to_owned(),
    };
    record.outcome.error_type = answer.error_code.clone().or_else(|| answer.error_type.clone()).or(Some(own));
    record.outcome.error_message = answer.error_message.as_deref().map(redact);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_in_the_head() {
        assert_eq!(bill(b"0.00183"), Some(1_830_000));
        assert_eq!(bill(b"4.5e-05"), Some(45_000));
        for none in [&b"0.0"[..], b"None", b"-1", b"inf", b"NaN", b"", b"\xff"] {
            assert_eq!(bill(none), None);
        }
    }

    #[test]
    fn how_it_came_out() {
        let good = meter::meter::read(Format::Json, br#"{"id":"x"}"#);
        let cut = meter::meter::read(Format::Json, br#"{"id":"#);
        let html = meter::meter::read(Format::Opaque, b"<html>");
        for (code, api, format, reading, end, status, reason, error) in [
            (200, Api::Chat, Format::Json, &good, End::Whole, Status::Success, EndReason::Complete, None),
            (200, Api::Chat, Format::Json, &cut, End::Whole, Status::Error, EndReason::UpstreamGone, Some(TRUNCATED)),
            (200, Api::Chat, Format::Opaque, &html, End::Whole, Status::Error, EndReason::Complete, Some(UNREADABLE)),
            (200, Api::Other, Format::Opaque, &html, End::Whole, Status::Success, EndReason::Complete, None),
            (502, Api::Chat, Format::Opaque, &html, End::Whole, Status::Error, EndReason::Complete, Some("http_502")),
            (200, Api::Chat, Format::Json, &cut, End::CallerGone, Status::Cancelled, EndReason::ClientGone, None),
            (
                200,
                Api::Chat,
                Format::Json,
                &cut,
                End::Timeout,
                Status::Error,
                EndReason::Timeout,
                Some("weir_upstream_timeout"),
            ),
        ] {
            let mut record = Record::default();
            record.what.api = api;
            record.outcome.status_code = Some(code);
            judge(&mut record, format, reading, end);
            assert_eq!((record.status, record.outcome.end_reason), (status, Some(reason)), "{code} {end:?}");
            assert_eq!(record.outcome.error_type.as_deref(), error, "{code} {end:?}");
        }
    }
}
