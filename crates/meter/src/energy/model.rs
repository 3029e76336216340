//! How large models are: a table of published and of guessed sizes, and what a name says of itself.

mod family;
mod name;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

pub use family::{Family, Size};

use crate::decimal;

/// What is known of a model's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Nothing is needed: the operator set a rate.
    Rate,
    /// Its makers say it.
    #[default]
    Disclosed,
    /// Its name says it.
    Named,
    /// It is guessed, from price, speed and leaks.
    Guessed,
    /// Nobody says and nobody guesses: it is taken to be like models that are sold alike.
    Likened,
}

impl Basis {
    /// The name in `energy_basis`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Basis::Rate => "rate",
            Basis::Disclosed => "disclosed",
            Basis::Named => "named",
            Basis::Guessed => "guessed",
            Basis::Likened => "likened",
        }
    }
}

/// A model's size; parameters in billions, the smallest and the largest that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Profile {
    /// Parameters that each token meets.
    pub active: (f64, f64),
    /// All parameters.
    pub total: (f64, f64),
    /// Bits of a parameter, as published.
    pub bits: Option<u8>,
    /// Tokens per second that users see.
    pub tokens_per_second: Option<f64>,
    /// Seconds to the first token that users see.
    pub first_token_seconds: Option<f64>,
    /// Where the sizes come from.
    pub basis: Basis,
}

impl Profile {
    /// Whether it has experts of which a token meets only some.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.active.0 < self.total.0 * 0.99
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Who has the model, as EcoLogits names them.
    pub provider: String,
    /// Its name there.
    pub model: String,
    /// Its size.
    pub profile: Profile,
    /// The letter of the source.
    pub source: String,
    /// Its other names.
    pub aliases: Vec<String>,
}

/// Where a size was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin<'a> {
    /// In the table of models.
    Row(&'a Row),
    /// In the table of families.
    Family(&'a Family),
    /// In the name.
    Name,
}

/// The table.
#[derive(Debug, Default)]
pub struct Models {
    rows: Vec<Row>,
    /// By whole names in lower case, and by what stands behind the last slash.
    by_name: HashMap<String, usize>,
    /// Letter, date, and what it is.
    sources: Vec<(String, String, String)>,
}

impl Models {
    /// The table that is built in.
    #[must_use]
    pub fn embedded() -> Arc<Models> {
        static MODELS: LazyLock<Arc<Models>> =
            LazyLock::new(|| Arc::new(Models::parse(include_str!("../../data/energy_models.tsv")).unwrap_or_default()));
        MODELS.clone()
    }

    /// Reads a table.
    ///
    /// # Errors
    /// The line that does not read.
    pub fn parse(text: &str) -> Result<Models, String> {
        let mut models = Models { sources: sources(text), ..Models::default() };
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty()) {
            let row = row(line).ok_or_else(|| format!("line {}: {line:?} is no model", number + 1))?;
            let place = models.rows.len();
            for name in std::iter::once(&row.model).chain(&row.aliases) {
                let name = name.to_ascii_lowercase();
                let short = name.rsplit('/').next().unwrap_or(&name).to_owned();
                models.by_name.entry(name).or_insert(place);
                models.by_name.entry(short).or_insert(place);
            }
            models.rows.push(row);
        }
        Ok(models)
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where the figures come from: the letter on rows, the date, and the name.
    #[must_use]
    pub fn sources(&self) -> &[(String, String, String)] {
        &self.sources
    }

    /// The row of a name: its own or an alias, with or without what stands before the last slash, a date, or a word that only
    /// says where or how it is served.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        name::forms(name).find_map(|form| self.by_name.get(form.as_str())).map(|place| &self.rows[*place])
    }

    /// What is known of a model's size: of its row or of its family, else of what its name says, else of those that it is
    /// likened to. A precision that the name says goes before the published one.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<Profile> {
        self.known(name).map(|(profile, _)| profile)
    }

    /// The same, with where it was found.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<(Profile, Origin<'_>)> {
        let (profile, origin) = self.sized(name)?;
        Some((Profile { bits: name::bits(name).or(profile.bits), ..profile }, origin))
    }

    fn sized(&self, name: &str) -> Option<(Profile, Origin<'_>)> {
        if name.len() > name::LONGEST {
            return None;
        }
        let forms: Vec<String> = name::forms(name).collect();
        let by_name = || name::size(name).map(|profile| (profile, Origin::Name));
        for form in &forms {
            if let Some(place) = self.by_name.get(form.as_str()) {
                let row = &self.rows[*place];
                return Some((row.profile, Origin::Row(row)));
            }
            let Some(family) = family::best(families(), form).filter(|family| !family.is_likened()) else { continue };
            return match family.size {
                Size::Known(profile) => Some((profile, Origin::Family(family))),
                Size::Named => by_name(),
                Size::Unknown => None,
            };
        }
        by_name().or_else(|| {
            let family = forms.iter().find_map(|form| family::best(families(), form))?;
            let Size::Known(profile) = family.size else { return None };
            Some((profile, Origin::Family(family)))
        })
    }

    /// As a file.
    #[must_use]
    pub fn to_text(sources: &[(String, String, String)], rows: &[Row]) -> String {
        let mut out = String::from("# weir energy models 1\n");
        for (letter, date, name) in sources {
            out += &format!("# {letter} {date} {name}\n");
        }
        out += "# provider, model, active parameters min and max, total parameters min and max (billions), disclosed or \
                guessed, bits of a published weight, tokens per second, seconds to the first token, source, aliases\n";
        for row in rows {
            let (profile, known) = (&row.profile, |value: Option<f64>| value.map_or("-".to_owned(), |v| v.to_string()));
            let bits = known(profile.bits.map(f64::from));
            out += &format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{bits}\t{}\t{}\t{}",
                row.provider,
                row.model,
                profile.active.0,
                profile.active.1,
                profile.total.0,
                profile.total.1,
                profile.basis.name(),
                known(profile.tokens_per_second),
                known(profile.first_token_seconds),
                row.source
            );
            if !row.aliases.is_empty() {
                out += &format!("\t{}", row.aliases.join(","));
            }
            out.push('\n');
        }
        out
    }
}

