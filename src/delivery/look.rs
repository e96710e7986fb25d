//! How a bot looks in a chat: the rules for emoji and images that chat services share.

use super::request::parse_url;

/// Whether `icon` names an emoji: `:ship:`.
pub fn is_emoji(icon: &str) -> bool {
    icon.len() > 2 && icon.starts_with(':') && icon.ends_with(':') && !icon.contains('\n')
}

/// Whether `image` is an absolute http(s) URL.
pub fn is_image(image: &str) -> bool {
    parse_url(image).is_ok()
}
