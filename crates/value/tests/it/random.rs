//! Bytes that look random and are the same on every run.

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    /// One of the pieces.
    pub(crate) fn pick<'p>(&mut self, pieces: &[&'p [u8]]) -> &'p [u8] {
        pieces[self.below(pieces.len())]
    }

    /// Up to `most` pieces, one after the other, and now and then a byte that does not belong there.
    pub(crate) fn text(&mut self, pieces: &[&[u8]], most: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(most) {
            text.extend_from_slice(self.pick(pieces));
            if self.below(20) == 0 {
                text.push(u8::try_from(self.below(256)).unwrap());
            }
        }
        text
    }
}