/// Families of models, as they are built in.
///
/// They are read once; a file that does not read is a broken build, which `the_table_that_is_built_in` finds.
fn families() -> &'static [Family] {
    static FAMILIES: LazyLock<Vec<Family>> =
        LazyLock::new(|| family::parse(include_str!("../../data/energy_families.tsv")).unwrap_or_default());
    &FAMILIES
}

/// The sources in a table's head: `# E 2026-11-23 EcoLogits`.
pub(crate) fn sources(text: &str) -> Vec<(String, String, String)> {
    let source = |line: &str| {
        let mut words = line.strip_prefix("# ")?.splitn(3, ' ');
        let (letter, date, name) = (words.next()?, words.next()?, words.next()?);
        (letter.len() == 1 && crate::time::parse_day(date).is_some())
            .then(|| (letter.to_owned(), date.to_owned(), name.to_owned()))
    };
    text.lines().take_while(|line| line.starts_with('#')).filter_map(source).collect()
}

fn row(line: &str) -> Option<Row> {
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    let (provider, model) = (next()?.to_owned(), next()?.to_owned());
    let positive = |text: &str| decimal::parse(text, 6).ok().map(|_| text).and_then(|text| text.parse::<f64>().ok());
    let mut size = || positive(next()?).filter(|size| (1e-3..1e5).contains(size));
    let (active, total) = ((size()?, size()?), (size()?, size()?));
    let basis = match next()? {
        "disclosed" => Basis::Disclosed,
        "guessed" => Basis::Guessed,
        _ => return None,
    };
    let mut known = || {
        let text = next()?;
        if text == "-" { Some(None) } else { positive(text).map(Some) }
    };
    let (bits, tokens_per_second, first_token_seconds) = (known()?, known()?, known()?);
    let source = next()?.to_owned();
    let aliases = next().map(|names| names.split(',').map(str::to_owned).collect()).unwrap_or_default();
    let ordered = active.0 <= active.1 && total.0 <= total.1 && tokens_per_second.is_none_or(|tps| tps > 0.0);
    let bits = bits.map(|bits| bits as u8);
    let profile = Profile { active, total, bits, tokens_per_second, first_token_seconds, basis };
    ordered.then_some(Row { provider, model, profile, source, aliases })
}

#[cfg(test)]
mod tests;
