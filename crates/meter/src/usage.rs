//! Tokens by class. The classes are disjoint: a token stands in exactly one, so that nothing is counted or billed twice.

/// The classes of tokens, as they are named in `llm_tokens_total{class}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Text read by the model at the full price.
    Input,
    /// Input that the provider had in its prompt cache.
    CachedInput,
    /// Input written to the prompt cache.
    CacheWrite,
    /// Input written to the prompt cache for an hour.
    CacheWrite1h,
    /// Audio read.
    AudioInput,
    /// Images read.
    ImageInput,
    /// Text written.
    Output,
    /// Output spent on reasoning that the caller does not see.
    Reasoning,
    /// Audio written.
    AudioOutput,
}

impl Class {
    /// All classes, input first.
    pub const ALL: [Class; 9] = [
        Class::Input,
        Class::CachedInput,
        Class::CacheWrite,
        Class::CacheWrite1h,
        Class::AudioInput,
        Class::ImageInput,
        Class::Output,
        Class::Reasoning,
        Class::AudioOutput,
    ];

    /// The class's name in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Class::Input => "input",
            Class::CachedInput => "cached_input",
            Class::CacheWrite => "cache_write",
            Class::CacheWrite1h => "cache_write_1h",
            Class::AudioInput => "audio_input",
            Class::ImageInput => "image_input",
            Class::Output => "output",
            Class::Reasoning => "reasoning",
            Class::AudioOutput => "audio_output",
        }
    }
}

/// A count of tokens for each [`Class`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    tokens: [u64; Class::ALL.len()],
}

impl Usage {
    /// Tokens of one class.
    #[must_use]
    pub fn get(&self, class: Class) -> u64 {
        self.tokens[class as usize]
    }

    /// Sets the tokens of one class.
    #[must_use]
    pub fn with(mut self, class: Class, tokens: u64) -> Self {
        self.tokens[class as usize] = tokens;
        self
    }

    /// All input, cached input and cache writes included.
    #[must_use]
    pub fn input(&self) -> u64 {
        sum(&self.tokens[..Class::Output as usize])
    }

    /// All output, reasoning included.
    #[must_use]
    pub fn output(&self) -> u64 {
        sum(&self.tokens[Class::Output as usize..])
    }

    /// Input and output.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input().saturating_add(self.output())
    }

    /// From figures in which the whole includes its parts, as OpenAI's dialect reports them. Parts that exceed their whole,
    /// which no honest answer has, are cut down to it in the order of the classes, so that the total stays the provider's.
    #[must_use]
    pub fn from_inclusive(input: u64, output: u64, parts: Parts) -> Usage {
        let mut usage = Usage::default();
        let mut left = input;
        let mut take = |whole: &mut u64, class: Class, tokens: u64| {
            let tokens = tokens.min(*whole);
            *whole -= tokens;
            usage.tokens[class as usize] = tokens;
        };
        take(&mut left, Class::CachedInput, parts.cached_input);
        take(&mut left, Class::CacheWrite, parts.cache_write);
        // A report of audio or images has those that were cached in it, which stand among the cached already.
        take(&mut left, Class::AudioInput, parts.audio_input.saturating_sub(parts.cached_audio));
        take(&mut left, Class::ImageInput, parts.image_input.saturating_sub(parts.cached_image));
        let text_input = left;
        left = output;
        take(&mut left, Class::Reasoning, parts.reasoning);
        take(&mut left, Class::AudioOutput, parts.audio_output);
        usage.with(Class::Input, text_input).with(Class::Output, left)
    }
}

fn sum(tokens: &[u64]) -> u64 {
    tokens.iter().fold(0, |sum, tokens| sum.saturating_add(*tokens))
}

/// What an inclusive report says its whole is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// Of the input: found in the prompt cache.
    pub cached_input: u64,
    /// Of the input: written to the prompt cache.
    pub cache_write: u64,
    /// Of the input: audio.
    pub audio_input: u64,
    /// Of the input: images.
    pub image_input: u64,
    /// Of the output: reasoning.
    pub reasoning: u64,
    /// Of the output: audio.
    pub audio_output: u64,
    /// Of the audio in the input: found in the prompt cache.
    pub cached_audio: u64,
    /// Of the images in the input: found in the prompt cache.
    pub cached_image: u64,
}

/// What is paid by the piece rather than by the token; 0 is none that is known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Pictures made.
    pub images: u64,
    /// Audio heard, in microseconds.
    pub audio_micros: u64,
    /// Characters spoken.
    pub characters: u64,
}

impl Units {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Units::default()
    }
}

/// Where the figures of a Record come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageSource {
    /// The provider reported them.
    Provider,
    /// Weir counted them, with the model's own tokenizer, in a whole answer.
    Counted,
    /// Weir counted what was delivered of an answer that was cut.
    Partial,
    /// Weir estimated them: the model's tokenizer is not public, the text is very long, or not all of it is text.
    Estimated,
    /// There are none.
    #[default]
    None,
}

impl UsageSource {
    /// The name in `usage_source`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            UsageSource::Provider => "provider",
            UsageSource::Counted => "counted",
            UsageSource::Partial => "partial",
            UsageSource::Estimated => "estimated",
            UsageSource::None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_leave_the_whole() {
        let parts = Parts { cached_input: 30, audio_input: 5, reasoning: 7, ..Parts::default() };
        let usage = Usage::from_inclusive(100, 20, parts);
        assert_eq!((usage.input(), usage.output(), usage.total()), (100, 20, 120));
        assert_eq!((usage.get(Class::Input), usage.get(Class::Output)), (65, 13));
    }

    /// OpenAI's `cached_tokens_details`: what of the cached input was audio or an image is not audio or an image beside it.
    #[test]
    fn cached_audio_is_cached_and_not_audio_too() {
        let parts = Parts { cached_input: 77, cached_audio: 13, audio_input: 33, ..Parts::default() };
        let usage = Usage::from_inclusive(132, 0, parts);
        let of = |class| usage.get(class);
        assert_eq!((of(Class::CachedInput), of(Class::AudioInput), of(Class::Input)), (77, 20, 35));
        let lie = Parts { cached_input: 5, cached_image: 500, image_input: 10, ..Parts::default() };
        assert_eq!(Usage::from_inclusive(20, 0, lie).input(), 20);
    }

    #[test]
    fn parts_above_the_whole_are_cut_down() {
        let parts = Parts { cached_input: 500, audio_input: 5, reasoning: 70, ..Parts::default() };
        let usage = Usage::from_inclusive(100, 20, parts);
        assert_eq!((usage.input(), usage.output()), (100, 20));
        assert_eq!((usage.get(Class::CachedInput), usage.get(Class::Input), usage.get(Class::Reasoning)), (100, 0, 20));
    }

    #[test]
    fn class_names_are_in_the_order_of_their_discriminants() {
        for (index, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index);
        }
    }
}
