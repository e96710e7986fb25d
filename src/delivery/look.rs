//! How a bot looks in a chat: the rules for emoji and images that chat services share.

use dodona_value::url::Url;

/// Whether `icon` names an emoji: `:ship:`.
pub fn is_emoji(icon: &str) -> bool {
    icon.len() > 2 && icon.starts_with(':') && icon.ends_with(':') && !icon.contains('\n')
}

/// Whether `image` is an absolute http(s) URL, as upstream reads it: the receiver decides about the rest.
pub fn is_image(image: &str) -> bool {
    Url::parse(image.as_bytes())
        .is_ok_and(|url| matches!(url.scheme.as_slice(), b"http" | b"https") && !url.host.is_empty())
}
