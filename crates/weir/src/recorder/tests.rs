use std::fs;

use meter::cost::{Price, Tariff};
use meter::record::{Line, Owned, Status, id_v7};
use meter::usage::{Class, Parts, Usage};
use proptest::prelude::*;

use super::*;

fn options() -> Options {
    Options {
        max_in_flight: 16,
        durability: Durability::Flush,
        on_failure: OnJournalFailure::Refuse,
        journal: store::Options { rotate_bytes: 64 << 10, ..store::Options::default() },
    }
}

fn open(dir: &Path) -> (Recorder, Recovered) {
    Recorder::open(dir, options()).unwrap()
}

fn record(number: u64) -> Record {
    let mut record = Record { request_id: id_v7(number, u128::from(number)), ..Record::default() };
    record.what.model = Some(format!("model-{}", number % 3));
    record.what.provider = Some("p".to_owned());
    record.times.started_at = 1_000 + number;
    record
}

fn lines(dir: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    store::journal::scan(&dir.join("journal"), 1, |_, body| lines.push(Line::parse(body).unwrap())).unwrap();
    lines
}

fn ids(dir: &Path) -> Vec<Owned> {
    lines(dir).iter().map(|line| line.get("request_id").unwrap().clone()).collect()
}

fn balanced(recorder: &Recorder) -> Balance {
    let (balance, _) = recorder.snapshot();
    assert_eq!(balance.accepted, balance.recorded + u64::from(balance.in_flight));
    balance
}

#[test]
fn admitted_is_recorded_or_in_flight_at_every_instant() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, _) = open(dir.path());
    let first = recorder.admit().unwrap();
    assert_eq!(balanced(&recorder), Balance { accepted: 1, in_flight: 1, ..Balance::default() });
    let second = recorder.admit().unwrap();
    assert_eq!(recorder.finish(second, Box::new(record(2))), Some(1));
    assert_eq!(recorder.finish(first, Box::new(record(1))), Some(2));
    assert_eq!(balanced(&recorder), Balance { accepted: 2, recorded: 2, ..Balance::default() });
    let times: Vec<_> = lines(dir.path()).iter().map(|line| line.get("timestamp").unwrap().clone()).collect();
    assert!(matches!((&times[0], &times[1]), (Owned::Time(a), Owned::Time(b)) if a < b));
}

#[test]
fn no_slot_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, _) = open(dir.path());
    let mut slots: Vec<Slot> = (0..16).map(|_| recorder.admit().unwrap()).collect();
    assert_eq!(recorder.admit().unwrap_err(), ErrorKind::TooManyInFlight);
    recorder.finish(slots.pop().unwrap(), Box::new(record(1)));
    slots.push(recorder.admit().unwrap());
    assert_eq!(balanced(&recorder).in_flight, 16);
}

/// Leaves what a killed process leaves: nothing is closed and nothing is given back.
fn begin(dir: &Path, begun: std::ops::Range<u64>, ended: impl Fn(u64) -> bool) {
    let (recorder, _) = open(dir);
    let mut scratch = Vec::new();
    for number in begun {
        let slot = recorder.admit().unwrap();
        recorder.describe(&slot, &record(number), &mut scratch).unwrap();
        if ended(number) {
            recorder.finish(slot, Box::new(record(number)));
        }
    }
}

#[test]
fn what_a_killed_process_had_begun_is_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    begin(dir.path(), 0..20, |number| number % 2 == 0 || number < 12);
    let (recorder, recovered) = open(dir.path());
    assert_eq!(recovered.lines, 4);
    assert_eq!(balanced(&recorder), Balance { accepted: 4, recorded: 4, ..Balance::default() });
    assert_eq!(recorder.snapshot().1.get("p", "other").unwrap().requests.values().sum::<u64>(), 4);
    drop(recorder);
    let mut all = ids(dir.path());
    assert_eq!(all.len(), 20);
    all.dedup();
    assert_eq!(all.len(), 20);
    let last = lines(dir.path()).pop().unwrap();
    assert_eq!(last.get("end_reason"), Some(&Owned::Text("proxy_killed".to_owned())));
    assert_eq!(last.get("model"), Some(&Owned::Text("model-1".to_owned())));
    assert_eq!(last.get("cost_usd"), None);
    assert_eq!(open(dir.path()).1.lines, 0, "nothing is recovered twice");
}

#[test]
fn slots_are_forgotten_before_the_journal_is_long() {
    let dir = tempfile::tempdir().unwrap();
    // Enough lines for several files: slots that were used once must not come back as orphans.
    begin(dir.path(), 0..400, |number| number != 399);
    let (recorder, recovered) = open(dir.path());
    assert_eq!(recovered.lines, 1);
    assert!(recorder.current_file() > 1, "the journal has begun other files");
}

#[test]
fn a_recovery_that_is_killed_and_repeated_gives_the_same_journal() {
    let dir = tempfile::tempdir().unwrap();
    begin(dir.path(), 0..10, |number| number < 3);
    let copy = |name: &str| {
        let to = dir.path().join(name);
        fs::create_dir_all(to.join("journal")).unwrap();
        fs::copy(dir.path().join("inflight"), to.join("inflight")).unwrap();
        for file in fs::read_dir(dir.path().join("journal")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join("journal").join(file.file_name())).unwrap();
        }
        to
    };
    let whole = copy("whole");
    open(&whole);
    let journal = |dir: &Path| fs::read(dir.join("journal/00000000000000000001.jsonl")).unwrap();
    let expected = journal(&whole);
    let before = journal(dir.path()).len();
    // Killed after every byte that it can be killed after: the table is as it was, the journal has a part of the lines.
    for cut in (before..=expected.len()).step_by(97) {
        let part = copy(&format!("cut-{cut}"));
        fs::write(part.join("journal/00000000000000000001.jsonl"), &expected[..cut]).unwrap();
        open(&part);
        assert_eq!(journal(&part), expected, "killed after {cut} bytes");
    }
}

