use std::collections::BTreeSet;
use std::ops::Range;

use meter::cost::CostStatus;
use meter::record::{EndReason, Line, Status};
use meter::usage::{Class, UsageSource};

use super::*;

/// Tuesday, 2026-11-24 12:00 UTC.
const NOW: u64 = 1_795_521_600 * SECOND;
const START: u64 = NOW - 30 * DAY;

fn history(records: u64, seed: u64) -> History {
    History::new(records, START, NOW, seed).unwrap()
}

fn lines(history: History) -> Vec<u8> {
    let mut out = Vec::new();
    history.for_each(|record| render(&record, &mut out));
    out
}

#[test]
fn time_goes_on_and_every_line_reads_back() {
    let (mut last, mut count, mut out) = (0, 0, Vec::new());
    for record in history(2000, 1) {
        assert!(record.timestamp > last && (START..NOW).contains(&record.timestamp));
        (last, count) = (record.timestamp, count + 1);
        out.clear();
        render(&record, &mut out);
        let line = Line::parse(&out).unwrap();
        let mut again = Vec::new();
        line.render(&mut again);
        assert_eq!(again, out);
        assert!(record.what.simulated);
    }
    assert_eq!(count, 2000);
}

#[test]
fn one_seed_gives_one_history() {
    assert_eq!(lines(history(300, 3)), lines(history(300, 3)));
    assert_ne!(lines(history(300, 3)), lines(history(300, 4)));
}

#[test]
fn a_history_is_a_journal_however_many_make_it() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("data");
    let options = HistoryOptions { to: to.clone(), records: 1000, days: 30.0, seed: 1, end: Some(NOW) };
    assert_eq!(write(&options).unwrap(), 1000);
    let mut found = Vec::new();
    store::journal::scan(&to.join("journal"), 1, |_, line| {
        found.extend_from_slice(line);
        found.push(b'\n');
    })
    .unwrap();
    assert!(found == lines(history(1000, 1)), "the same, in the same order");
}

/// The stories, each as a reader of the page would find it.
#[test]
fn a_month_with_its_stories() {
    let records: Vec<Record> = history(8000, 1).collect();
    weekends_are_quiet(&records);
    bills_tell(&records);
    prices_are_known_but_one(&records);
    trouble_shows(&records);
    the_missions_questions_find_something(&records);
}

fn age(record: &Record) -> f64 {
    (NOW - record.timestamp) as f64 / DAY as f64
}

fn spend(record: &Record) -> f64 {
    record.cost.as_ref().map_or(0.0, |cost| cost.total() as f64 / 1e9)
}

fn of(record: &Record, organization: &str) -> bool {
    record.who.organization.as_deref() == Some(organization)
}

fn weekends_are_quiet(records: &[Record]) {
    let mut of_days = [0; 7];
    records.iter().for_each(|record| of_days[((record.timestamp / DAY + 3) % 7) as usize] += 1);
    assert!(of_days[5] * 2 < of_days[4] && of_days[6] * 2 < of_days[0], "{of_days:?}");
}

/// One organization's spend triples, and another's prompt cache pays.
fn bills_tell(records: &[Record]) {
    let between = |organization: &str, days: Range<f64>| -> Vec<&Record> {
        records.iter().filter(|record| of(record, organization) && days.contains(&age(record))).collect()
    };
    let a_week = |days| between("umbrella-research", days).into_iter().map(spend).sum::<f64>();
    let (before, since) = (a_week(15.0..22.0), a_week(1.0..8.0));
    assert!((2.2..4.5).contains(&(since / before)), "{before} {since}");
    let cached = |days: Range<f64>| {
        let usages = || between("northwind", days.clone()).into_iter().filter_map(|record| record.usage);
        let cached: u64 = usages().map(|usage| usage.get(Class::CachedInput)).sum();
        cached as f64 / usages().map(|usage| usage.input()).sum::<u64>() as f64
    };
    assert!(cached(14.0..28.0) < 0.15 && cached(1.0..12.0) > 0.5);
}

fn prices_are_known_but_one(records: &[Record]) {
    let models = |status: CostStatus| -> BTreeSet<&str> {
        let named = |record: &&Record| {
            let found = record.cost.as_ref().map(|cost| cost.status);
            found.or(record.usage.map(|_| CostStatus::Unpriced)) == Some(status)
        };
        records.iter().filter(named).filter_map(|record| record.what.model.as_deref()).collect()
    };
    assert_eq!(models(CostStatus::Unpriced), BTreeSet::from(["harbour-support-8b"]));
    assert!(models(CostStatus::List).contains("claude-sonnet-4-5"));
    assert!(models(CostStatus::Contracted).contains("gpt-4"), "the mission's models have the example's prices");
}

/// A provider's bad hour, and callers who hang up and pay all the same.
fn trouble_shows(records: &[Record]) {
    let calendar = Calendar::new(NOW);
    let failed = |record: &&Record| record.status == Status::Error;
    let stormy =
        |record: &&Record| record.what.provider.as_deref() == Some("openai") && calendar.storms(record.timestamp);
    let storm: Vec<&Record> = records.iter().filter(stormy).collect();
    assert!(storm.len() > 8 && storm.iter().copied().filter(failed).count() * 2 > storm.len(), "{}", storm.len());
    assert!(records.iter().filter(failed).count() * 20 < records.len(), "errors are rare otherwise");
    let cancelled: Vec<&Record> = records.iter().filter(|record| record.status == Status::Cancelled).collect();
    assert!(cancelled.len() > 40, "{}", cancelled.len());
    for record in &cancelled {
        assert_eq!(record.outcome.end_reason, Some(EndReason::ClientGone));
        assert_eq!(record.usage_source, UsageSource::Estimated, "nobody has the request any more");
        assert!(record.usage.is_some_and(|usage| usage.output() > 0));
    }
}

fn the_missions_questions_find_something(records: &[Record]) {
    let some = |what: fn(&Record) -> bool| assert!(records.iter().filter(|record| what(record)).count() > 20);
    some(|record| record.usage.is_some_and(|usage| usage.total() > 1000));
    some(|record| spend(record) > 0.10);
    some(|record| record.times.processing > 2 * SECOND);
    some(|record| record.what.model.as_deref() == Some("gpt-4"));
    some(|record| record.status == Status::Error);
}
