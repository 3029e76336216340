//! Classes of characters: `[a-z\d]`, `[[:alpha:]]`, `\pL`.

use super::{ParamError, Parser, escape, fail};

/// The ASCII classes by name, as items of a class.
const POSIX: &[(&str, &str)] = &[
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", "\\x00-\\x7f"),
    ("blank", "\\t\\x20"),
    ("cntrl", "\\x00-\\x1f\\x7f"),
    ("digit", "0-9"),
    ("graph", "\\x21-\\x7e"),
    ("lower", "a-z"),
    ("print", "\\x20-\\x7e"),
    ("punct", "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e"),
    ("space", "\\t\\n\\x0b\\x0c\\r\\x20"),
    ("upper", "A-Z"),
    ("word", "0-9A-Za-z_"),
    ("xdigit", "0-9A-Fa-f"),
];

const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = "\\t\\n\\x0c\\r\\x20";

/// A class in brackets, from its `[` on; the result is a class of the engine.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<String, ParamError> {
    let whole = parser.rest();
    parser.at += 1;
    let mut class = String::from(if parser.eat("^") { "[^" } else { "[" });
    let mut first = true;
    loop {
        if parser.rest().is_empty() {
            return fail("missing closing ]", whole);
        }
        if !first && parser.eat("]") {
            break;
        }
        // POSIX: a hyphen is itself only at the ends. Go's Perl flags allow it anywhere, `[a-\d]` aside.
        first = false;
        item(parser, whole, &mut class)?;
    }
    class.push(']');
    Ok(class)
}

fn item(parser: &mut Parser<'_>, whole: &str, class: &mut String) -> Result<(), ParamError> {
    if parser.rest().starts_with("[:")
        && let Some((items, negated, length)) = posix(parser.rest())?
    {
        parser.at += length;
        push(class, items, negated);
        return Ok(());
    }
    if parser.rest().starts_with('\\')
        && let Some((items, negated, length)) = perl_or_unicode(parser.rest())?
    {
        parser.at += length;
        push(class, &items, negated);
        return Ok(());
    }
    let start = parser.at;
    let low = character(parser, whole)?;
    escape::literal(low, class);
    let rest = parser.rest();
    if rest.starts_with('-') && !rest.starts_with("-]") && rest.len() > 1 {
        parser.at += 1;
        let high = character(parser, whole)?;
        if high < low {
            return fail("invalid character class range", &parser.text[start..parser.at]);
        }
        class.push('-');
        escape::literal(high, class);
    }
    Ok(())
}

fn push(class: &mut String, items: &str, negated: bool) {
    if negated {
        class.push_str("[^");
        class.push_str(items);
        class.push(']');
    } else {
        class.push_str(items);
    }
}

fn character(parser: &mut Parser<'_>, whole: &str) -> Result<char, ParamError> {
    let Some(c) = parser.peek() else { return fail("missing closing ]", whole) };
    if c != '\\' {
        parser.at += c.len_utf8();
        return Ok(c);
    }
    let (c, length) = escape::character(parser.rest())?;
    parser.at += length;
    Ok(c)
}

/// `[:alpha:]` or `[:^alpha:]` within a class; `None` where it is not closed, and so just characters.
fn posix(text: &str) -> Result<Option<(&'static str, bool, usize)>, ParamError> {
    let Some(end) = text[2..].find(":]") else { return Ok(None) };
    let whole = &text[..end + 4];
    let name = &text[2..end + 2];
    let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    match POSIX.iter().find(|(known, _)| *known == name) {
        Some((_, items)) => Ok(Some((items, negated, whole.len()))),
        None => fail("invalid character class range", whole),
    }
}

/// `\d`, `\W`, `\pN`, `\P{Greek}`: the class's items, whether it is negated, and the length; `None` for any other escape.
pub(super) fn perl_or_unicode(text: &str) -> Result<Option<(String, bool, usize)>, ParamError> {
    let Some(kind) = text[1..].chars().next() else { return Ok(None) };
    let items = match kind.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => WORD,
        's' => SPACE,
        'p' => return unicode(text).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((items.to_owned(), kind.is_ascii_uppercase(), 2)))
}

fn unicode(text: &str) -> Result<(String, bool, usize), ParamError> {
    let after = &text[2..];
    let (name, length) = match after.strip_prefix('{') {
        Some(body) => match body.find('}') {
            Some(end) => (&body[..end], end + 4),
            None => return fail("invalid character class range", text),
        },
        None => {
            let length = after.chars().next().map_or(0, char::len_utf8);
            (&after[..length], length + 2)
        }
    };
    let (flipped, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let negated = text.starts_with("\\P") != flipped;
    let items = if name == "Any" { "\\x00-\\x{10ffff}".to_owned() } else { format!("\\p{{{name}}}") };
    let known = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && regex_syntax::parse(&format!("[{items}]")).is_ok();
    if !known {
        return fail("invalid character class range", text.get(..length).unwrap_or(text));
    }
    Ok((items, negated, length))
}
