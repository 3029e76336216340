//! `/metrics`: the counters in Prometheus's text format.
//!
//! Each metric is declared here once, with its help text, and written from one snapshot, so that sums taken of a scrape add
//! up. Money and energy are integers to the end and become decimals only on the page.

mod store;

use std::fmt::Write as _;

use meter::decimal;
use meter::usage::Class;

use crate::error::ErrorKind;
use crate::recorder::{Balance, Drawn, Histogram, Ledger, OVERHEAD_BUCKETS, SECONDS_BUCKETS, Series};

pub use store::{PushState, StoreState};

/// What a scrape shows beside the sums.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// Refusals in the order of [`ErrorKind::REFUSALS`].
    pub refused: [u64; ErrorKind::REFUSALS.len()],
    /// Connections that did not speak HTTP, or broke its limits, before a request could be read.
    pub bad_heads: u64,
    /// Whether the journal can be written.
    pub journal_sound: bool,
    /// Bytes of the journal's files.
    pub journal_bytes: u64,
    /// Lines that went before a follower had read them.
    pub journal_dropped: u64,
    /// What the store holds.
    pub store: StoreState,
    /// What others have pushed.
    pub pushed: PushState,
    /// How the followers are doing.
    pub followers: Vec<FollowerState>,
    /// Bytes of request bodies in memory.
    pub body_memory: u64,
    /// How often each declared field was something else than declared.
    pub wrong_fields: Vec<(String, u64)>,
    /// Configurations that were read again and taken over.
    pub reloads_applied: u64,
    /// Configurations that were read again and refused.
    pub reloads_refused: u64,
    /// Whether the last of them was taken over.
    pub last_reload_applied: bool,
    /// Since when the configuration in force is, in seconds since 1970.
    pub config_since: u64,
    /// How old the catalogue of prices is, in seconds.
    pub price_catalog_age: u64,
    /// When the process began, in seconds since 1970.
    pub started: u64,
}

/// How a follower is doing.
#[derive(Debug, Clone, Default)]
pub struct FollowerState {
    /// Its name.
    pub name: String,
    /// Lines that it has still to deliver.
    pub lag: u64,
    /// Failed deliveries.
    pub errors: u64,
    /// Bytes of the lines that it has dealt with.
    pub bytes: u64,
    /// Lines that were refused for good and set aside.
    pub dead_letters: u64,
    /// Lines that were refused for good and for which there was no room.
    pub dead_letters_dropped: u64,
}

/// Writes the page.
#[must_use]
pub fn render(balance: &Balance, ledger: &Ledger, gauges: &Gauges) -> String {
    let mut page = Page { out: String::with_capacity(16 * 1024) };
    requests(&mut page, ledger);
    page.histogram(
        "llm_request_duration_seconds",
        "How long requests took, first byte in to last byte out.",
        &SECONDS_BUCKETS,
        &series(ledger).map(|(labels, series)| (labels, &series.duration)).collect::<Vec<_>>(),
    );
    page.histogram(
        "llm_time_to_first_token_seconds",
        "How long the first token of streams took.",
        &SECONDS_BUCKETS,
        &series(ledger)
            .filter(|(_, series)| series.first_token.counts.iter().any(|count| *count > 0))
            .map(|(labels, series)| (labels, &series.first_token))
            .collect::<Vec<_>>(),
    );
    page.histogram(
        "weir_overhead_seconds",
        "What Weir added to requests.",
        &OVERHEAD_BUCKETS,
        &[(String::new(), &ledger.overhead)],
    );
    own(&mut page, balance, ledger, gauges);
    page.out
}

fn requests(page: &mut Page, ledger: &Ledger) {
    page.head("llm_requests_total", "counter", "Recorded requests by provider, model, kind of call and status.");
    for (labels, series) in sums(ledger) {
        let mut rows: Vec<_> = series.requests.iter().collect();
        rows.sort_by_key(|((api, status), _)| (api.name(), *status));
        for ((api, status), count) in rows {
            let labels = format!("{labels},api=\"{}\",status=\"{}\"", api.name(), status.name());
            page.row("llm_requests_total", &labels, *count);
        }
    }
    page.head("llm_tokens_total", "counter", "Tokens by class; the classes are disjoint, so their sum is all tokens.");
    for (labels, series) in sums(ledger) {
        for (class, tokens) in Class::ALL.into_iter().zip(series.tokens) {
            if tokens > 0 || matches!(class, Class::Input | Class::Output) {
                page.row("llm_tokens_total", &format!("{labels},class=\"{}\"", class.name()), tokens);
            }
        }
    }
    page.head("llm_cost_usd_total", "counter", "What requests cost, in US dollars; unpriced requests are not in it.");
    for (labels, series) in sums(ledger) {
        page.row("llm_cost_usd_total", &labels, decimal::to_string(series.cost, meter::cost::NANO));
    }
    energy(page, ledger);
    page.head("llm_unpriced_requests_total", "counter", "Requests whose usage is known and whose price is not.");
    for (labels, series) in sums(ledger) {
        page.row("llm_unpriced_requests_total", &labels, series.unpriced);
    }
    page.head("llm_unestimated_requests_total", "counter", "Requests whose tokens are known and whose energy is not.");
    for (labels, series) in sums(ledger) {
        page.row("llm_unestimated_requests_total", &labels, series.unestimated);
    }
}

