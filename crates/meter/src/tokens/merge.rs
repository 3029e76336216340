//! Byte pair encoding of one piece: of all neighbours the pair of the lowest rank is merged, the leftmost first, until no
//! pair is a token. Only how many tokens are left is wanted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::{NONE, Vocabulary};

/// Up to here looking through all pairs is faster than keeping them in order.
const SHORT: usize = 48;

/// Memory that is used again from piece to piece.
#[derive(Debug, Default)]
pub(super) struct Merger {
    /// Of a short piece: where each part begins, and the rank of it and its neighbour merged.
    parts: Vec<(u32, u32)>,
    /// Of a long one, by the byte where a part begins: the next part, the one before, the rank of it and the next merged.
    links: Vec<Link>,
    /// Rank and place of each pair; those that have changed since are passed over.
    heap: BinaryHeap<Reverse<u64>>,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    next: u32,
    before: u32,
    rank: u32,
}

impl Merger {
    /// Tokens of `piece`.
    pub(super) fn count(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
        if piece.len() < 2 || vocabulary.rank(piece) != NONE {
            return u64::from(!piece.is_empty());
        }
        if piece.len() <= SHORT { self.short(vocabulary, piece) } else { self.long(vocabulary, piece) }
    }

    fn short(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
        let parts = &mut self.parts;
        parts.clear();
        parts.extend((0..piece.len() - 1).map(|at| (at as u32, vocabulary.rank(&piece[at..at + 2]))));
        parts.push((piece.len() as u32 - 1, NONE));
        loop {
            let lowest = parts.iter().enumerate().min_by_key(|(at, (_, rank))| (*rank, *at));
            let Some((at, (_, rank))) = lowest else { return 0 };
            if *rank == NONE {
                return parts.len() as u64;
            }
            parts.remove(at + 1);
            let merged = |at: usize| match parts.get(at + 1) {
                None => NONE,
                Some(_) => {
                    let end = parts.get(at + 2).map_or(piece.len(), |part| part.0 as usize);
                    vocabulary.rank(&piece[parts[at].0 as usize..end])
                }
            };
            let (here, before) = (merged(at), at.checked_sub(1).map(merged));
            parts[at].1 = here;
            if let Some(before) = before {
                parts[at - 1].1 = before;
            }
        }
    }

    /// Each merge costs the logarithm of the length, so a piece of any kind takes a bounded time a byte.
    fn long(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
        let end = piece.len() as u32;
        self.links.clear();
        self.heap.clear();
        for at in 0..end {
            let rank = if at + 1 < end { vocabulary.rank(&piece[at as usize..at as usize + 2]) } else { NONE };
            self.links.push(Link { next: at + 1, before: at.saturating_sub(1), rank });
            if rank != NONE {
                self.heap.push(key(rank, at));
            }
        }
        let mut count = u64::from(end);
        while let Some(Reverse(lowest)) = self.heap.pop() {
            let (rank, at) = ((lowest >> 32) as u32, lowest as u32);
            let link = self.links[at as usize];
            if link.rank != rank {
                continue;
            }
            count -= 1;
            let gone = self.links[link.next as usize];
            self.links[link.next as usize].rank = NONE;
            self.links[at as usize].next = gone.next;
            if gone.next < end {
                self.links[gone.next as usize].before = at;
            }
            self.rate(vocabulary, piece, at);
            if at > 0 {
                self.rate(vocabulary, piece, link.before);
            }
        }
        count
    }

    /// The rank of the part at `at` merged with the next.
    fn rate(&mut self, vocabulary: &Vocabulary, piece: &[u8], at: u32) {
        let next = self.links[at as usize].next;
        let rank = match self.links.get(next as usize) {
            Some(link) => vocabulary.rank(&piece[at as usize..link.next as usize]),
            None => NONE,
        };
        self.links[at as usize].rank = rank;
        if rank != NONE {
            self.heap.push(key(rank, at));
        }
    }
}

fn key(rank: u32, at: u32) -> Reverse<u64> {
    Reverse(u64::from(rank) << 32 | u64::from(at))
}
