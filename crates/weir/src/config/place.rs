//! Where in its file something stands, so that an editor can be sent there.

use toml::de::{DeTable, DeValue};

/// The line and column of an offset, both counted from 1.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Finds what an error calls its place: `providers."openai".base_url`. Of what is not there, what it would stand in is
/// found; `None` if that is the whole file.
pub(super) fn find(text: &str, place: &str) -> Option<(usize, usize)> {
    let document = DeTable::parse(text).ok()?;
    let mut here = Here::Table(document.get_ref());
    let mut found = None;
    for name in names(place) {
        let Some((offset, next)) = here.step(&name) else { break };
        found = Some(offset);
        here = next;
    }
    Some(position(text, found?))
}

#[derive(Clone, Copy)]
enum Here<'a> {
    Table(&'a DeTable<'a>),
    Value(&'a DeValue<'a>),
}

impl<'a> Here<'a> {
    fn step(self, name: &str) -> Option<(usize, Here<'a>)> {
        let table = match self {
            Here::Table(table) | Here::Value(DeValue::Table(table)) => table,
            // The last one of a name is the one too many.
            Here::Value(DeValue::Array(array)) => {
                let item = array.iter().rfind(|item| is_called(item.get_ref(), name))?;
                return Some((item.span().start, Here::Value(item.get_ref())));
            }
            Here::Value(_) => return None,
        };
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        let nested = matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
        let offset = if nested { key.span().start } else { value.span().start };
        Some((offset, Here::Value(value.get_ref())))
    }
}

/// Whether an entry of a list has this name, or stands for this model.
fn is_called(value: &DeValue<'_>, name: &str) -> bool {
    let DeValue::Table(table) = value else { return false };
    let is = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str()) == Some(name);
    is("name") || is("model")
}

/// The names in a place; those in quotation marks may have dots in them.
fn names(place: &str) -> Vec<String> {
    let (mut names, mut quoted) = (vec![String::new()], false);
    for character in place.chars() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => names.push(String::new()),
            _ => names.iter_mut().last().into_iter().for_each(|name| name.push(character)),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found() {
        let text = "listen = \"x\"\n\n[[providers]]\nname = \"a\"\n  base_url = \"é\"\n[[providers]]\nname = \"a.b\"\n\
            [timeouts]\nconnect = \"0s\"\n[pricing.\"gpt-4.1\"]\ninput = 1\n[[routes]]\nmodel = \"m\"\n";
        for (place, expected) in [
            ("listen", Some((1, 10))),
            ("providers.\"a\".base_url", Some((5, 14))),
            ("providers.\"a\".api_key", Some((3, 1))),
            ("providers.\"a.b\"", Some((6, 1))),
            ("timeouts.connect", Some((9, 11))),
            ("pricing.\"gpt-4.1\"", Some((10, 10))),
            ("routes.\"m\"", Some((12, 1))),
            ("providers", Some((3, 3))),
            ("keys.\"x\".sha256", None),
        ] {
            assert_eq!(find(text, place), expected, "{place}");
        }
        assert_eq!(position("é\nab", 4), (2, 2));
    }
}
