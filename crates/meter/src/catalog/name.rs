//! Which row a model's name means. A name finds the row of that name or alias; a dated version finds its model's where it has
//! none of its own, and a fine-tuned model that of the one that it was made from (`ft:gpt-4o:org::id`). Nothing else: `-latest`, `-mini` and `-preview` are other models.

/// How a name was understood, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It is the row's own.
    Exact,
    /// It is one of the row's other names.
    Alias,
    /// As one of these two, in other letters.
    OtherCase,
    /// It is a fine-tuned model's, and without what its owner added the row's own or an alias.
    Tuned,
    /// Without its date it is the row's own or an alias.
    Dated,
    /// It is a version of what an alias with `*` names.
    Version,
}

impl Match {
    /// In a sentence: "the name is …".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Match::Exact => "the row's own",
            Match::Alias => "an alias of the row",
            Match::OtherCase => "the row's in other letters",
            Match::Tuned => "the row's with its owner and a name",
            Match::Dated => "the row's with a date",
            Match::Version => "a version of an alias of the row",
        }
    }
}

/// A name that is looked for.
pub(super) struct Wanted<'a> {
    name: &'a str,
    base: Option<&'a str>,
    /// Whether an owner's part was cut off.
    tuned: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(name: &'a str) -> Wanted<'a> {
        // Gemini's list of models has them with this in front; answers have them without.
        let name = name.strip_prefix("models/").unwrap_or(name);
        let (name, tuned) = match of_tuned(name) {
            Some(base) => (base, true),
            None => (name, false),
        };
        Wanted { name, base: without_date(name), tuned }
    }

    /// How the name fits a line, and how long the part is that it fits.
    pub(super) fn fits(&self, line: &str) -> Option<(Match, usize)> {
        let (how, length) = self.fits_whole(line)?;
        Some((if self.tuned { how.max(Match::Tuned) } else { how }, length))
    }

    fn fits_whole(&self, line: &str) -> Option<(Match, usize)> {
        let mut fields = line.split('\t').skip(1);
        let model = fields.next()?;
        if model == self.name {
            return Some((Match::Exact, model.len()));
        }
        let aliases = line.rsplit('\t').find_map(|field| field.strip_prefix("alias ")).unwrap_or_default();
        let mut best = self.name_fits(model);
        for alias in aliases.split(' ').filter(|alias| !alias.is_empty()) {
            let fits = match alias.strip_suffix('*') {
                Some(prefix) => self.is_version_of(prefix).then_some((Match::Version, prefix.len())),
                None if alias == self.name => Some((Match::Alias, alias.len())),
                None => self.name_fits(alias),
            };
            if let Some((how, length)) = fits
                && best.is_none_or(|(known, longest)| how < known || (how == known && length > longest))
            {
                best = Some((how, length));
            }
        }
        best
    }

    fn name_fits(&self, known: &str) -> Option<(Match, usize)> {
        if known.eq_ignore_ascii_case(self.name) {
            Some((Match::OtherCase, known.len()))
        } else {
            (self.base == Some(known)).then_some((Match::Dated, known.len()))
        }
    }

    fn is_version_of(&self, prefix: &str) -> bool {
        let Some(rest) = self.name.strip_prefix(prefix) else { return false };
        // `claude-sonnet-4-2025*` ends within the date.
        rest.is_empty() || is_version(rest, prefix) || self.base.is_some_and(|base| base.len() <= prefix.len())
    }
}

/// What the catalogue has of a fine-tuned model's name: `ft:gpt-4o-mini-2024-07-18` of `ft:gpt-4o-mini-2024-07-18:org::id`.
fn of_tuned(name: &str) -> Option<&str> {
    let end = name.strip_prefix("ft:")?.find(':')?;
    (end > 0).then(|| &name[..end + "ft:".len()])
}

/// What a name is without the full date behind it: `-2024-08-06`, `-20250514` or `@20250514`.
pub(crate) fn without_date(name: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((base, date)) = name.rsplit_once(['-', '@'])
        && date.len() == 8
        && digits(date)
        && date.starts_with("20")
    {
        return Some(base);
    }
    let at = name.len().checked_sub(11)?;
    let (base, date) = (name.get(..at)?, name.get(at..)?);
    let day = date.strip_prefix(['-', '@'])?;
    crate::time::parse_day(day).map(|_| base)
}