/// Energy and carbon. A series of which nothing is known is left out: a 0 would say that it drew nothing.
fn energy(page: &mut Page, ledger: &Ledger) {
    type Of = fn(Drawn) -> u64;
    let rows: [(&str, &str, Of); 3] = [
        (
            "llm_energy_joules_total",
            "What requests drew, in joules; requests without an estimate are not in it.",
            |drawn| drawn.mid,
        ),
        ("llm_energy_low_joules_total", "The same at the lower end of the estimates' bands.", |drawn| drawn.low),
        ("llm_energy_high_joules_total", "The same at the upper end of the estimates' bands.", |drawn| drawn.high),
    ];
    for (name, help, of) in rows {
        page.head(name, "counter", help);
        for (labels, series) in sums(ledger) {
            if let Some(drawn) = series.energy {
                page.row(name, &labels, joules(of(drawn)));
            }
        }
    }
    page.head(
        "llm_carbon_grams_total",
        "counter",
        "CO2 equivalent of what requests drew, in grams, by the grids where they drew it.",
    );
    for (labels, series) in sums(ledger) {
        if let Some(nano) = series.carbon {
            page.row("llm_carbon_grams_total", &labels, decimal::to_string(nano, meter::carbon::NANO));
        }
    }
}

/// A pico-kilowatt-hour is 3.6 microjoules: times 36, seven places.
fn joules(pico_kwh: u64) -> String {
    match pico_kwh.checked_mul(36) {
        Some(tenth_micros) => decimal::to_string(tenth_micros, 7),
        None => format!("{}", pico_kwh as f64 * 3.6e-6),
    }
}

fn own(page: &mut Page, balance: &Balance, ledger: &Ledger, gauges: &Gauges) {
    page.counter("weir_accepted_total", "Requests admitted; always recorded plus in flight.", balance.accepted);
    page.counter(
        "weir_recorded_total",
        "Records in the journal, of this process's requests and of those it recovered.",
        balance.recorded,
    );
    page.gauge("weir_in_flight", "Requests admitted and not yet recorded.", u64::from(balance.in_flight));
    page.head("weir_refused_total", "counter", "Requests refused before admission, by reason; they leave no Record.");
    for (kind, count) in ErrorKind::REFUSALS.into_iter().zip(gauges.refused) {
        let reason = kind.code().trim_start_matches("weir_");
        page.row("weir_refused_total", &format!("reason=\"{reason}\""), count);
    }
    page.row("weir_refused_total", "reason=\"bad_head\"", gauges.bad_heads);
    let unrecorded = &ledger.unrecorded;
    page.counter(
        "weir_unrecorded_requests_total",
        "Requests served while the journal could not be written.",
        unrecorded.requests,
    );
    page.counter("weir_unrecorded_tokens_total", "Tokens of unrecorded requests.", unrecorded.tokens);
    page.counter(
        "weir_unrecorded_cost_usd_total",
        "What unrecorded requests cost, in US dollars.",
        decimal::to_string(unrecorded.cost, meter::cost::NANO),
    );
    page.gauge("weir_journal_up", "1 while the journal can be written.", u64::from(gauges.journal_sound));
    page.gauge("weir_journal_bytes", "Size of the journal's files.", gauges.journal_bytes);
    page.counter(
        "weir_journal_dropped_lines_total",
        "Lines that went for want of room before a follower had read them.",
        gauges.journal_dropped,
    );
    store::render(page, &gauges.store, &gauges.pushed);
    followers(page, &gauges.followers);
    page.gauge("weir_body_memory_bytes", "Request bodies in memory.", gauges.body_memory);
    configuration(page, gauges);
    page.gauge(
        "weir_price_catalog_age_seconds",
        "Age of the catalogue of prices, from the day of its youngest source.",
        gauges.price_catalog_age,
    );
    page.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", gauges.started);
    page.head("weir_build_info", "gauge", "Always 1; the version and commit are labels.");
    page.row("weir_build_info", &format!("version=\"{}\",commit=\"{}\"", crate::VERSION, crate::COMMIT), 1);
}

