//! Data centres: where a provider's machines stand, and what their buildings add.

use std::sync::LazyLock;

/// A provider's data centres.
#[derive(Debug, Clone, PartialEq)]
pub struct Center {
    /// The provider, by its name in the catalogue of prices; `*` is any other one, `own` one's own machines.
    pub provider: String,
    /// Who runs the machines.
    pub host: String,
    /// The zone.
    pub zone: String,
    /// The least and the most that its PUE may be.
    pub pue: (f64, f64),
    /// The same of litres of water on site for a kilowatt-hour of the machines, where they are known.
    pub water_l_per_kwh: Option<(f64, f64)>,
    /// Who says so.
    pub source: String,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Centers {
    rows: Vec<Center>,
}

impl Centers {
    /// Those that are built in.
    #[must_use]
    pub fn embedded() -> &'static Centers {
        static CENTERS: LazyLock<Centers> =
            LazyLock::new(|| Centers::parse(include_str!("../../data/data_centers.tsv")).unwrap_or_default());
        &CENTERS
    }

    /// Reads a table.
    ///
    /// # Errors
    /// The line that does not read.
    pub fn parse(text: &str) -> Result<Centers, String> {
        let sources = crate::energy::sources(text);
        let row = |line: &str| row(line, &sources).ok_or_else(|| format!("{line:?} is no data centre"));
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Ok(Centers { rows: lines.map(row).collect::<Result<_, _>>()? })
    }

    /// All of them.
    #[must_use]
    pub fn rows(&self) -> &[Center] {
        &self.rows
    }

    /// Of a provider of the catalogue; of any other one, if it is not in the table.
    #[must_use]
    pub fn of(&self, provider: &str) -> Option<&Center> {
        let named = |name: &str| self.rows.iter().find(|row| row.provider == name);
        named(provider).or_else(|| named("*"))
    }
}

fn row(line: &str, sources: &[(String, String, String)]) -> Option<Center> {
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    let (provider, host, zone) = (next()?.to_owned(), next()?.to_owned(), next()?.to_owned());
    let number = |text: &str, least: f64| text.parse::<f64>().ok().filter(|value| (least..100.0).contains(value));
    let pue = (number(next()?, 1.0)?, number(next()?, 1.0)?);
    let water_l_per_kwh = match (next()?, next()?) {
        ("-", "-") => None,
        (least, most) => Some((number(least, 0.0)?, number(most, 0.0)?)),
    };
    let letter = next()?;
    let (_, date, name) = sources.iter().find(|(known, _, _)| known == letter)?;
    let source = format!("{name}, {date}");
    (pue.0 <= pue.1).then_some(Center { provider, host, zone, pue, water_l_per_kwh, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carbon::Mixes;
    use crate::catalog::Catalog;

    #[test]
    fn the_table_that_is_built_in() {
        let (centers, catalog) = (Centers::embedded(), Catalog::embedded());
        assert_eq!(centers.rows().len(), 12);
        for row in centers.rows() {
            assert!(Mixes::embedded().get(&row.zone).is_some(), "{row:?}");
            assert!(matches!(&*row.provider, "*" | "own") || catalog.has_provider(&row.provider), "{row:?}");
        }
        assert_eq!(centers.of("mistral").map(|row| row.zone.as_str()), Some("SWE"));
        assert_eq!(centers.of("somebody").map(|row| row.zone.as_str()), Some("WOR"));
        assert!(Centers::parse("a\tb\tUSA\t0.9\t1\t-\t-\tE").is_err());
    }
}
