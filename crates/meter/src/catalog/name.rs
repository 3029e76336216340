//! Which row a model's name means. A name finds the row of that name or alias; a dated version finds its model's where it has
//! none of its own. Nothing else: `-latest`, `-mini` and `-preview` are other models.

/// How a name was understood, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It is the row's own.
    Exact,
    /// It is one of the row's other names.
    Alias,
    /// As one of these two, in other letters.
    OtherCase,
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
            Match::Dated => "the row's with a date",
            Match::Version => "a version of an alias of the row",
        }
    }
}

/// A name that is looked for.
pub(super) struct Wanted<'a> {
    name: &'a str,
    base: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(name: &'a str) -> Wanted<'a> {
        // Gemini's list of models has them with this in front; answers have them without.
        let name = name.strip_prefix("models/").unwrap_or(name);
        Wanted { name, base: without_date(name) }
    }

    /// How the name fits a line, and how long the part is that it fits.
    pub(super) fn fits(&self, line: &str) -> Option<(Match, usize)> {
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