/// A metric of followers: its name, type, help text and value.
type OfFollower = (&'static str, &'static str, &'static str, fn(&FollowerState) -> u64);

fn followers(page: &mut Page, followers: &[FollowerState]) {
    let all: [OfFollower; 5] = [
        ("weir_follower_lag_lines", "gauge", "Lines that a follower has still to read.", |one| one.lag),
        ("weir_follower_errors_total", "counter", "Times that a follower could not deliver.", |one| one.errors),
        ("weir_follower_bytes_total", "counter", "Bytes of the lines that a follower has dealt with.", |one| one.bytes),
        (
            "weir_follower_dead_letters_total",
            "counter",
            "Lines that were refused for good and set aside for `weir replay`.",
            |one| one.dead_letters,
        ),
        (
            "weir_follower_dead_letters_dropped_total",
            "counter",
            "Lines that were refused for good and not set aside, for want of room; the journal still has them.",
            |one| one.dead_letters_dropped,
        ),
    ];
    for (name, kind, help, value) in all {
        page.head(name, kind, help);
        for follower in followers {
            page.row(name, &format!("follower=\"{}\"", escape(&follower.name)), value(follower));
        }
    }
}

fn configuration(page: &mut Page, gauges: &Gauges) {
    page.head(
        "weir_field_errors_total",
        "counter",
        "Times that a declared field had a value of another type, which was left out.",
    );
    for (name, wrong) in &gauges.wrong_fields {
        page.row("weir_field_errors_total", &format!("field=\"{name}\""), wrong);
    }
    page.head(
        "weir_config_reloads_total",
        "counter",
        "Times that the configuration was read again, by what came of it.",
    );
    page.row("weir_config_reloads_total", "result=\"applied\"", gauges.reloads_applied);
    page.row("weir_config_reloads_total", "result=\"refused\"", gauges.reloads_refused);
    page.gauge(
        "weir_config_last_reload_successful",
        "0 while the file says what was refused when it was read again, and what was before is in force.",
        u64::from(gauges.last_reload_applied),
    );
    page.gauge(
        "weir_config_last_reload_success_timestamp_seconds",
        "Since when the configuration in force is, in seconds since 1970.",
        gauges.config_since,
    );
}

/// Every series with its labels, in a stable order.
fn series(ledger: &Ledger) -> impl Iterator<Item = (String, &Series)> {
    let mut all: Vec<_> = ledger.series().collect();
    all.sort_by_key(|(provider, model, _)| (*provider, *model));
    all.into_iter().map(|(provider, model, series)| {
        (format!("provider=\"{}\",model=\"{}\"", escape(provider), escape(model)), series)
    })
}

/// The series of sums: those above, and beside or in place of them those with labels of the operator's.
fn sums(ledger: &Ledger) -> impl Iterator<Item = (String, &Series)> {
    series(ledger).flat_map(|(labels, series)| {
        let labelled = series.labelled.iter().map({
            let labels = labels.clone();
            move |(more, series)| (format!("{labels}{more}"), series)
        });
        let all_labelled = series.requests.is_empty() && !series.labelled.is_empty();
        (!all_labelled).then_some((labels, series)).into_iter().chain(labelled)
    })
}

/// A label's value as the text format wants it; other control characters have no business in one. What is cut or replaced
/// here must not make two labels one: the ledger's have no such characters and are not longer.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars().take(256) {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            character if character.is_control() => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

struct Page {
    out: String,
}

/// Writing to memory cannot fail, so the results of `write!` are dropped.
impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn row(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = if labels.is_empty() {
            writeln!(self.out, "{name} {value}")
        } else {
            writeln!(self.out, "{name}{{{labels}}} {value}")
        };
    }

    fn counter(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, "counter", help);
        self.row(name, "", value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, "gauge", help);
        self.row(name, "", value);
    }

    fn histogram(&mut self, name: &str, help: &str, bounds: &[f64; 17], rows: &[(String, &Histogram)]) {
        self.head(name, "histogram", help);
        for (labels, histogram) in rows {
            let comma = if labels.is_empty() { "" } else { "," };
            let mut count = 0;
            for (bound, in_bucket) in bounds.iter().zip(histogram.counts) {
                count += in_bucket;
                self.row(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"{bound}\""), count);
            }
            count += histogram.counts[bounds.len()];
            self.row(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"+Inf\""), count);
            self.row(&format!("{name}_sum"), labels, decimal::to_string(histogram.sum, 9));
            self.row(&format!("{name}_count"), labels, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_traffic() {
        let page = render(&Balance::default(), &Ledger::default(), &Gauges::default());
        assert!(page.contains("weir_accepted_total 0\n") && page.contains("weir_build_info{version="));
        assert!(page.lines().all(|line| line.starts_with('#') || line.split(' ').count() == 2));
    }

    #[test]
    fn labels_cannot_break_out() {
        assert_eq!(escape("a\"b\\c\nd\u{0}e"), "a\\\"b\\\\c\\nd\u{fffd}e");
    }

    #[test]
    fn energy_in_joules() {
        assert_eq!(joules(875_000_000), "3150");
        assert_eq!(joules(1), "0.0000036");
    }
}
