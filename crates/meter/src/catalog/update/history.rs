//! What held before an update is kept with its dates, so that a request of yesterday still costs what it did.

use crate::catalog::row::{Band, Day, Row};

/// Puts the dates on a row that an update made of another. A price that changed holds from `today`, or from the day that
/// the feed names, and the one before until then; one that did not change keeps the day on which it began. Where there was no
/// price there is nothing to keep: what is new to a row or a tier holds without a date.
pub(super) fn remember(old: &Row, new: &mut Row, today: Day) {
    let now = |band: &&Band| band.from <= today && band.until.is_none_or(|until| today < until);
    for band in new.bands.iter_mut().filter(|band| now(&&**band)) {
        let before = old.bands.iter().filter(now).filter(|one| is_beside(one, band)).max_by_key(|one| one.from);
        match before {
            Some(before) if before.rates == band.rates && band.from == 0 => band.from = before.from,
            Some(before) if before.rates != band.rates && band.from <= before.from => band.from = today,
            None if band.from == 0 && old.bands.iter().filter(now).any(|one| one.tier == band.tier) => {
                band.from = today;
            }
            _ => {}
        }
    }
    for band in old.bands.iter().filter(|band| band.from < today) {
        let beside = || new.bands.iter().filter(|one| is_beside(one, band));
        if beside().any(|one| one.from == band.from) {
            continue;
        }
        let next = beside().map(|one| one.from).filter(|from| *from > band.from).min().unwrap_or(today);
        let until = band.until.map_or(next, |until| until.min(next));
        // What holds from the beginning has taken its place, or the feed knows better when.
        if until > band.from
            && !beside().any(|one| one.from <= band.from && one.until.is_none_or(|end| end > band.from))
        {
            new.bands.push(Band { until: Some(until), ..band.clone() });
        }
    }
}

/// Whether two are the same price at different times.
fn is_beside(one: &Band, other: &Band) -> bool {
    (&one.tier, one.above, &one.windows) == (&other.tier, other.above, &other.windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-11-23";

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        let row = |text: &str| format!("p\tm\tL\t{}", text.replace(" | ", "\t")).parse::<Row>().unwrap();
        let mut made = row(new);
        remember(&row(old), &mut made, crate::time::parse_day(TODAY).unwrap());
        made.sort();
        assert_eq!(made, row(expected), "{made}");
    }

    #[test]
    fn what_held_before_is_kept_with_its_dates() {
        check("input=1", "input=1", "input=1");
        check("input=1", "input=2", "until:2026-11-23 input=1 | from:2026-11-23 input=2");
        let twice = "until:2026-11-01 input=1 | from:2026-11-01 input=2";
        check(twice, "input=2", twice);
        check(
            twice,
            "input=3",
            "until:2026-11-01 input=1 | from:2026-11-01 until:2026-11-23 input=2 | from:2026-11-23 input=3",
        );
        check("from:2026-11-23 input=2", "input=3", "from:2026-11-23 input=3");
    }

    #[test]
    fn a_feeds_own_dates_count() {
        let dated = "until:2026-11-10 input=1 | from:2026-11-10 input=2";
        check("input=1", dated, dated);
        check("input=1", "from:2026-11-10 input=2", dated);
        check(
            "input=1",
            "until:2027-01-01 input=1 | from:2027-01-01 input=2",
            "until:2027-01-01 input=1 | from:2027-01-01 input=2",
        );
    }

    #[test]
    fn tiers_and_hours_have_histories_of_their_own() {
        check(
            "input=1 | @flex input=0.5",
            "input=2",
            "until:2026-11-23 input=1 | from:2026-11-23 input=2 | @flex until:2026-11-23 input=0.5",
        );
        check("input=1", "input=1 | @flex input=0.5", "input=1 | @flex input=0.5");
        check("input=1", "input=1 | >1000 input=2", "input=1 | >1000 from:2026-11-23 input=2");
        check(
            "input=1 | when:1/00:00-01:00 input=2",
            "input=1 | when:2/00:00-01:00 input=2",
            "input=1 | until:2026-11-23 when:1/00:00-01:00 input=2 | from:2026-11-23 when:2/00:00-01:00 input=2",
        );
    }
}