/// Whether what follows a prefix only says which version it is: digits of a date or a number of three and more, and `v1`
/// with a number behind.
fn is_version(rest: &str, prefix: &str) -> bool {
    let separated = prefix.ends_with(['-', '@', ':']);
    let rest = match (rest.strip_prefix(['-', '@', ':']), separated) {
        (Some(rest), _) => rest,
        (None, true) => rest,
        (None, false) => return false,
    };
    let (date, version) = match rest.find('v') {
        Some(at) => (rest[..at].trim_end_matches('-'), &rest[at..]),
        None => (rest, ""),
    };
    let dated = date.is_empty()
        || (date.len() >= 3
            && date.len() <= 10
            && date.split('-').all(|part| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_digit())));
    let versioned = version.is_empty()
        || version[1..]
            .split(':')
            .all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    dated && versioned && !(date.is_empty() && version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_names_fit() {
        let line = "openai\tgpt-4o\tL\tinput=1\talias gpt-4o-2024-08-06 chatgpt-4o-* claude-sonnet-4-2025*";
        for (name, how) in [
            ("gpt-4o", Some(Match::Exact)),
            ("models/gpt-4o", Some(Match::Exact)),
            ("gpt-4o-2024-08-06", Some(Match::Alias)),
            ("GPT-4o", Some(Match::OtherCase)),
            ("gpt-4o-2024-11-20", Some(Match::Dated)),
            ("gpt-4o-20241120", Some(Match::Dated)),
            ("gpt-4o@20241120", Some(Match::Dated)),
            ("chatgpt-4o-0513", Some(Match::Version)),
            ("claude-sonnet-4-20250514", Some(Match::Version)),
            ("claude-sonnet-4-20250514-v1:0", None),
            ("gpt-4o-mini", None),
            ("gpt-4o-latest", None),
            ("gpt-4o-2024-13-20", None),
            ("gpt-4o-1", None),
            ("chatgpt-4o-latest", None),
            ("chatgpt-4o-mini-0513", None),
            ("gpt-4", None),
            ("", None),
            ("é-2024-08-06", None),
        ] {
            assert_eq!(Wanted::new(name).fits(line).map(|(how, _)| how), how, "{name}");
        }
    }

    #[test]
    fn fine_tuned_models_have_the_price_of_what_they_are_made_from() {
        let line = "openai\tft:gpt-4o-mini-2024-07-18\tL\tinput=0.3";
        for (name, how) in [
            ("ft:gpt-4o-mini-2024-07-18", Some(Match::Exact)),
            ("ft:gpt-4o-mini-2024-07-18:org::id", Some(Match::Tuned)),
            ("ft:gpt-4o-mini-2024-07-18:my-org:custom:9qk", Some(Match::Tuned)),
            ("ft:gpt-4o-mini-2024-07-18:", Some(Match::Tuned)),
            ("gpt-4o-mini-2024-07-18:org::id", None),
            ("ft:gpt-4o-mini:org::id", None),
            ("ft::org", None),
            ("ft:", None),
        ] {
            assert_eq!(Wanted::new(name).fits(line).map(|(how, _)| how), how, "{name}");
        }
        let line = "openai\tft:gpt-4o\tL\tinput=0.3";
        assert_eq!(Wanted::new("ft:gpt-4o-2024-05-13:org::id").fits(line).map(|(how, _)| how), Some(Match::Dated));
        let (row, how) =
            crate::catalog::Catalog::embedded().find("openai", "ft:gpt-4o-mini-2024-07-18:org::id").unwrap();
        assert_eq!((row.model.as_str(), how), ("ft:gpt-4o-mini-2024-07-18", Match::Tuned));
    }

    #[test]
    fn what_only_says_which_version_it_is() {
        for (rest, prefix, is) in [
            ("-20250929", "claude-sonnet-4-5", true),
            ("-20250929-v1:0", "claude-sonnet-4-5", true),
            ("@001", "m", true),
            ("-v1:0", "m", true),
            ("-09-2025", "m", true),
            ("0613", "m-", true),
            ("0", "claude-opus-4-1", false),
            ("-5", "claude-opus-4", false),
            ("-preview", "m", false),
            ("-latest", "m", false),
            ("-v", "m", false),
            ("", "m-", false),
        ] {
            assert_eq!(is_version(rest, prefix), is, "{prefix} {rest}");
        }
    }
}
