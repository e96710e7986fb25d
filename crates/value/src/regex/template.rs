//! Replacement templates: `$1`, `$name`, `${name}`, `$$`.

/// A piece of a template.
pub(super) enum Piece<'t> {
    Text(&'t [u8]),
    /// The first of these groups that takes part in the match: several may have one name.
    Groups(Vec<usize>),
}

/// Splits a template. Names of groups that do not exist stand for nothing; a `$` that starts no name stays.
pub(super) fn parse<'t>(template: &'t [u8], names: &[Option<String>]) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
        let (before, from_dollar) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        let after = from_dollar.get(1..).unwrap_or_default();
        if after.first() == Some(&b'$') {
            pieces.push(Piece::Text(b"$"));
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        let Some((name, length)) = name(after) else {
            pieces.push(Piece::Text(b"$"));
            rest = after;
            continue;
        };
        pieces.push(Piece::Groups(groups(name, names)));
        rest = after.get(length..).unwrap_or_default();
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The name at the start of what follows a `$`, and how long it is with its braces.
fn name(after: &[u8]) -> Option<(&str, usize)> {
    let (body, braces) = match after.strip_prefix(b"{") {
        Some(body) => (body, true),
        None => (after, false),
    };
    let valid = body.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    let length = valid.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(valid.len());
    let name = valid.get(..length).filter(|name| !name.is_empty())?;
    if !braces {
        return Some((name, length));
    }
    (body.get(length) == Some(&b'}')).then_some((name, length + 2))
}

fn groups(name: &str, names: &[Option<String>]) -> Vec<usize> {
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return name.parse().ok().filter(|group| *group < names.len()).into_iter().collect();
    }
    let same = names.iter().enumerate().filter(|(_, known)| known.as_deref() == Some(name));
    same.map(|(group, _)| group).collect()
}
