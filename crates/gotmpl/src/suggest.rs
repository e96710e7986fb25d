//! "Did you mean": the known name that is nearest to a wrong one.

/// Names longer than this are not compared.
const MAX_LENGTH: usize = 64;

/// The name nearest to `wrong`, if any is near enough: a third of its letters may differ.
pub(crate) fn best<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    if wrong.len() > MAX_LENGTH {
        return None;
    }
    let allowed = (wrong.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .filter(|name| name.len() <= MAX_LENGTH && *name != wrong)
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name.to_owned())
}

/// How many letters have to be added, removed, replaced or swapped with their neighbour; case does not count.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let replaced = last.get(column).copied().unwrap_or(usize::MAX - 1) + usize::from(a != b);
            let removed = last.get(column + 1).copied().unwrap_or(usize::MAX - 1) + 1;
            let added = current.last().copied().unwrap_or(usize::MAX - 1) + 1;
            let mut cost = replaced.min(removed).min(added);
            let swapped =
                row > 0 && column > 0 && left.get(row - 1) == Some(b) && right.get(column - 1) == Some(a);
            if swapped && let Some(before) = before_last.get(column - 1) {
                cost = cost.min(before + 1);
            }
            current.push(cost);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn finds_the_nearest_name() {
        assert_eq!(best("conditons", ["conditions", "health"]).as_deref(), Some("conditions"));
        assert_eq!(best("uper", ["upper", "lower"]).as_deref(), Some("upper"));
        assert_eq!(best("something", ["else"]), None);
    }
}
