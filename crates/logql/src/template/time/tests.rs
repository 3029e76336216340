use super::*;

const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

#[test]
fn layouts() {
    let time = Time::from_unix_ns(1_795_402_802_039_467_917);
    for (layout, text) in [
        (RFC3339_NANO, "2026-11-23T03:00:02.039467917Z"),
        ("2006-01-02T15:04:05.00Z-07:00", "2026-11-23T03:00:02.03Z+00:00"),
        ("2006-01-02", "2026-11-23"),
        ("Mon Jan _2 15:04:05 2006", "Mon Nov 23 03:00:02 2026"),
        ("Monday, 02-Jan-06 15:04:05 MST", "Monday, 23-Nov-26 03:00:02 UTC"),
        ("3:04PM", "3:00AM"),
        ("03:4:5 pm", "03:0:2 am"),
        ("January 2 1 002 __2", "November 23 11 327 327"),
        (".000 .999 ,000000 .0000000000", ".039 .039 ,039467 .0394679170"),
        ("-0700 -07 -07:00:00 Z0700", "+0000 +00 +00:00:00 Z"),
        ("Janet Month", "Janet Month"),
        ("x_2006", "x_2026"),
        ("", ""),
    ] {
        assert_eq!(time.format(layout), text, "{layout}");
    }
    assert_eq!(time.to_string(), "2026-11-23 03:00:02.039467917 +0000 UTC");
    assert_eq!(Time::zero().to_string(), "0001-01-01 00:00:00 +0000 UTC");
    assert_eq!(Time::from_unix_ns(-1).format(RFC3339_NANO), "1969-12-31T23:59:59.999999999Z");
}

fn parse(layout: &str, text: &str, zone: &str) -> String {
    let zone = Zone::find(zone).expect(zone);
    Time::parse(layout, text, &zone).map_or("none".to_owned(), |time| time.to_string())
}

#[test]
fn moments_are_read() {
    for (layout, text, read) in [
        ("2006-01-02", "2021-11-02", "2021-11-02 00:00:00 +0000 UTC"),
        ("2006-01-02T15:04:05Z07:00", "2021-11-02T10:11:12.5+02:00", "2021-11-02 10:11:12.5 +0200 +0200"),
        (RFC3339_NANO, "2021-11-02T10:11:12Z", "2021-11-02 10:11:12 +0000 UTC"),
        ("2006-01-02T15:04:05.999999999Z", "2021-11-02T10:11:12.123Z", "2021-11-02 10:11:12.123 +0000 UTC"),
        ("Jan _2 06 3:04PM", "feb  3 99 12:30AM", "1999-02-03 00:30:00 +0000 UTC"),
        ("02/Jan/2006:15:04:05 -0700", "10/Oct/2000:13:55:36 -0730", "2000-10-10 13:55:36 -0730 -0730"),
        ("Monday 15:04 MST 2006-01-02", "tuesday 10:11 CEST 2021-11-02", "2021-11-02 10:11:00 +0000 CEST"),
        ("2006 002", "2020 366", "2020-12-31 00:00:00 +0000 UTC"),
        ("2006-01-02 15:04:05.000", "2020-01-01 00:00:00.25", "none"),
        ("2006-01-02", "2021-02-29", "none"),
        ("2006-01-02", "2021-13-01", "none"),
        ("2006-01-02", "2021-11-02 x", "none"),
        ("15:04", "24:00", "none"),
        ("2006-01-02", "", "none"),
    ] {
        assert_eq!(parse(layout, text, "UTC"), read, "{text} by {layout}");
    }
}

#[test]
fn zones_by_name() {
    let vienna = |text: &str| parse("2006-01-02 15:04", text, "Europe/Vienna");
    assert_eq!(vienna("2021-11-02 10:00"), "2021-11-02 10:00:00 +0100 CET");
    assert_eq!(vienna("2021-07-02 10:00"), "2021-07-02 10:00:00 +0200 CEST");
    assert_eq!(parse("2006-01-02", "2021-11-02", "America/New_York"), "2021-11-02 00:00:00 -0400 EDT");
    assert!(Zone::find("Nowhere/City").is_none());
}

#[test]
fn the_calendar_turns_both_ways() {
    for day in (-800_000..800_000).step_by(97) {
        let civil = Civil::of(day * 86_400);
        assert_eq!(civil::days(civil.year, civil.month, civil.day), day);
    }
    assert_eq!(Civil::of(0).weekday, 4);
}
