//! Addresses as people write them: `a@x.y`, `Name <a@x.y>`, lists with commas.

use lettre::Address;
use lettre::message::Mailbox;

/// One address, with or without a name. The error says what is wrong, as words for a person.
pub(super) fn parse(text: &str) -> Result<Mailbox, String> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (name.trim(), address.trim()),
        None => ("", text),
    };
    let name =
        name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(name).replace("\\\"", "\"");
    let invalid = |why: &str| format!("`{}` is no address: {why}", text.escape_debug());
    if address.is_empty() {
        return Err("there is no address".to_owned());
    }
    let (user, domain) = address.rsplit_once('@').ok_or_else(|| invalid("the `@` is missing"))?;
    let domain = ascii_domain(domain).ok_or_else(|| invalid("the part after the `@` is no domain"))?;
    let address = Address::new(user, domain).map_err(|error| invalid(&error.to_string()))?;
    Ok(Mailbox::new(Some(name).filter(|name| !name.is_empty()), address))
}

/// A list with commas; empty items are ignored, an empty list is an error (services 2.2, FIX).
pub(super) fn list(text: &str) -> Result<Vec<Mailbox>, String> {
    let items = split(text).into_iter().filter(|item| !item.trim().is_empty());
    let list = items.map(|item| parse(&item)).collect::<Result<Vec<_>, _>>()?;
    if list.is_empty() {
        return Err("the recipient is empty; it must be an e-mail address, or several with commas".to_owned());
    }
    Ok(list)
}

/// The addresses alone, each once, in order.
pub(super) fn envelope(list: &[Mailbox]) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for mailbox in list {
        let address = mailbox.email.to_string();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// Splits at commas outside quotes.
fn split(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars() {
        quoted ^= letter == '"';
        if letter == ',' && !quoted {
            items.push(String::new());
        } else if let Some(item) = items.last_mut() {
            item.push(letter);
        }
    }
    items
}

/// The form of a domain that is in the DNS.
fn ascii_domain(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_owned());
    }
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => Some(ascii),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_addresses_in_many_ways() {
        for (text, shown) in [
            ("a@x.y", "a@x.y"),
            (" Argo CD <cd@example.org> ", "Argo CD <cd@example.org>"),
            ("Pythia Δ <cd@example.org>", "Pythia Δ <cd@example.org>"),
            ("\"Doe, Jane\" <j@example.org>", "\"Doe, Jane\" <j@example.org>"),
            ("root@localhost", "root@localhost"),
            ("root@[192.0.2.1]", "root@[192.0.2.1]"),
            ("jörg@example.org", "jörg@example.org"),
            ("info@münchen.example", "info@xn--mnchen-3ya.example"),
        ] {
            let mailbox = parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!(mailbox.to_string(), shown, "{text}");
        }
        for text in ["", "ann", "a b@x.y", "<>", "a@", "@x.y", "a@x y", "a@x.y>\r\nRCPT TO:<b@x.y"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_ignore_empty_items() {
        let list = list("b@x.y, c@x.y,,b@x.y,").unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(envelope(&list), ["b@x.y", "c@x.y"]);
        assert!(super::list(" , ").is_err());
    }
}
