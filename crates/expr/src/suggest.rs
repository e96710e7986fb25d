//! "Did you mean": the known name that is nearest to one that is not known.

/// Names that are looked at.
const CANDIDATES: usize = 200;

/// The nearest of `known`, if it is near enough for a typing mistake.
pub(crate) fn nearest<S: AsRef<str>>(name: &str, known: impl IntoIterator<Item = S>) -> Option<String> {
    let allowed = match name.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, String)> = None;
    for candidate in known.into_iter().take(CANDIDATES) {
        let candidate = candidate.as_ref();
        let distance = distance(name, candidate);
        if candidate != name
            && distance <= allowed
            && best.as_ref().is_none_or(|(found, _)| distance < *found)
        {
            best = Some((distance, candidate.to_owned()));
        }
    }
    best.map(|(_, name)| name)
}

/// Edits (insert, remove, replace) between two names, letters without case. Long names are far from everything.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    if left.len() > 64 || right.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        let mut before = i + 1;
        for ((r, diagonal), above) in right.iter().zip(&row).zip(row.iter().skip(1)) {
            before = (diagonal + usize::from(l != r)).min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
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
