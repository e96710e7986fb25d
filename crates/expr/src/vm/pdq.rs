//! Pattern-defeating quicksort with the constants of Go's `sort.Sort`: items that compare equal have to come out in the order in which they do there,
//! because a once-per key may be built from it.

/// Up to this length, insertion sort.
const SHORT: usize = 12;
/// From this length on, the pivot is a median of medians, and nearly sorted runs are repaired.
const LONG: usize = 50;
/// Pairs out of order that are repaired before giving up.
const REPAIRS: usize = 5;

/// What choosing the pivot showed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

/// Sorts by `less`, which need not be a proper order.
pub(super) fn sort<T>(items: &mut [T], less: &mut dyn FnMut(&T, &T) -> bool) {
    let length = items.len();
    let limit = usize::BITS - length.leading_zeros();
    Sorter { items, less }.quick(0, length, limit);
}

struct Sorter<'a, T> {
    items: &'a mut [T],
    less: &'a mut dyn FnMut(&T, &T) -> bool,
}

impl<T> Sorter<'_, T> {
    fn less(&mut self, left: usize, right: usize) -> bool {
        match (self.items.get(left), self.items.get(right)) {
            (Some(left), Some(right)) => (self.less)(left, right),
            _ => false,
        }
    }

    fn swap(&mut self, left: usize, right: usize) {
        if left < self.items.len() && right < self.items.len() {
            self.items.swap(left, right);
        }
    }

    /// Sorts `from..to`. Recursion goes into the shorter part only.
    fn quick(&mut self, from: usize, to: usize, limit: u32) {
        let (mut from, mut to, mut limit) = (from, to, limit);
        let (mut balanced, mut untouched) = (true, true);
        loop {
            let length = to - from;
            if length <= SHORT {
                return self.insertion(from, to);
            }
            if limit == 0 {
                return self.heap(from, to);
            }
            if !balanced {
                self.scatter(from, to);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.pivot(from, to);
            if hint == Hint::Decreasing {
                if let Some(part) = self.items.get_mut(from..to) {
                    part.reverse();
                }
                pivot = (to - 1) - (pivot - from);
                hint = Hint::Increasing;
            }
            if balanced && untouched && hint == Hint::Increasing && self.repair(from, to) {
                return;
            }
            if from > 0 && !self.less(from - 1, pivot) {
                // Nothing here is less than the item before: what equals the pivot is in place.
                from = self.split_equal(from, to, pivot);
                continue;
            }
            let (middle, was_split) = self.split(from, to, pivot);
            untouched = was_split;
            let (left, right) = (middle - from, to - middle);
            balanced = left.min(right) >= length / 8;
            if left < right {
                self.quick(from, middle, limit);
                from = middle + 1;
            } else {
                self.quick(middle + 1, to, limit);
                to = middle;
            }
        }
    }

    fn insertion(&mut self, from: usize, to: usize) {
        for at in from + 1..to {
            let mut back = at;
            while back > from && self.less(back, back - 1) {
                self.swap(back, back - 1);
                back -= 1;
            }
        }
    }

    fn heap(&mut self, from: usize, to: usize) {
        let length = to - from;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift(root, length, from);
        }
        for last in (0..length).rev() {
            self.swap(from, from + last);
            self.sift(0, last, from);
        }
    }

    fn sift(&mut self, root: usize, end: usize, first: usize) {
        let mut root = root;
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.swap(first + root, first + child);
            root = child;
        }
    }

    /// Puts what is less than the pivot before it and the rest behind it. Gives its place, and whether nothing had to move.
    fn split(&mut self, from: usize, to: usize, pivot: usize) -> (usize, bool) {
        self.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        let mut moved = false;
        loop {
            while low <= high && self.less(low, from) {
                low += 1;
            }
            while low <= high && !self.less(high, from) {
                high -= 1;
            }
            if low > high {
                break;
            }
            self.swap(low, high);
            moved = true;
            low += 1;
            high -= 1;
        }
        self.swap(high, from);
        (high, !moved)
    }

    /// Puts what equals the pivot before what is greater. Gives the place where the greater begins.
    fn split_equal(&mut self, from: usize, to: usize, pivot: usize) -> usize {
        self.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        loop {
            while low <= high && !self.less(from, low) {
                low += 1;
            }
            while low <= high && self.less(from, high) {
                high -= 1;
            }
            if low > high {
                return low;
            }
            self.swap(low, high);
            low += 1;
            high -= 1;
        }
    }

    /// Sorts `from..to` if only few pairs are out of order. Gives whether it is sorted now.
    fn repair(&mut self, from: usize, to: usize) -> bool {
        let mut at = from + 1;
        for _ in 0..REPAIRS {
            while at < to && !self.less(at, at - 1) {
                at += 1;
            }
            if at == to {
                return true;
            }
            if to - from < LONG {
                return false;
            }
            self.swap(at, at - 1);
            if at - from >= 2 {
                let mut back = at - 1;
                while back >= 1 && self.less(back, back - 1) {
                    self.swap(back, back - 1);
                    back -= 1;
                }
            }
            if to - at >= 2 {
                let mut next = at + 1;
                while next < to && self.less(next, next - 1) {
                    self.swap(next, next - 1);
                    next += 1;
                }
            }
        }
        false
    }

    /// Moves three items near the middle to places that look random but depend on the length alone.
    fn scatter(&mut self, from: usize, to: usize) {
        let length = to - from;
        let mut random = length as u64;
        let mask = length.next_power_of_two().max(2) - 1;
        // A power of two is rounded up to the next one.
        let mask = if length.is_power_of_two() { mask * 2 + 1 } else { mask };
        let middle = from + (length / 4) * 2;
        for at in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = usize::try_from(random & mask as u64).unwrap_or(0);
            if other >= length {
                other -= length;
            }
            self.swap(at, from + other);
        }
    }

    fn pivot(&mut self, from: usize, to: usize) -> (usize, Hint) {
        let quarter = (to - from) / 4;
        let (mut low, mut middle, mut high) = (from + quarter, from + quarter * 2, from + quarter * 3);
        let mut swaps = 0;
        if to - from >= LONG {
            low = self.median(low - 1, low, low + 1, &mut swaps);
            middle = self.median(middle - 1, middle, middle + 1, &mut swaps);
            high = self.median(high - 1, high, high + 1, &mut swaps);
        }
        middle = self.median(low, middle, high, &mut swaps);
        let hint = match swaps {
            0 => Hint::Increasing,
            12 => Hint::Decreasing,
            _ => Hint::Unknown,
        };
        (middle, hint)
    }

    fn median(&mut self, a: usize, b: usize, c: usize, swaps: &mut u32) -> usize {
        let (a, b) = self.ordered(a, b, swaps);
        let (b, _) = self.ordered(b, c, swaps);
        self.ordered(a, b, swaps).1
    }

    fn ordered(&mut self, a: usize, b: usize, swaps: &mut u32) -> (usize, usize) {
        if self.less(b, a) {
            *swaps += 1;
            (b, a)
        } else {
            (a, b)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sorts_any_length() {
        for length in 0..300_usize {
            let mut items: Vec<usize> = (0..length).map(|at| at * 7919 % 101).collect();
            super::sort(&mut items, &mut |l, r| l < r);
            assert!(items.is_sorted(), "{length}");
        }
    }

    #[test]
    fn an_order_that_contradicts_itself_ends() {
        let mut items: Vec<u32> = (0..1000).collect();
        let mut turn = false;
        super::sort(&mut items, &mut |_, _| {
            turn = !turn;
            turn
        });
        assert_eq!(items.len(), 1000);
    }
}
