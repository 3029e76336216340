//! Sizes of models by patterns of their names (`data/energy_families.tsv`): what one size has under many names, and, where
//! nobody says how large a model is, those that it is likened to.

use super::{Basis, Profile};
use crate::pattern::Pattern;

/// What the table says of the models whose names fit a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The pattern, in lower case.
    pub pattern: String,
    /// Their size.
    pub size: Size,
    /// The day on which that was looked up, as 2026-11-23.
    pub day: String,
    /// Where it stands, or what they are likened to.
    pub source: String,
    fits: Pattern,
}

/// A size, or why the table has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// This.
    Known(Profile),
    /// The one that the name says.
    Named,
    /// None.
    Unknown,
}

impl Family {
    /// Whether the size is only that of others which are sold alike.
    pub(super) fn is_likened(&self) -> bool {
        matches!(self.size, Size::Known(Profile { basis: Basis::Likened, .. }))
    }
}

/// Reads the table.
///
/// # Errors
/// The line that does not read.
pub(super) fn parse(text: &str) -> Result<Vec<Family>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    let read = |(number, line): (usize, &str)| family(line).ok_or_else(|| format!("line {}: {line:?}", number + 1));
    lines.map(read).collect()
}

/// Of the families that a name fits, the one that fixes most of it; the first of equals.
pub(super) fn best<'a>(families: &'a [Family], name: &str) -> Option<&'a Family> {
    families.iter().rev().filter(|family| family.fits.matches(name)).max_by_key(|family| family.fits.fixed())
}

fn family(line: &str) -> Option<Family> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [pattern, active, total, basis, bits, day, source] = cells.as_slice() else { return None };
    let known = |basis| {
        let (active, total) = (range(active)?, range(total)?);
        let bits = if *bits == "-" { None } else { Some(bits.parse().ok()?) };
        Some(Size::Known(Profile { active, total, bits, basis, ..Profile::default() }))
    };
    let size = match *basis {
        "disclosed" => known(Basis::Disclosed)?,
        "guessed" => known(Basis::Guessed)?,
        "likened" => known(Basis::Likened)?,
        "named" => Size::Named,
        "unknown" => Size::Unknown,
        _ => return None,
    };
    let said = !source.is_empty() && crate::time::parse_day(day).is_some() && pattern.to_ascii_lowercase() == *pattern;
    said.then(|| Family {
        pattern: (*pattern).to_owned(),
        size,
        day: (*day).to_owned(),
        source: (*source).to_owned(),
        fits: Pattern::new(pattern),
    })
}

/// Billions of parameters: `37`, or of a range its ends, `44-132`.
fn range(text: &str) -> Option<(f64, f64)> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let (least, most) = (least.parse::<f64>().ok()?, most.parse::<f64>().ok()?);
    (least <= most && (1e-3..1e5).contains(&least) && most < 1e5).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_fixes_most_counts() {
        let text = "a-*\t1\t1\tlikened\t-\t2026-11-23\ts\na-*mini*\t2-3\t2-4\tguessed\t8\t2026-11-23\ts\nb\t-\t-\tnamed\t-\t2026-11-23\ts\n";
        let families = parse(text).unwrap();
        let size = |name: &str| best(&families, name).map(|family| family.size);
        let mini = Profile {
            active: (2.0, 3.0),
            total: (2.0, 4.0),
            bits: Some(8),
            basis: Basis::Guessed,
            ..Profile::default()
        };
        assert_eq!(size("a-5-mini"), Some(Size::Known(mini)));
        assert!(best(&families, "a-5").unwrap().is_likened());
        assert_eq!((size("b"), size("c")), (Some(Size::Named), None));
        for line in [
            "a\t1\t1\tlikened\t-\t2026-11-23",
            "a\t2-1\t1\tlikened\t-\t2026-11-23\ts",
            "a\t1\t1\tlikened\t-\t2026-13-23\ts",
            "a\t1\t1\tsomehow\t-\t2026-11-23\ts",
            "A\t1\t1\tlikened\t-\t2026-11-23\ts",
            "a\t1\t1\tlikened\t-\t2026-11-23\t",
        ] {
            assert!(parse(line).unwrap_err().contains("line 1"), "{line}");
        }
    }
}
