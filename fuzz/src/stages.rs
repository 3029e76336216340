//! The stages that read a line as it comes: logfmt, packed lines, colours, addresses, and the units of values.

use logql::stage::names::is_label_name;
use logql::stage::{decolorize::decolorize, ip::IpFilter, logfmt::Logfmt, units, unpack::unpack};

/// Checks one line.
pub fn check(line: &[u8]) {
    for (strict, keep_empty) in [(false, false), (true, false), (false, true)] {
        let stage = Logfmt::new(&[], strict, keep_empty).expect("no parameters to refuse");
        let result = stage.extract(line, &mut |name, value| {
            assert!(is_label_name(name), "{name:?}");
            let value = value.expect("without expressions there is no missing one");
            assert!(std::str::from_utf8(value).is_ok());
            assert!(keep_empty || !value.is_empty());
            true
        });
        assert!(strict || result.is_ok());
    }
    let _ = unpack(line, &mut |name, value| {
        assert!(is_label_name(name) && std::str::from_utf8(value).is_ok());
        true
    });
    assert!(decolorize(line).len() <= line.len() * 3);
    let any = IpFilter::parse("0.0.0.0/0").expect("a network");
    let none = IpFilter::parse("203.0.113.7").expect("an address");
    assert!(!none.in_line(line) || any.in_line(line));
    if let Ok(text) = std::str::from_utf8(line) {
        values(text);
    }
}

/// What is printed is read back as itself.
fn values(text: &str) {
    let _ = (units::parse_bytes(text), units::duration_error(text), units::parse_int(text, 0));
    if let Ok(number) = units::parse_number(text) {
        let again = units::parse_number(&units::format_float(number));
        assert!(again == Ok(number) || number.is_nan());
    }
    if let Some(duration) = units::parse_duration(text) {
        assert_eq!(units::parse_duration(&units::format_duration(duration)), Some(duration));
    }
    if let Some(duration) = units::parse_prometheus_duration(text) {
        let whole = duration / 1_000_000 * 1_000_000;
        assert_eq!(units::parse_prometheus_duration(&units::format_prometheus_duration(duration)), Some(whole));
    }
    if let Ok(filter) = IpFilter::parse(text) {
        let _ = filter.in_value(text);
    }
}
