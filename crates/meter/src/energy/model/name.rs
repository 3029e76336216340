//! What a model's name says of itself.

use super::{Basis, Profile};

/// What only says where, when or how a model is served.
const SERVED: [&str; 12] =
    ["latest", "maas", "turbo", "free", "fast", "hf", "tput", "instruct", "chat", "it", "versatile", "instant"];

/// Of the experts of `8x7b` models, what they share counts once.
const EXPERTS_TOTAL: f64 = 0.83;
/// Two of them are met by a token.
const EXPERTS_ACTIVE: f64 = 1.8;

/// The names under which a model may stand in the table, the surest first, in lower case.
pub(super) fn forms(name: &str) -> impl Iterator<Item = String> {
    let whole = name.strip_prefix("models/").unwrap_or(name).to_ascii_lowercase();
    let short = whole.rsplit('/').next().unwrap_or_default().to_owned();
    let plain = short.split([':', '@']).next().unwrap_or_default().to_owned();
    let undated = crate::catalog::name::without_date(&plain).map(str::to_owned);
    let bare = undated.as_deref().unwrap_or(&plain);
    let served = bare.rsplit_once('-').filter(|(_, last)| SERVED.contains(last)).map(|(rest, _)| rest.to_owned());
    [Some(whole), Some(short), Some(plain.clone()), undated, served]
        .into_iter()
        .flatten()
        .filter(|form| !form.is_empty())
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
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        plain.then(|| text.parse::<f64>().ok()).flatten()
    };
    match part.strip_suffix('b') {
        Some(text) => number(text),
        None => number(part.strip_suffix('m')?).map(|millions| millions / 1000.0),
    }
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