#[test]
fn a_table_that_cannot_be_read_still_yields_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let (table, _) = Inflight::open(&dir.path().join("inflight"), 4).unwrap();
    table.reset().unwrap();
    table.write(1, &[7; 16], 1, b"not a line").unwrap();
    assert_eq!(open(dir.path()).1.lines, 1);
    assert_eq!(ids(dir.path()), [Owned::Id([7; 16])]);
}

#[test]
fn models_become_labels_after_a_success_and_no_more_than_200() {
    let mut ledger = Ledger::default();
    let mut add = |model: &str, status| {
        let mut record = record(0);
        record.what.model = Some(model.to_owned());
        record.status = status;
        ledger.add(&record);
    };
    add("typo", Status::Error);
    add("known", Status::Success);
    add("known", Status::Error);
    for number in 0..300 {
        add(&format!("m{number}"), Status::Success);
    }
    assert_eq!(ledger.series().count(), 201);
    let of = |model| ledger.get("p", model).unwrap();
    assert_eq!(of("known").requests.values().sum::<u64>(), 2);
    assert_eq!(of("other").requests.values().sum::<u64>(), 1 + 101);
}

#[derive(Debug, Clone)]
struct Arrival {
    input: u64,
    cached: u64,
    output: u64,
    model: u64,
    priced: bool,
    status: Status,
    nanos: u64,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let status = prop_oneof![Just(Status::Success), Just(Status::Error), Just(Status::Cancelled)];
    let one = (0u64..100_000, 0u64..100_000, 0u64..100_000, 0u64..5, any::<bool>(), status, 0u64..1 << 40).prop_map(
        |(input, cached, output, model, priced, status, nanos)| Arrival {
            input,
            cached,
            output,
            model,
            priced,
            status,
            nanos,
        },
    );
    proptest::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_counters_are_the_sums_of_the_journal(arrivals in arrivals()) {
        let dir = tempfile::tempdir().unwrap();
        let (recorder, _) = open(dir.path());
        let tariff = Tariff { input: 0.003_217, output: 0.06, cached_input: Some(0.000_3), ..Tariff::default() };
        let price = Price::from_tariff("config:m", &tariff).unwrap();
        for (number, arrival) in arrivals.iter().enumerate() {
            let mut record = record(number as u64);
            record.what.model = Some(format!("m{}", arrival.model));
            record.status = arrival.status;
            let parts = Parts { cached_input: arrival.cached, ..Parts::default() };
            let usage = Usage::from_inclusive(arrival.input, arrival.output, parts);
            record.usage = Some(usage);
            record.cost = arrival.priced.then(|| price.cost(&usage)).flatten();
            record.energy = Some(meter::energy::Energy {
                low: usage.total() * 1_000_000,
                mid: usage.total() * 5_000_000,
                high: usage.total() * 9_000_000,
                method: "weir/2",
                basis: meter::energy::Basis::Named,
            });
            record.carbon = Some(meter::carbon::Carbon {
                zone: "USA".into(),
                location: Some(usage.total() * 7_000),
                market: None,
                embodied: 1,
                water: None,
            });
            record.times.processing = arrival.nanos;
            recorder.finish(recorder.admit().unwrap(), Box::new(record));
        }
        let (_, ledger) = recorder.snapshot();
        let series = || ledger.series().map(|(_, _, series)| series);
        let sum = |name: &str| -> u64 {
            lines(dir.path()).iter().map(|line| match line.get(name) {
                Some(Owned::Integer(number) | Owned::Fixed(number, _)) => *number,
                _ => 0,
            }).sum()
        };
        prop_assert_eq!(series().flat_map(|one| one.requests.values()).sum::<u64>(), arrivals.len() as u64);
        prop_assert_eq!(series().map(|one| one.cost).sum::<u64>(), sum("cost_usd"));
        prop_assert_eq!(series().map(|one| one.energy.unwrap_or_default().mid).sum::<u64>(), sum("energy_consumption_kwh"));
        prop_assert_eq!(series().map(|one| one.energy.unwrap_or_default().low).sum::<u64>(), sum("energy_kwh_low"));
        prop_assert_eq!(series().map(|one| one.energy.unwrap_or_default().high).sum::<u64>(), sum("energy_kwh_high"));
        prop_assert_eq!(series().map(|one| one.carbon.unwrap_or_default()).sum::<u64>(), sum("carbon_gco2e"));
        prop_assert_eq!(series().flat_map(|one| one.tokens).sum::<u64>(), sum("total_tokens"));
        prop_assert_eq!(series().map(|one| one.tokens[Class::CachedInput as usize]).sum::<u64>(), sum("cached_input_tokens"));
        prop_assert_eq!(series().map(|one| one.duration.sum / 1000).sum::<u64>().abs_diff(sum("processing_time_seconds")) <= 60, true);
        for model in 0..5 {
            let name = format!("m{model}");
            let of_model: u64 = lines(dir.path()).iter()
                .filter(|line| line.get("model") == Some(&Owned::Text(name.clone())))
                .map(|line| match line.get("cost_usd") { Some(Owned::Fixed(nano, _)) => *nano, _ => 0 })
                .sum();
            let succeeded_first = arrivals.iter().find(|arrival| arrival.model == model).is_some_and(|arrival| arrival.status == Status::Success);
            if succeeded_first {
                prop_assert_eq!(ledger.get("p", &name).unwrap().cost, of_model);
            }
        }
    }
}
