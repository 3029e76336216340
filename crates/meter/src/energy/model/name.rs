//! What a model's name says of itself.

use super::{Basis, Profile};

/// What only says where, when or how a model is served.
const SERVED: [&str; 16] = [
    "latest",
    "maas",
    "turbo",
    "free",
    "fast",
    "hf",
    "tput",
    "instruct",
    "chat",
    "it",
    "versatile",
    "instant",
    "preview",
    "exp",
    "beta",
    "highspeed",
];

/// How many words are left out of a name at most: callers can make up names.
const MOST_WORDS: usize = 8;
/// Bytes of a name above which nothing is read out of it.
pub(super) const LONGEST: usize = 256;

/// Of the experts of `8x7b` models, what they share counts once.
const EXPERTS_TOTAL: f64 = 0.83;
/// Two of them are met by a token.
const EXPERTS_ACTIVE: f64 = 1.8;

/// The names under which a model may stand in the tables, the surest first, in lower case: as it is, without what stands before
/// the last slash and behind a colon, and then shorter by one word at a time that only says where, when or how it is served.
pub(super) fn forms(name: &str) -> impl Iterator<Item = String> {
    let whole = name.strip_prefix("models/").unwrap_or(name).to_ascii_lowercase();
    let short = whole.rsplit('/').next().unwrap_or_default().to_owned();
    let base = trained_from(&short);
    let plain = base.split([':', '@']).next().unwrap_or_default().to_owned();
    let mut forms = vec![whole, short.clone(), plain.clone()];
    let shorter = std::iter::successors(shorter(&plain), |name| shorter(name)).take(MOST_WORDS);
    forms.extend(shorter.map(str::to_owned));
    forms.into_iter().filter(|form| !form.is_empty())
}

/// The model that a fine-tuned one was made from: `ft:gpt-4o-mini-2024-07-18:org::id`, `gpt-4o-mini-2024-07-18.ft-0123`.
fn trained_from(name: &str) -> &str {
    match name.strip_prefix("ft:") {
        Some(rest) => rest.split(':').next().unwrap_or_default(),
        None => name.split(".ft-").next().unwrap_or_default(),
    }
}

/// A name without one word that says nothing of its size, if it has one: a region or a maker in front (`us.anthropic.`), a
/// version of the offer (`-v1`), a date, a number of three or four digits (`-001`, `-0613`), a context (`-32k`), or one of
/// [`SERVED`].
fn shorter(name: &str) -> Option<&str> {
    if let Some((before, rest)) = name.split_once('.')
        && !before.is_empty()
        && rest.starts_with(|first: char| first.is_ascii_lowercase())
    {
        return Some(rest);
    }
    if let Some(undated) = crate::catalog::name::without_date(name) {
        return Some(undated);
    }
    let (rest, last) = name.rsplit_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbered = digits(last) && (3..=4).contains(&last.len());
    let version = last.strip_prefix('v').is_some_and(digits);
    let context = last.strip_suffix('k').is_some_and(digits);
    // `-05-20` and `-05-2025` go together.
    let dated = rest
        .rsplit_once('-')
        .filter(|(_, month)| digits(month) && month.len() == 2 && digits(last) && matches!(last.len(), 2 | 4));
    match dated {
        Some((rest, _)) => Some(rest),
        None => (numbered || version || context || SERVED.contains(&last)).then_some(rest),
    }
}

/// The parts of a name between marks, in lower case.
fn parts(name: &str) -> Vec<String> {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    name.split(['-', '_', ':', '@', ' ']).map(str::to_owned).collect()
}

/// Bits of a parameter, where the name says so.
pub(super) fn bits(name: &str) -> Option<u8> {
    let of = |part: &str| match part {
        "fp8" | "int8" | "8bit" | "w8a8" | "q8" => Some(8),
        "fp4" | "mxfp4" | "nvfp4" | "int4" | "4bit" | "awq" | "gptq" | "w4a16" | "q4" => Some(4),
        "bf16" | "fp16" | "f16" | "bfloat16" => Some(16),
        _ => None,
    };
    parts(name).iter().find_map(|part| of(part))
}

/// The size, where the name says it: `70b`, `30b-a3b`, `8x7b`, `350m`.
pub(super) fn size(name: &str) -> Option<Profile> {
    let parts = parts(name);
    let total = parts.iter().find_map(|part| billions(part));
    let active = parts.iter().find_map(|part| billions(part.strip_prefix('a')?));
    let (active, total) = match (active, total) {
        (Some(active), Some(total)) if active <= total => (active, total),
        (_, Some(total)) => (total, total),
        _ => parts.iter().find_map(|part| experts(part))?,
    };
    let fits = (0.01..=10_000.0).contains(&total) && active >= 0.01;
    fits.then(|| Profile { active: (active, active), total: (total, total), basis: Basis::Named, ..Profile::default() })
}

fn billions(part: &str) -> Option<f64> {
    let (text, in_billions): (&str, fn(f64) -> f64) = match part.as_bytes().last()? {
        b't' => (&part[..part.len() - 1], |trillions| trillions * 1000.0),
        b'b' => (&part[..part.len() - 1], |billions| billions),
        b'm' => (&part[..part.len() - 1], |millions| millions / 1000.0),
        _ => return None,
    };
    // Where names may hold no dots, `1p5b` is 1.5 billion.
    let text = text.replacen('p', ".", 1);
    let plain = text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain.then(|| text.parse().ok()).flatten().map(in_billions)
}

fn experts(part: &str) -> Option<(f64, f64)> {
    let (count, each) = part.split_once('x')?;
    let (count, each) = (count.parse::<u8>().ok().filter(|count| *count > 1)?, billions(each)?);
    Some((EXPERTS_ACTIVE * each, EXPERTS_TOTAL * f64::from(count) * each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_say() {
        for (name, expected) in [
            ("llama-3.1-70b-instruct", Some((70.0, 70.0))),
            ("org/Some-Model-30B-A3B", Some((3.0, 30.0))),
            ("Qwen3-Embedding-0.6B", Some((0.6, 0.6))),
            ("smollm-350M", Some((0.35, 0.35))),
            ("qwen2p5-1p5b-instruct", Some((1.5, 1.5))),
            ("Qwen3.8-2.4T-A95B", Some((95.0, 2400.0))),
            ("p5b", None),
            ("pb", None),
            ("gpt-4", None),
            ("gpt-4o-mini", None),
            ("model-b", None),
            ("a3b", None),
            ("1e3b", None),
            ("99999999b", None),
        ] {
            assert_eq!(size(name).map(|profile| (profile.active.0, profile.total.0)), expected, "{name}");
        }
        let (active, total) = experts("8x7b").unwrap();
        assert!((active - 12.6).abs() < 0.1 && (total - 46.5).abs() < 0.1);
    }

    #[test]
    fn precision() {
        assert_eq!(bits("Llama-3.1-405B-Instruct-FP8"), Some(8));
        assert_eq!(bits("qwen-awq"), Some(4));
        assert_eq!(bits("gpt-4"), None);
    }
}
