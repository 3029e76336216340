//! Figure: numbers as people read them. What is unknown has a word of its own and is never 0.

/// A sum of money, and what is missing from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Money {
    /// The known part, in nano-dollars.
    pub(super) nanos: i64,
    /// Requests with a cost.
    pub(super) priced: u64,
    /// Those of them that are free, by their Record's own word.
    pub(super) free: u64,
    /// Requests that used something there is no price for.
    pub(super) unpriced: u64,
    /// Requests of which not even the use is known.
    pub(super) unknown: u64,
}

impl Money {
    pub(super) fn add(&mut self, other: Money) {
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.priced += other.priced;
        self.free += other.free;
        self.unpriced += other.unpriced;
        self.unknown += other.unknown;
    }

    /// The sum in words: an amount, "at least" an amount, or why there is none.
    pub(super) fn show(&self) -> String {
        let missing = self.unpriced + self.unknown;
        match self {
            Money { priced: 0, unpriced: 0, unknown: 0, .. } => "–".to_owned(),
            Money { priced: 0, unpriced: 0, .. } => "unknown".to_owned(),
            Money { priced: 0, .. } => "no price".to_owned(),
            Money { priced, free, .. } if priced == free && missing == 0 => "free".to_owned(),
            // "At least nothing" would say nothing, and look like an amount.
            _ if missing > 0 && self.nanos == 0 => "no price".to_owned(),
            _ if missing > 0 => format!("≥ {}", dollars(self.nanos)),
            _ => dollars(self.nanos),
        }
    }
}

/// Nano-dollars as dollars: to the cent from one dollar on, finer below.
pub(super) fn dollars(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    match size {
        1_000_000_000.. => {
            let cents = (size + 5_000_000) / 10_000_000;
            format!("{sign}${}.{:02}", grouped(cents / 100), cents % 100)
        }
        10_000_000.. => format!("{sign}${:.4}", size as f64 / 1e9),
        500.. => format!("{sign}${:.6}", size as f64 / 1e9),
        0 => "$0".to_owned(),
        _ => "< $0.000001".to_owned(),
    }
}

/// A whole number with its thousands set apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in at most six characters: exact up to 99,999.
pub(super) fn short(number: u64) -> String {
    match number {
        0..=99_999 => grouped(number),
        100_000..=999_999 => format!("{}k", number / 1000),
        1_000_000..=999_999_999 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

/// Energy, from kilowatt-hours, with three significant digits.
pub(super) fn energy(kwh: Option<f64>) -> String {
    let Some(kwh) = kwh else { return "unknown".to_owned() };
    let (amount, unit) = if kwh >= 1.0 { (kwh, "kWh") } else { (kwh * 1000.0, "Wh") };
    let decimals = match amount {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    match amount {
        0.00005.. => format!("{amount:.decimals$} {unit}"),
        amount if amount > 0.0 => format!("< 0.0001 {unit}"),
        _ => format!("0 {unit}"),
    }
}

/// A time in seconds, with the digits that matter.
pub(super) fn seconds(seconds: Option<f64>) -> String {
    match seconds {
        None => "–".to_owned(),
        Some(seconds) if seconds < 0.1 => format!("{:.0} ms", seconds * 1000.0),
        Some(seconds) if seconds < 10.0 => format!("{seconds:.2} s"),
        Some(seconds) => format!("{seconds:.1} s"),
    }
}

/// A share of a whole in percent; a dash where there is no whole.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (_, 0) => "–".to_owned(),
        (0, _) => "0 %".to_owned(),
        (part, whole) => format!("{:.1} %", part as f64 * 100.0 / whole as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_readable_at_every_size() {
        for (nanos, shown) in [
            (0, "$0"),
            (42, "< $0.000001"),
            (9_750_000, "$0.009750"),
            (421_300_000, "$0.4213"),
            (1_234_560_000_000, "$1,234.56"),
            (1_999_999_999, "$2.00"),
            (-2_500_000_000, "-$2.50"),
        ] {
            assert_eq!(dollars(nanos), shown);
        }
    }

    #[test]
    fn unknown_money_is_never_an_amount() {
        let unpriced = Money { unpriced: 1, ..Money::default() };
        let free = Money { priced: 1, free: 1, ..Money::default() };
        let mut sum = Money { nanos: 10_000_000, priced: 1, ..Money::default() };
        assert_eq!((unpriced.show().as_str(), free.show().as_str()), ("no price", "free"));
        assert_eq!(Money { unknown: 1, ..Money::default() }.show(), "unknown");
        assert_eq!(Money::default().show(), "–");
        sum.add(unpriced);
        assert_eq!(sum.show(), "≥ $0.0100");
        let mut mixed = free;
        mixed.add(unpriced);
        assert_eq!(mixed.show(), "no price");
    }

    #[test]
    fn other_figures_are_readable_too() {
        assert_eq!((energy(None).as_str(), energy(Some(0.000875)).as_str()), ("unknown", "0.875 Wh"));
        assert_eq!((energy(Some(12.345)).as_str(), energy(Some(0.0)).as_str()), ("12.3 kWh", "0 Wh"));
        assert_eq!(energy(Some(1e-9)), "< 0.0001 Wh");
        assert_eq!((grouped(1_234_567).as_str(), short(1_234_567).as_str()), ("1,234,567", "1.2M"));
        assert_eq!((seconds(Some(0.042)).as_str(), seconds(Some(2.345)).as_str()), ("42 ms", "2.35 s"));
        assert_eq!((percent(1, 3).as_str(), percent(0, 0).as_str()), ("33.3 %", "–"));
    }
}
