//! A dictionary: bytes to rank. It lies in the binary as it is; the table that finds a token in it is built on first need,
//! 1 to 3 MiB, in some milliseconds.

use std::sync::LazyLock;

use super::Encoding;

/// What is no token.
pub(super) const NONE: u32 = u32::MAX;

/// Bits of a table's entry that hold the rank; the others hold a part of the hash, so that most entries that do not fit are
/// passed without a look at their bytes.
const RANK_BITS: u32 = 18;
const RANK: u32 = (1 << RANK_BITS) - 1;

static O200K: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::build(include_bytes!("../../data/o200k_base.ranks")));
static CL100K: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::build(include_bytes!("../../data/cl100k_base.ranks")));

/// See the module.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// By rank: one byte of length, and the token.
    packed: &'static [u8],
    /// Where each rank's entry begins in `packed`.
    starts: Vec<u32>,
    /// Open addressing: a part of the hash above the rank, or [`NONE`].
    table: Vec<u32>,
    /// 64 less the bits of a place in the table.
    shift: u32,
}

impl Vocabulary {
    /// The dictionary of an encoding; the first call builds it.
    pub(super) fn of(encoding: Encoding) -> &'static Vocabulary {
        match encoding {
            Encoding::O200k => &O200K,
            Encoding::Cl100k => &CL100K,
        }
    }

    fn build(packed: &'static [u8]) -> Vocabulary {
        let entries = || {
            let next = |at: &usize| packed.get(*at).map(|length| at + 1 + usize::from(*length));
            std::iter::successors(Some(0), next).take_while(|at| *at < packed.len()).map(|at| at as u32)
        };
        let mut starts = Vec::with_capacity(entries().count());
        starts.extend(entries());
        let bits = (starts.len() * 2).next_power_of_two().trailing_zeros();
        let mut vocabulary = Vocabulary { packed, starts, table: vec![NONE; 1 << bits], shift: 64 - bits };
        for rank in 0..vocabulary.starts.len() as u32 {
            let hash = hash(vocabulary.token(rank));
            let mut place = (hash >> vocabulary.shift) as usize;
            while vocabulary.table[place] != NONE {
                place = (place + 1) & (vocabulary.table.len() - 1);
            }
            vocabulary.table[place] = tag(hash) | rank;
        }
        vocabulary
    }

    fn token(&self, rank: u32) -> &'static [u8] {
        let start = self.starts[rank as usize] as usize;
        let length = usize::from(self.packed[start]);
        &self.packed[start + 1..start + 1 + length]
    }

    /// The rank of `bytes`, or [`NONE`].
    #[inline]
    pub(super) fn rank(&self, bytes: &[u8]) -> u32 {
        let hash = hash(bytes);
        let tag = tag(hash);
        let mut place = (hash >> self.shift) as usize;
        loop {
            let entry = self.table[place];
            if entry == NONE {
                return NONE;
            }
            if entry & !RANK == tag && self.token(entry & RANK) == bytes {
                return entry & RANK;
            }
            place = (place + 1) & (self.table.len() - 1);
        }
    }
}

fn tag(hash: u64) -> u32 {
    (hash as u32) << RANK_BITS
}

#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (bytes.len() as u64).wrapping_mul(MIX);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ word).wrapping_mul(MIX).rotate_left(29);
    }
    let last = words.remainder().iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let hash = (hash ^ last).wrapping_mul(MIX);
    (hash ^ (hash >> 32)).wrapping_mul(MIX)
}
