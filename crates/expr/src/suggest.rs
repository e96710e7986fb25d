//! "Did you mean": the known name that is nearest to one that is not known.
//!
//! A condition that fails is asked again with each version of its object, so looking for a name allocates nothing but the answer.

/// Names that are looked at.
const CANDIDATES: usize = 200;

/// Characters of a name; longer ones are far from everything.
const LONGEST: usize = 64;

/// The nearest of `known`, if it is near enough for a typing mistake.
pub(crate) fn nearest<S: AsRef<str>>(name: &str, known: impl IntoIterator<Item = S>) -> Option<String> {
    let wanted = Letters::of(name)?;
    let allowed = match wanted.count {
        0..=2 => return None,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, String)> = None;
    for candidate in known.into_iter().take(CANDIDATES) {
        let candidate = candidate.as_ref();
        let Some(letters) = Letters::of(candidate) else { continue };
        if letters.count.abs_diff(wanted.count) > allowed || candidate == name {
            continue;
        }
        let distance = distance(wanted.as_slice(), letters.as_slice());
        if distance <= allowed && best.as_ref().is_none_or(|(found, _)| distance < *found) {
            best = Some((distance, candidate.to_owned()));
        }
    }
    best.map(|(_, name)| name)
}

/// The letters of a name, without case.
struct Letters {
    letters: [char; LONGEST],
    count: usize,
}

impl Letters {
    /// Nothing for a name that is too long.
    fn of(name: &str) -> Option<Self> {
        let mut all = Self { letters: ['\0'; LONGEST], count: 0 };
        for letter in name.chars().flat_map(char::to_lowercase) {
            *all.letters.get_mut(all.count)? = letter;
            all.count += 1;
        }
        Some(all)
    }

    fn as_slice(&self) -> &[char] {
        self.letters.get(..self.count).unwrap_or_default()
    }
}

/// Edits (insert, remove, replace) between two names of at most [`LONGEST`] letters.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row = [0; LONGEST + 1];
    for (number, place) in row.iter_mut().enumerate() {
        *place = number;
    }
    for (i, l) in left.iter().enumerate() {
        let (mut diagonal, mut before) = (i, i + 1);
        row[0] = before;
        for (place, r) in row.iter_mut().skip(1).zip(right) {
            let above = *place;
            before = (diagonal + usize::from(l != r)).min(above + 1).min(before + 1);
            (diagonal, *place) = (above, before);
        }
    }
    row.get(right.len()).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_nothing_far() {
        assert_eq!(nearest("conditons", ["conditions", "health"]).as_deref(), Some("conditions"));
        assert_eq!(nearest("helth", ["conditions", "health"]).as_deref(), Some("health"));
        assert_eq!(nearest("sync", ["conditions", "health"]), None);
    }
}
