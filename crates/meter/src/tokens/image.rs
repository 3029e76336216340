//! Tokens of an image, by its size. Sources: OpenAI's and Anthropic's guides to vision, Google's guide to tokens, as of
//! 2026-11. Where the size is not known, because only an address was sent, a square of 1,024 pixels is assumed.

use super::tokenizer::Family;

const ASSUMED: (u64, u64) = (1024, 1024);
/// Sizes beyond this are a slip of the pen, or no image.
const LARGEST: u64 = 1 << 16;
/// A JPEG says its size behind what else it has to say, a preview among it.
const LOOKED_AT: usize = 64 << 10;

/// Tokens of the image at `url`, a JSON string as written.
pub(super) fn tokens(family: Family, model: &str, url: &[u8], detail: Option<&str>) -> u64 {
    let (width, height) = size(url).unwrap_or(ASSUMED);
    match family {
        Family::Gpt4o | Family::Gpt4 | Family::Gpt35First => openai(model, width, height, detail == Some("low")),
        Family::Claude => patches(width, height, 28, 1568, 1568),
        Family::Claude47 => patches(width, height, 28, 4784, 2576),
        Family::Gemini if width <= 384 && height <= 384 => 258,
        Family::Gemini => 258 * width.div_ceil(768) * height.div_ceil(768),
        _ => patches(width, height, 28, 1600, 2048),
    }
}

fn openai(model: &str, width: u64, height: u64, low: bool) -> u64 {
    let is = |part: &str| model.contains(part);
    // Patches of 32 pixels, at most so many, and tokens per 100 patches.
    let patched = if is("4.1-mini") || is("gpt-5-mini") {
        Some((1536, 162))
    } else if is("4.1-nano") || is("gpt-5-nano") {
        Some((1536, 246))
    } else if is("o4-mini") {
        Some((1536, 172))
    } else if is("gpt-6") || ["gpt-5.2", "gpt-5.3", "gpt-5.4", "gpt-5.5", "gpt-5.6"].into_iter().any(is) {
        Some((2500, 120))
    } else {
        None
    };
    if let Some((budget, percent)) = patched {
        return (patches(width, height, 32, budget, u64::MAX) * percent).div_ceil(100);
    }
    let (base, tile) = match () {
        () if is("4o-mini") => (2833, 5667),
        () if is("gpt-5") => (70, 140),
        () if is("o1") || is("o3") => (75, 150),
        () => (85, 170),
    };
    if low {
        return base;
    }
    // Into a square of 2,048, then the shorter side to 768, then tiles of 512.
    let (mut w, mut h) = (width as f64, height as f64);
    let scale = (2048.0 / w.max(h)).min(1.0);
    (w, h) = (w * scale, h * scale);
    let scale = (768.0 / w.min(h)).min(1.0);
    let tiles = |side: f64| (side * scale / 512.0).ceil() as u64;
    base + tile * tiles(w) * tiles(h)
}

/// Squares of `side` pixels that cover the image once it was made to fit into `longest` pixels and `budget` squares.
fn patches(width: u64, height: u64, side: u64, budget: u64, longest: u64) -> u64 {
    let (mut w, mut h) = (width as f64, height as f64);
    let scale = (longest as f64 / w.max(h)).min(1.0);
    (w, h) = (w * scale, h * scale);
    let squares = |w: f64, h: f64| (w / side as f64).ceil() as u64 * (h / side as f64).ceil() as u64;
    if squares(w, h) <= budget {
        return squares(w, h);
    }
    let scale = ((side * side * budget) as f64 / (w * h)).sqrt();
    squares(w * scale, h * scale).min(budget)
}

/// Width and height of an image that is part of its URL.
fn size(url: &[u8]) -> Option<(u64, u64)> {
    let data = url.strip_prefix(b"\"data:image/")?;
    let start = memchr::memmem::find(&data[..data.len().min(100)], b";base64,")? + 8;
    let bytes = decode(&data[start..], LOOKED_AT);
    let (width, height) = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => (big(&bytes, 16, 4)?, big(&bytes, 20, 4)?),
        [b'G', b'I', b'F', ..] => (little(&bytes, 6, 2)?, little(&bytes, 8, 2)?),
        [0xff, 0xd8, ..] => jpeg(&bytes)?,
        [b'R', b'I', b'F', b'F', ..] => webp(&bytes)?,
        _ => return None,
    };
    let sound = |side: u64| (1..=LARGEST).contains(&side);
    (sound(width) && sound(height)).then_some((width, height))
}

/// The size in a JPEG's frame header, behind any other segments.
fn jpeg(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1).filter(|_| bytes.get(at) == Some(&0xff))?;
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
        }
        at += 2 + big(bytes, at + 2, 2)? as usize;
    }
}

fn webp(bytes: &[u8]) -> Option<(u64, u64)> {
    match bytes.get(12..16)? {
        b"VP8 " => Some((little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let bits = little(bytes, 21, 4)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

fn big(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// The first bytes of what base64 says; `\/` is how some JSON writes a slash.
fn decode(text: &[u8], limit: usize) -> Vec<u8> {
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\\' => continue,
            _ => break,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            if out.len() == limit {
                break;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        // OpenAI's guide: 1024 x 1024 is 765, 2048 x 4096 is 1105, low detail is 85; and for patches 1024 x 1024 is 1,024,
        // 1800 x 2400 is 1,452, before the model's factor.
        assert_eq!(openai("gpt-4o", 1024, 1024, false), 765);
        assert_eq!(openai("gpt-4o", 2048, 4096, false), 1105);
        assert_eq!(openai("gpt-4o", 4096, 8192, true), 85);
        assert_eq!(patches(1024, 1024, 32, 1536, u64::MAX), 1024);
        assert!(patches(1800, 2400, 32, 1536, u64::MAX).abs_diff(1452) <= 84);
        // Anthropic's guide: 1000 x 1000 is about 1,334, 200 x 200 about 54, 1092 x 1092 about 1,590.
        assert!(tokens(Family::Claude, "", b"\"https://x\"", None).abs_diff(1398) <= 100);
        assert_eq!(patches(200, 200, 28, 1568, 1568), 64);
    }

    #[test]
    fn sizes_are_read() {
        for (image, expected) in [
            ("png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAUCAIAAADp", Some((10, 20))),
            ("gif;base64,R0lGODlhCgAUAIAAAP", Some((10, 20))),
            ("jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/wAARCAAUAAoDASIA", Some((10, 20))),
            (r"jpeg;base64,\/9j\/4AAQSkZJRgABAQAAAQABAAD\/wAARCAAUAAoDASIA", Some((10, 20))),
            ("png;base64,", None),
            ("svg+xml;utf8,<svg/>", None),
        ] {
            assert_eq!(size(format!("\"data:image/{image}\"").as_bytes()), expected, "{image}");
        }
        assert_eq!(size(b"\"https://example.com/x.png\""), None);
    }
}
