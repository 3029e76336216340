//! Which size a name leads to.

use super::*;

#[test]
fn the_table_that_is_built_in() {
    let models = Models::embedded();
    assert_eq!(models.rows().len(), 374);
    assert!(models.sources().iter().any(|(letter, date, _)| letter == "E" && date == "2026-11-23"));
    assert_eq!(models.rows().iter().filter(|row| row.profile.basis == Basis::Guessed).count(), 122);
    let again = Models::parse(&Models::to_text(models.sources(), models.rows())).unwrap();
    assert_eq!(again.rows(), models.rows());
    let families = family::parse(include_str!("../../../data/energy_families.tsv")).unwrap();
    assert!(families.len() > 250);
    let mut patterns: Vec<&str> = families.iter().map(|family| family.pattern.as_str()).collect();
    patterns.sort_unstable();
    assert!(patterns.windows(2).all(|pair| pair[0] != pair[1]), "a pattern stands twice");
}

#[test]
fn names_find_their_row() {
    let models = Models::embedded();
    for (name, row) in [
        ("gpt-4o", "gpt-4o"),
        ("GPT-4o", "gpt-4o"),
        ("openai/gpt-4o", "gpt-4o"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("meta-llama/Llama-3.1-405B-Instruct", "meta-llama/Llama-3.1-405B-Instruct"),
        ("llama-3.1-405b-instruct", "meta-llama/Llama-3.1-405B-Instruct"),
        ("deepseek-ai/DeepSeek-R1-0528:free", "deepseek-ai/DeepSeek-R1-0528"),
        ("gpt-oss-120b", "openai/gpt-oss-120b"),
    ] {
        assert_eq!(models.row(name).map(|row| row.model.as_str()), Some(row), "{name}");
    }
    assert_eq!(models.row("no-such-model"), None);
}

#[test]
fn a_broken_row_is_named() {
    for line in ["p\tm\t1", "p\tm\t8\t7\t8\t8\tdisclosed\t-\t-\t-\tE", "p\tm\tx\t8\t8\t8\tdisclosed\t-\t-\t-\tE"] {
        assert!(Models::parse(line).unwrap_err().contains("line 1"), "{line}");
    }
}
/// The size in billions of all parameters and what it rests on.
fn size(name: &str) -> Option<(f64, f64, Basis)> {
    Models::embedded().profile(name).map(|profile| (profile.total.0, profile.total.1, profile.basis))
}

/// Names as providers write them lead to the size of the model that they name.
#[test]
fn names_of_every_provider() {
    let same = |name: &str, as_that: &str| {
        assert!(size(as_that).is_some(), "{as_that}");
        assert_eq!(size(name), size(as_that), "{name}");
    };
    for (name, as_that) in [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("us-east-1/anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18.ft-0123456789abcdef", "gpt-4o-mini"),
        ("us/gpt-4.1-2025-04-14", "gpt-4.1"),
        ("chatgpt-4o-latest", "gpt-4o"),
        ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash"),
        ("gemini-2.5-pro-001", "gemini-2.5-pro"),
        ("gpt-4-1106-preview", "gpt-4-turbo"),
        ("gpt-4-32k-0613", "gpt-4"),
        ("accounts/fireworks/models/deepseek-v3p1", "deepseek-chat"),
        ("us.deepseek.r1-v1:0", "deepseek-reasoner"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("mistral.mixtral-8x7b-instruct-v0:1", "mixtral-8x7b"),
        ("groq/mixtral-8x7b-32768", "mixtral-8x7b"),
    ] {
        same(name, as_that);
    }
    for (name, total, basis) in [
        ("deepseek-chat", 671.0, Basis::Disclosed),
        ("deepseek-reasoner", 671.0, Basis::Disclosed),
        ("deepseek-v4-flash", 284.0, Basis::Disclosed),
        ("deepseek-r1-distill-llama-70b", 70.0, Basis::Named),
        ("us.meta.llama4-maverick-17b-instruct-v1:0", 400.0, Basis::Disclosed),
        ("gemini-1.5-flash-8b", 8.0, Basis::Named),
        ("mistral-large-2411", 123.0, Basis::Disclosed),
        ("kimi-k2-0905-preview", 1000.0, Basis::Disclosed),
    ] {
        assert_eq!(size(name), Some((total, total, basis)), "{name}");
    }
    for name in ["grok-4", "grok-3-mini", "gemini-2.0-flash-001", "us.amazon.nova-pro-v1:0", "text-embedding-3-small"] {
        assert_eq!(size(name).map(|(_, _, basis)| basis), Some(Basis::Likened), "{name}");
    }
    for name in ["gpt-image-1", "gpt-4o-transcribe", "my-own-mini", "whisper-1", "", "4", "ft:", "-", "v1", "us."] {
        assert_eq!(size(name), None, "{name}");
    }
}

/// What a model is likened to holds for those of its kind that somebody guesses: four in five of them have their middle in
/// the range.
#[test]
fn what_is_likened_holds_for_what_is_guessed() {
    let models = Models::embedded();
    let middle = |(least, most): (f64, f64)| (least * most).sqrt();
    let (mut inside, mut all) = (0, 0);
    for row in models.rows().iter().filter(|row| row.profile.basis == Basis::Guessed) {
        let fitting = families().iter().filter(|family| family.is_likened());
        let fitting: Vec<Family> = fitting.cloned().collect();
        let Some(Size::Known(likened)) = family::best(&fitting, &row.model).map(|family| family.size) else { continue };
        let within = |range: (f64, f64), size: (f64, f64)| (range.0..=range.1).contains(&middle(size));
        all += 1;
        inside += u32::from(within(likened.total, row.profile.total) && within(likened.active, row.profile.active));
    }
    assert!(all >= 100, "{all}");
    assert!(f64::from(inside) >= 0.8 * f64::from(all), "{inside} of {all}");
}

/// A name that a caller made up costs little, however long it is and whatever it is made of.
#[test]
fn a_made_up_name_costs_little() {
    for word in ["-it", "-1234", ".a", "a.", "ft:", "/", "-v1", "é", "*", "-05-20"] {
        for count in [1, 10, 85, 100_000] {
            let name = word.repeat(count);
            assert_eq!(size(&name), None, "{word} {count}");
            assert!(name.len() > name::LONGEST || name::forms(&name).count() <= 11);
        }
    }
    assert_eq!(size(&format!("{}gpt-4o", "a/".repeat(1000))), None);
}

proptest::proptest! {
    #[test]
    fn any_name_is_read(name in ".{0,300}", made in "(us\\.|ft:|[a-z]{1,5}[-./:@]|[0-9]{1,4}-?|v[0-9]:?|[0-9]p[0-9]b){0,12}") {
        for name in [name, made] {
            let forms: Vec<String> = name::forms(&name).collect();
            proptest::prop_assert!(forms.iter().all(|form| !form.is_empty() && form.len() <= name.to_ascii_lowercase().len()));
            if let Some(profile) = Models::embedded().profile(&name) {
                proptest::prop_assert!(profile.active.0 > 0.0 && profile.active.1 <= profile.total.1 * 1.0001);
            }
        }
    }
}
