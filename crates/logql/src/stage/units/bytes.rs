//! Sizes as `go-humanize` reads and prints them: Loki's sizes are its.

use super::parse_number;

/// Bytes by unit; the names are lower case.
const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("kib", 1 << 10),
    ("ki", 1 << 10),
    ("kb", 1_000),
    ("k", 1_000),
    ("mib", 1 << 20),
    ("mi", 1 << 20),
    ("mb", 1_000_000),
    ("m", 1_000_000),
    ("gib", 1 << 30),
    ("gi", 1 << 30),
    ("gb", 1_000_000_000),
    ("g", 1_000_000_000),
    ("tib", 1 << 40),
    ("ti", 1 << 40),
    ("tb", 1_000_000_000_000),
    ("t", 1_000_000_000_000),
    ("pib", 1 << 50),
    ("pi", 1 << 50),
    ("pb", 1_000_000_000_000_000),
    ("p", 1_000_000_000_000_000),
    ("eib", 1 << 60),
    ("ei", 1 << 60),
    ("eb", 1_000_000_000_000_000_000),
    ("e", 1_000_000_000_000_000_000),
];

/// A size in bytes: `10KiB`, `1.5 MB`, `5 kb`, `1,024`. A part of a byte is cut off.
///
/// # Errors
/// In the words of `humanize.ParseBytes`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let value = parse_number(&number.replace(',', ""))?;
    let unit = unit.trim().to_lowercase();
    let Some((_, factor)) = SIZES.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("unhandled size name: {unit}"));
    };
    let bytes = value * *factor as f64;
    if bytes >= u64::MAX as f64 {
        return Err(format!("too large: {text}"));
    }
    Ok(bytes as u64)
}

/// `humanize.Bytes`: by thousands, one decimal below ten: `512 B`, `1.5 kB`, `20 MB`.
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let power = ((bytes as f64).ln() / 1000f64.ln()).floor();
    let value = (bytes as f64 / 1000f64.powf(power) * 10.0 + 0.5).floor() / 10.0;
    let unit = UNITS.get(power as usize).copied().unwrap_or("EB");
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_humanize_reads_them() {
        for (text, bytes) in [
            ("512B", 512),
            ("4KB", 4_000),
            ("20kB", 20_000),
            ("10KiB", 10_240),
            ("1.5MiB", 1_572_864),
            ("5 kb", 5_000),
            ("42", 42),
            ("1,024 b", 1_024),
            ("1.9", 1),
            ("1e", 1_000_000_000_000_000_000),
            ("2 Gi ", 2 << 30),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn errors_as_humanize_words_them() {
        assert_eq!(parse_bytes("").expect_err("empty"), "strconv.ParseFloat: parsing \"\": invalid syntax");
        assert_eq!(parse_bytes("-5kb").expect_err("sign"), "strconv.ParseFloat: parsing \"\": invalid syntax");
        assert_eq!(parse_bytes("5 Foo").expect_err("unit"), "unhandled size name: foo");
        assert_eq!(parse_bytes("16EiB").expect_err("large"), "too large: 16EiB");
    }

    #[test]
    fn sizes_as_humanize_prints_them() {
        for (bytes, text) in [
            (9, "9 B"),
            (512, "512 B"),
            (1_000, "1.0 kB"),
            (4_000, "4.0 kB"),
            (82_854_982, "83 MB"),
            (1_572_864, "1.6 MB"),
            (999_999, "1000 kB"),
        ] {
            assert_eq!(format_bytes(bytes), text);
        }
    }
}
