//! Which tokenizer a model has, by its name; where it is not public, the one that comes closest.

use super::{Count, Encoding};

/// How a model's tokens are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokenizer {
    /// The vocabulary.
    pub encoding: Encoding,
    /// Tokens of the model per 1,000 of the vocabulary's.
    pub per_mille: u64,
    /// Whether this is the model's own.
    pub exact: bool,
    /// The family, as `docs/tokens.md` has it.
    pub family: Family,
}

/// Models that count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// gpt-4o and later, the o series.
    Gpt4o,
    /// gpt-4 and gpt-3.5.
    Gpt4,
    /// gpt-3.5-turbo-0301, whose messages had one token more.
    Gpt35First,
    /// Claude up to Opus 4.6, Sonnet 4.6 and Haiku 4.5.
    Claude,
    /// Claude from Opus 4.7, Sonnet 5 and Haiku 5 on.
    Claude47,
    /// Gemini and Gemma.
    Gemini,
    /// Llama 3 and 4.
    Llama,
    /// Mistral.
    Mistral,
    /// DeepSeek.
    DeepSeek,
    /// Qwen.
    Qwen,
    /// Grok.
    Grok,
    /// Cohere's Command.
    Cohere,
    /// Any other.
    Other,
}

/// Beginnings of models' names; the first that fits decides. Exact ones are those of tiktoken 0.14's `model.py`.
const FAMILIES: &[(&str, Tokenizer)] = {
    use Encoding::{Cl100k, O200k};
    use Family as F;
    &[
        ("gpt-4o", exact(F::Gpt4o, O200k)),
        ("chatgpt-4o", exact(F::Gpt4o, O200k)),
        ("gpt-4.", exact(F::Gpt4o, O200k)),
        ("gpt-5", exact(F::Gpt4o, O200k)),
        ("gpt-oss", exact(F::Gpt4o, O200k)),
        ("o1", exact(F::Gpt4o, O200k)),
        ("o3", exact(F::Gpt4o, O200k)),
        ("o4-mini", exact(F::Gpt4o, O200k)),
        ("codex-mini", exact(F::Gpt4o, O200k)),
        ("computer-use", exact(F::Gpt4o, O200k)),
        ("gpt-3.5-turbo-0301", exact(F::Gpt35First, Cl100k)),
        ("gpt-4", exact(F::Gpt4, Cl100k)),
        ("gpt-3.5", exact(F::Gpt4, Cl100k)),
        // Azure leaves the dot out.
        ("gpt-35", exact(F::Gpt4, Cl100k)),
        ("text-embedding-3", exact(F::Gpt4, Cl100k)),
        ("text-embedding-ada-002", exact(F::Gpt4, Cl100k)),
        ("davinci-002", exact(F::Gpt4, Cl100k)),
        ("babbage-002", exact(F::Gpt4, Cl100k)),
        // What comes after: no tokenizer is published, the last one is most likely.
        ("gpt-", near(F::Gpt4o, O200k, 1000)),
        ("claude-", near(F::Claude, O200k, 1220)),
        ("gemini", near(F::Gemini, O200k, 1120)),
        ("gemma", near(F::Gemini, O200k, 1120)),
        ("llama", near(F::Llama, O200k, 1000)),
        ("meta-llama", near(F::Llama, O200k, 1000)),
        ("mistral", near(F::Mistral, O200k, 1060)),
        ("ministral", near(F::Mistral, O200k, 1060)),
        ("magistral", near(F::Mistral, O200k, 1060)),
        ("codestral", near(F::Mistral, O200k, 1060)),
        ("devstral", near(F::Mistral, O200k, 1060)),
        ("pixtral", near(F::Mistral, O200k, 1060)),
        ("mixtral", near(F::Mistral, O200k, 1060)),
        ("open-mi", near(F::Mistral, O200k, 1060)),
        ("deepseek", near(F::DeepSeek, O200k, 1030)),
        ("qw", near(F::Qwen, O200k, 1030)),
        ("grok", near(F::Grok, O200k, 1050)),
        ("command", near(F::Cohere, O200k, 1040)),
        ("embed-", near(F::Cohere, O200k, 1040)),
    ]
};

/// Claudes that count with the older vocabulary, behind `claude-`. All others, those to come included, have the newer one.
const OLDER_CLAUDES: &[&str] = &[
    "instant", "2", "3", "opus-3", "sonnet-3", "haiku-3", "opus-4-0", "opus-4-1", "opus-4-2", "opus-4-5", "opus-4-6",
    "sonnet-4", "haiku-4", "opus-4@", "opus-4.1", "opus-4.5", "opus-4.6", "opus-4.0",
];

const fn exact(family: Family, encoding: Encoding) -> Tokenizer {
    Tokenizer { encoding, per_mille: 1000, exact: true, family }
}

const fn near(family: Family, encoding: Encoding, per_mille: u64) -> Tokenizer {
    Tokenizer { encoding, per_mille, exact: false, family }
}

