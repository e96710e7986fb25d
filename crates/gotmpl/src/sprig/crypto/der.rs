//! As much of DER as keys and certificates need: writing elements, and walking over them.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_ID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// An element: its tag, its length and its parts.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
            let digits = bytes.get(significant..).unwrap_or_default();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            out.extend_from_slice(digits);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A whole number that is not negative, from its big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let significant = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let digits = bytes.get(significant..).unwrap_or_default();
    // A leading zero keeps the number from being taken for a negative one, and zero has one digit.
    let zero: &[u8] = if digits.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[zero, digits])
}

/// A bit string of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// An object identifier from its encoded content.
pub(super) fn object(id: &[u8]) -> Vec<u8> {
    element(OBJECT_ID, &[id])
}

/// An element that was read.
#[derive(Clone, Copy)]
pub(super) struct Element<'d> {
    pub(super) tag: u8,
    pub(super) content: &'d [u8],
    /// Tag, length and content.
    pub(super) whole: &'d [u8],
}

/// The elements in a content, one after the other; ends at the first that is damaged.
pub(super) struct Elements<'d>(pub(super) &'d [u8]);

impl<'d> Iterator for Elements<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        let (tag, after_tag) = self.0.split_first()?;
        let (first, after_length) = after_tag.split_first()?;
        let (length, content) = if *first < 0x80 {
            (usize::from(*first), after_length)
        } else {
            let (digits, content) = after_length
                .split_at_checked(usize::from(first & 0x7f))
                .filter(|(digits, _)| digits.len() <= 4)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), content)
        };
        let (content, rest) = content.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Element { tag: *tag, content, whole })
    }
}

/// The content of the one element with this tag that the bytes start with.
pub(super) fn content(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    Elements(bytes).next().filter(|element| element.tag == tag).map(|element| element.content)
}
