use meter::record::Line;

use super::*;

const START: u64 = 1_760_000_000 * SECOND;

#[test]
fn time_goes_on_and_every_line_reads_back() {
    let end = START + 30 * 24 * HOUR;
    let (mut last, mut count, mut out) = (0, 0, Vec::new());
    for record in History::new(5000, START, end, 1) {
        assert!(record.timestamp > last && (START..end).contains(&record.timestamp));
        (last, count) = (record.timestamp, count + 1);
        out.clear();
        render(&record, &mut out);
        let line = Line::parse(&out).unwrap();
        let mut again = Vec::new();
        line.render(&mut again);
        assert_eq!(again, out);
        assert!(line.get("simulated").is_some());
        assert_eq!(line.get("cost_usd").is_some(), record.status != Status::Error);
    }
    assert_eq!(count, 5000);
}

#[test]
fn one_seed_gives_one_history() {
    let lines = |seed| {
        let mut out = Vec::new();
        History::new(300, START, START + 48 * HOUR, seed).for_each(|record| render(&record, &mut out));
        out
    };
    assert_eq!(lines(3), lines(3));
    assert_ne!(lines(3), lines(4));
}

#[test]
fn weekends_are_quiet() {
    let mut of_days = [0; 7];
    for record in History::new(20_000, START, START + 28 * 24 * HOUR, 1) {
        of_days[((record.timestamp / HOUR / 24 + 4) % 7) as usize] += 1;
    }
    assert!(of_days[0] * 2 < of_days[1] && of_days[6] * 2 < of_days[5], "{of_days:?}");
}

#[test]
fn a_history_is_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("data");
    let options = HistoryOptions { to: to.clone(), records: 1000, days: 2.0, seed: 1, end: Some(START) };
    assert_eq!(write(&options).unwrap(), 1000);
    assert_eq!(store::journal::next_line(&to.join("journal")).unwrap(), 1001);
}
