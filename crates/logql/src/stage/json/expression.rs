//! The small language of `json a="b.c[0][\"d e\"]"`, and that of logfmt, which is a part of it.

use crate::stage::ParamError;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Dot,
    Open,
    Close,
    Text(String),
    Field(String),
    Index(usize),
}

impl Token {
    fn name(token: Option<&Self>) -> &'static str {
        match token {
            None => "$end",
            Some(Self::Dot) => "DOT",
            Some(Self::Open) => "LSB",
            Some(Self::Close) => "RSB",
            Some(Self::Text(_)) => "STRING",
            Some(Self::Field(_)) => "FIELD",
            Some(Self::Index(_)) => "INDEX",
        }
    }
}

/// `a.b[0]["c"]`, and the empty path, which no line has.
///
/// # Errors
/// In the words of Loki's parser of these.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, ParamError> {
    let tokens = tokens(text, true)?;
    let mut steps = Vec::new();
    let mut at = 0;
    let unexpected = |at: usize, expecting: &str| {
        let name = Token::name(tokens.get(at));
        Err(ParamError(format!("syntax error: unexpected {name}{expecting}")))
    };
    while at < tokens.len() {
        match (&tokens[at], steps.is_empty()) {
            (Token::Field(name), true) => steps.push(Step::Key(name.clone())),
            (Token::Open, _) => {
                match tokens.get(at + 1) {
                    Some(Token::Text(name)) => steps.push(Step::Key(name.clone())),
                    Some(Token::Index(index)) => steps.push(Step::Index(*index)),
                    _ => return unexpected(at + 1, ", expecting STRING or INDEX"),
                }
                if tokens.get(at + 2) != Some(&Token::Close) {
                    return unexpected(at + 2, ", expecting RSB");
                }
                at += 2;
            }
            (Token::Dot, false) => {
                let Some(Token::Field(name)) = tokens.get(at + 1) else {
                    return unexpected(at + 1, ", expecting FIELD");
                };
                steps.push(Step::Key(name.clone()));
                at += 1;
            }
            (_, true) => return unexpected(at, ", expecting LSB or FIELD"),
            (_, false) => return unexpected(at, ""),
        }
        at += 1;
    }
    Ok(steps)
}

/// A key of logfmt: a word, or any text in quotes. Empty is no key.
///
/// # Errors
/// In the words of Loki's parser of these.
pub(crate) fn parse_key(text: &str) -> Result<String, ParamError> {
    let mut tokens = tokens(text, false)?.into_iter();
    let key = match tokens.next() {
        Some(Token::Field(name) | Token::Text(name)) => name,
        _ => String::new(),
    };
    match tokens.next() {
        None => Ok(key),
        more => Err(ParamError(format!("syntax error: unexpected {}", Token::name(more.as_ref())))),
    }
}

fn tokens(text: &str, brackets: bool) -> Result<Vec<Token>, ParamError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '\0' => break,
            ' ' | '\t' | '\n' => {
                rest = &rest[1..];
                continue;
            }
            '[' if brackets => (Token::Open, 1),
            ']' if brackets => (Token::Close, 1),
            '.' if brackets => (Token::Dot, 1),
            '0'..='9' if brackets => index(rest)?,
            '"' => string(rest),
            _ if c.is_ascii_alphabetic() || c == '_' => field(rest),
            _ => return Err(ParamError(format!("unexpected char {c}"))),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn field(text: &str) -> (Token, usize) {
    let length = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (Token::Field(text[..length].to_owned()), length)
}

/// Up to the closing quote, or a bracket, or the end: Loki's lexer is not strict about it.
fn string(text: &str) -> (Token, usize) {
    let body = &text[1..];
    let end = body.find(['"', ']', '\0']).unwrap_or(body.len());
    (Token::Text(body[..end].to_owned()), (end + 2).min(text.len()))
}

fn index(text: &str) -> Result<(Token, usize), ParamError> {
    let length = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match text[length..].chars().next() {
        Some('.') => return Err(ParamError("cannot use float as array index".to_owned())),
        Some(' ' | '\t' | '\n' | ']') => {}
        other => return Err(ParamError(format!("non-integer value: {}", other.unwrap_or('\0')))),
    }
    match text[..length].parse() {
        Ok(number) => Ok((Token::Index(number), length)),
        Err(_) => Err(ParamError(format!("strconv.Atoi: parsing \"{}\": value out of range", &text[..length]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        match parse(text) {
            Ok(steps) => format!("{steps:?}"),
            Err(ParamError(words)) => words,
        }
    }

    #[test]
    fn paths() {
        assert_eq!(show("app"), r#"[Key("app")]"#);
        assert_eq!(show(r#"["field with ÜFT8👌"]"#), r#"[Key("field with ÜFT8👌")]"#);
        assert_eq!(show("[0]"), "[Index(0)]");
        assert_eq!(show(r#"pod.params[10]["param"]"#), r#"[Key("pod"), Key("params"), Index(10), Key("param")]"#);
        assert_eq!(show(""), "[]");
        assert_eq!(show("utf8"), r#"[Key("utf8")]"#);
    }

    #[test]
    fn errors() {
        for (text, words) in [
            ("field with space", "syntax error: unexpected FIELD"),
            (r#""pod"]"#, "syntax error: unexpected STRING, expecting LSB or FIELD"),
            (r#"["pod""#, "syntax error: unexpected $end, expecting RSB"),
            (r#"["pod""deployment"]"#, "syntax error: unexpected STRING, expecting RSB"),
            ("pod..uuid", "syntax error: unexpected DOT, expecting FIELD"),
            (r#"["key"#, "syntax error: unexpected $end, expecting RSB"),
            ("a[1.5]", "cannot use float as array index"),
            ("a[1x]", "non-integer value: x"),
            ("a-b", "unexpected char -"),
        ] {
            assert_eq!(show(text), words, "{text}");
        }
    }

    #[test]
    fn keys_of_logfmt() {
        for (text, key) in
            [("app", "app"), (r#""field with spaces""#, "field with spaces"), (r#""open"#, "open"), ("", "")]
        {
            assert_eq!(parse_key(text).as_deref(), Ok(key), "{text}");
        }
        assert_eq!(parse_key("two words"), Err(ParamError("syntax error: unexpected FIELD".to_owned())));
        assert_eq!(parse_key("a.b"), Err(ParamError("unexpected char .".to_owned())));
    }
}
