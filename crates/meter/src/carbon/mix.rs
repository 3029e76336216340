//! What a kilowatt-hour comes to in a zone: yearly averages by location.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::decimal;

/// A zone's electricity.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// The zone: a country's three letters, `US-CA`, `SE3`, `gcp:europe-west1`, `WOR` for the world.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// Grams of CO2e for a kilowatt-hour.
    pub gco2e_per_kwh: f64,
    /// Kilograms of antimony equivalent for a kilowatt-hour: what is taken of the earth's minerals.
    pub adpe_kgsb_per_kwh: Option<f64>,
    /// Megajoules of primary energy for a kilowatt-hour.
    pub primary_mj_per_kwh: Option<f64>,
    /// Litres of water for a kilowatt-hour, where it is made.
    pub water_l_per_kwh: Option<f64>,
    /// The year that it holds for, where that is said.
    pub year: Option<u16>,
    /// Who says so.
    pub source: String,
}

/// All zones.
#[derive(Debug, Default)]
pub struct Mixes {
    rows: Vec<Mix>,
    by_zone: HashMap<String, usize>,
    sources: Vec<(String, String, String)>,
}

impl Mixes {
    /// The table that is built in.
    #[must_use]
    pub fn embedded() -> Arc<Mixes> {
        static MIXES: LazyLock<Arc<Mixes>> = LazyLock::new(|| {
            Arc::new(Mixes::parse(include_str!("../../data/electricity_mixes.tsv")).unwrap_or_default())
        });
        MIXES.clone()
    }

    /// Reads a table.
    ///
    /// # Errors
    /// The line that does not read.
    pub fn parse(text: &str) -> Result<Mixes, String> {
        let mut mixes = Mixes { sources: crate::energy::sources(text), ..Mixes::default() };
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty()) {
            let row = row(line).ok_or_else(|| format!("line {}: {line:?} is no zone", number + 1))?;
            mixes.by_zone.insert(row.zone.to_ascii_lowercase(), mixes.rows.len());
            mixes.rows.push(row);
        }
        Ok(mixes)
    }

    /// The zone of a name, whatever its letters.
    #[must_use]
    pub fn get(&self, zone: &str) -> Option<&Mix> {
        self.by_zone.get(&zone.to_ascii_lowercase()).map(|place| &self.rows[*place])
    }

    /// All of them.
    #[must_use]
    pub fn rows(&self) -> &[Mix] {
        &self.rows
    }

    /// Where the figures come from: a letter, the date, and the name.
    #[must_use]
    pub fn sources(&self) -> &[(String, String, String)] {
        &self.sources
    }

    /// As a file.
    #[must_use]
    pub fn to_text(sources: &[(String, String, String)], rows: &[Mix]) -> String {
        let mut out = String::from("# weir electricity mixes 1\n");
        for (letter, date, name) in sources {
            out += &format!("# {letter} {date} {name}\n");
        }
        out += "# zone, name, g CO2e, kg Sb-eq, MJ of primary energy and L of water per kWh, year, source\n";
        for row in rows {
            let known = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
            out += &format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                row.zone,
                row.name,
                row.gco2e_per_kwh,
                known(row.adpe_kgsb_per_kwh),
                known(row.primary_mj_per_kwh),
                known(row.water_l_per_kwh),
                known(row.year.map(f64::from)),
                row.source
            );
        }
        out
    }
}

fn row(line: &str) -> Option<Mix> {
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    let (zone, name) = (next()?.to_owned(), next()?.to_owned());
    let number = |text: &str| text.parse::<f64>().ok().filter(|value| (0.0..1e5).contains(value));
    let gco2e_per_kwh = decimal::parse(next()?, 9).ok().map(|units| units as f64 / 1e9)?;
    let mut known = || {
        let text = next()?;
        if text == "-" { Some(None) } else { number(text).map(Some) }
    };
    let (adpe_kgsb_per_kwh, primary_mj_per_kwh, water_l_per_kwh, year) = (known()?, known()?, known()?, known()?);
    let source = next()?.to_owned();
    let year = year.map(|year| year as u16);
    (!zone.is_empty() && gco2e_per_kwh < 5000.0).then_some(Mix {
        zone,
        name,
        gco2e_per_kwh,
        adpe_kgsb_per_kwh,
        primary_mj_per_kwh,
        water_l_per_kwh,
        year,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_built_in() {
        let mixes = Mixes::embedded();
        assert_eq!(mixes.rows().len(), 317);
        for (zone, grams) in [("USA", 384.4), ("wor", 458.29), ("FRA", 41.04), ("SWE", 35.28), ("gcp:us-west1", 94.0)] {
            let mix = mixes.get(zone).unwrap();
            assert!((mix.gco2e_per_kwh - grams).abs() < 0.9, "{zone} {mix:?}");
        }
        assert_eq!(mixes.get("nowhere"), None);
        let again = Mixes::parse(&Mixes::to_text(mixes.sources(), mixes.rows())).unwrap();
        assert_eq!(again.rows(), mixes.rows());
    }

    #[test]
    fn a_broken_row_is_named() {
        for line in ["A\tb", "A\tb\t-1\t-\t-\t-\t-\tx", "A\tb\t1\tx\t-\t-\t-\tx", "A\tb\t9999\t-\t-\t-\t-\tx"] {
            assert!(Mixes::parse(line).unwrap_err().contains("line 1"), "{line}");
        }
    }
}
