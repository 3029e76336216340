//! Number: options that are numbers, checked when they are read.

use std::time::Duration;

/// The longest time an option or a delay can be.
const LONGEST_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

/// A share: from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..=1.0).contains(&number), "a number from 0 to 1")
}

/// A time in seconds: 0 or more, at most a week.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..=LONGEST_SECONDS).contains(&number), "seconds, from 0 to a week")
}

/// A number above 0.
pub(super) fn above_zero(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0 && number <= 1e9, "a number above 0")
}

/// `seconds` as a duration; nonsense becomes none, and nothing is longer than a week.
pub(super) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.clamp(0.0, LONGEST_SECONDS)).unwrap_or_default()
}

fn number(text: &str, fits: impl Fn(f64) -> bool, wanted: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if fits(number) => Ok(number),
        _ => Err(format!("this takes {wanted}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_make_sense_are_taken() {
        assert_eq!(share("0.25"), Ok(0.25));
        assert_eq!(seconds("0"), Ok(0.0));
        for text in ["-0.1", "1.1", "NaN", "inf", "", "one"] {
            assert!(share(text).is_err(), "{text}");
        }
        assert!(above_zero("0").is_err() && seconds("-1").is_err() && seconds("1e300").is_err());
        assert_eq!(duration(f64::NAN), Duration::ZERO);
        assert_eq!(duration(f64::INFINITY), Duration::from_secs(7 * 24 * 3600));
    }
}