impl Tokenizer {
    /// The tokenizer of a model, whatever stands before its name: `openai/`, `ft:`, `us.anthropic.`.
    #[must_use]
    pub fn of(model: &str) -> Tokenizer {
        let name = bare(model);
        let found = FAMILIES.iter().find(|(begins, _)| name.starts_with(begins)).map(|(_, tokenizer)| *tokenizer);
        let tokenizer = found.unwrap_or(near(Family::Other, Encoding::O200k, 1050));
        match tokenizer.family {
            Family::Claude if !is_older_claude(&name) => near(Family::Claude47, Encoding::O200k, 1580),
            // A model of that name that somebody else has trained anew may have another vocabulary.
            _ => tokenizer,
        }
    }

    /// The tokenizer of a model that goes by several names: the first that is known for sure, else the first of a known family.
    #[must_use]
    pub fn of_any(models: &[Option<&str>]) -> Tokenizer {
        let all = || models.iter().flatten().map(|model| Tokenizer::of(model));
        let known = all().find(|tokenizer| tokenizer.exact);
        let known = known.or_else(|| all().find(|tokenizer| tokenizer.family != Family::Other));
        known.unwrap_or_else(|| Tokenizer::of(""))
    }

    /// What a count with this vocabulary comes to in tokens of the model.
    #[must_use]
    pub fn convert(&self, count: Count) -> Count {
        let tokens = (u128::from(count.tokens) * u128::from(self.per_mille) + 500) / 1000;
        Count { tokens: u64::try_from(tokens).unwrap_or(u64::MAX), exact: count.exact && self.exact }
    }
}

fn is_older_claude(name: &str) -> bool {
    let rest = name.strip_prefix("claude-").unwrap_or(name);
    // `claude-opus-4-20250514`: a date, no minor version.
    let dated = rest.strip_prefix("opus-4").is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"));
    dated || OLDER_CLAUDES.iter().any(|begins| rest.starts_with(begins))
}

/// The name behind what gateways and clouds put before it, in lower case.
fn bare(model: &str) -> String {
    let last = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let tuned = last.strip_prefix("ft:").unwrap_or(&last);
    // Bedrock: a region and a maker in front, as in `us.anthropic.claude-sonnet-4-20250514-v1:0`.
    let makers = ["anthropic.", "meta.", "mistral.", "cohere.", "deepseek.", "openai.", "qwen.", "google.", "xai."];
    let behind = makers.iter().find_map(|maker| tuned.split_once(maker).map(|(_, rest)| rest));
    behind.unwrap_or(tuned).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_their_tokenizers() {
        use Encoding::{Cl100k, O200k};
        for (model, family, encoding, exact) in [
            ("gpt-4", Family::Gpt4, Cl100k, true),
            ("gpt-4-0613", Family::Gpt4, Cl100k, true),
            ("gpt-4-turbo", Family::Gpt4, Cl100k, true),
            ("gpt-4o-mini-2024-07-18", Family::Gpt4o, O200k, true),
            ("gpt-4.1-nano", Family::Gpt4o, O200k, true),
            ("gpt-5.6-mini", Family::Gpt4o, O200k, true),
            ("gpt-6-astra", Family::Gpt4o, O200k, false),
            ("o3-mini", Family::Gpt4o, O200k, true),
            ("openai/gpt-4o", Family::Gpt4o, O200k, true),
            ("ft:gpt-4o-mini:acme::x", Family::Gpt4o, O200k, true),
            ("gpt-3.5-turbo", Family::Gpt4, Cl100k, true),
            ("gpt-3.5-turbo-0301", Family::Gpt35First, Cl100k, true),
            ("gpt-35-turbo", Family::Gpt4, Cl100k, true),
            ("text-embedding-3-large", Family::Gpt4, Cl100k, true),
            ("claude-3-5-sonnet-20241022", Family::Claude, O200k, false),
            ("claude-sonnet-4-5", Family::Claude, O200k, false),
            ("claude-opus-4-20250514", Family::Claude, O200k, false),
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Family::Claude, O200k, false),
            ("anthropic/claude-opus-4.6", Family::Claude, O200k, false),
            ("claude-opus-4-7", Family::Claude47, O200k, false),
            ("claude-sonnet-5", Family::Claude47, O200k, false),
            ("claude-mythos-5", Family::Claude47, O200k, false),
            ("models/gemini-2.5-pro", Family::Gemini, O200k, false),
            ("meta-llama/Llama-3.3-70B-Instruct-Turbo", Family::Llama, O200k, false),
            ("accounts/fireworks/models/deepseek-v3", Family::DeepSeek, O200k, false),
            ("Qwen/Qwen3-32B", Family::Qwen, O200k, false),
            ("something-else", Family::Other, O200k, false),
        ] {
            let tokenizer = Tokenizer::of(model);
            assert_eq!((tokenizer.family, tokenizer.encoding, tokenizer.exact), (family, encoding, exact), "{model}");
        }
    }

    #[test]
    fn counts_are_converted() {
        let count = Count { tokens: 1001, exact: true };
        assert_eq!(Tokenizer::of("gpt-4").convert(count), count);
        let claude = Tokenizer::of("claude-sonnet-4-5").convert(count);
        assert_eq!(claude, Count { tokens: 1221, exact: false });
    }
}
