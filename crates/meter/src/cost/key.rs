//! A number for a provider and names of models, made in a few dozen steps: it only says where to look, and who looks compares
//! the names.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes numbers that nobody outside can foresee.
#[derive(Debug)]
pub(crate) struct Keys {
    seed: u64,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys { seed: RandomState::new().hash_one(0) }
    }
}

impl Keys {
    pub(crate) fn of(&self, provider: &str, models: &[Option<&str>; 3]) -> u64 {
        models.iter().fold(mix(self.seed, provider), |key, model| mix(key, model.unwrap_or("\0")))
    }
}

/// Multiplies eight bytes at a time in, and brings down each time what that moved up: else bytes at the end of one word and at
/// the start of the next could make up for one another.
fn mix(mut key: u64, text: &str) -> u64 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let step = |key: u64, word: [u8; 8]| {
        let product = (key ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
        product ^ product >> 32
    };
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    for word in words {
        key = step(key, *word);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = rest.len() as u8 | 0x80;
    step(key, last)
}

/// A key is mixed enough to be its own hash.
#[derive(Debug, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_have_numbers_of_their_own() {
        let keys = Keys::default();
        let mut seen = HashSet::new();
        for provider in ["a", "b"] {
            for number in 0..20_000 {
                let name = format!("model-{number}");
                for models in [[None, Some(&*name), None], [Some(&*name), None, None], [None, Some(&*name), Some("x")]]
                {
                    assert!(seen.insert(keys.of(provider, &models)), "{provider} {models:?}");
                }
            }
        }
    }
}
