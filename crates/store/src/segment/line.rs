//! A line's members, one by one, and their values.

use super::table::Building;
use super::value;
use crate::schema::{Encoding, Field, Type};

/// The next member of a line whose rest begins with `{` or `,`: its name, its value, and what is left. `None` where no more come.
pub(super) fn member(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let [b'{' | b',', rest @ ..] = rest else { return None };
    let (name, length) = value::quoted(rest)?;
    let rest = rest[length..].strip_prefix(b":")?;
    let length = match rest.first()? {
        b'"' => value::quoted(rest)?.1,
        // Lines are flat; what is not ends here, and the line is kept as it is.
        b'{' | b'[' => return None,
        _ => memchr::memchr2(b',', b'}', rest)?,
    };
    Some((name, &rest[..length], &rest[length..]))
}

/// What a value seems to be.
pub(super) fn kind(value: &[u8]) -> Option<Type> {
    Some(match value {
        [b'"', ..] => Type::Text,
        b"true" | b"false" => Type::Flag,
        b"null" => return None,
        number if value::integer(number).is_some() => Type::Integer,
        number => {
            value::number(number)?;
            Type::Number
        }
    })
}

/// Adds a value as it stands on the line to its column. `None` if it is not in the form in which it would be written.
pub(super) fn push(field: &Field, json: &[u8], values: &mut Building) -> Option<()> {
    match (values, field.kind) {
        (Building::Integers(values), Type::Integer) => values.push(value::integer(json)?),
        (Building::Integers(values), Type::Decimal(scale)) => values.push(value::decimal(json, scale)?),
        (Building::Integers(values), Type::Time) => values.push(value::time(inner(json)?)?),
        (Building::Numbers(values), Type::Number) => values.push(value::number(json)?),
        (Building::Flags(values), Type::Flag) => values.push(match json {
            b"true" => true,
            b"false" => false,
            _ => return None,
        }),
        (Building::Bytes(ends, bytes), Type::Text) => {
            let inner = inner(json)?;
            match field.encoding {
                Encoding::Plain => {
                    // The line is UTF-8, and quotes and escapes stand between characters.
                    bytes.extend_from_slice(&value::unescape(inner)?);
                }
                Encoding::Uuid => hex(inner, true, 36, bytes)?,
                Encoding::Hex(width) => hex(inner, false, usize::from(width) * 2, bytes)?,
            }
            ends.push(u32::try_from(bytes.len()).ok()?);
        }
        _ => return None,
    }
    Some(())
}

fn hex(digits: &[u8], uuid: bool, length: usize, out: &mut Vec<u8>) -> Option<()> {
    (digits.len() == length && value::read_hex(digits, uuid, out)).then_some(())
}

/// What stands between the quotes of a text.
fn inner(json: &[u8]) -> Option<&[u8]> {
    match json {
        [b'"', inner @ .., b'"'] => Some(inner),
        _ => None,
    }
}
