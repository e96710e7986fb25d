//! PEM blocks.

use super::super::base64;

/// A block with its kind (`CERTIFICATE`) and content.
pub(super) struct Block {
    pub(super) kind: String,
    pub(super) content: Vec<u8>,
}

/// Writes a block, 64 characters a line.
pub(super) fn encode(kind: &str, content: &[u8]) -> String {
    let body = base64::encode(content);
    let lines: Vec<_> = body.chunks(64).map(String::from_utf8_lossy).collect();
    let mut text = format!("-----BEGIN {kind}-----\n");
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text + &format!("-----END {kind}-----\n")
}

/// The first block in a text; headers in it are skipped.
pub(super) fn decode(text: &[u8]) -> Option<Block> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().map(str::trim_end);
    let kind = lines.by_ref().find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))?;
    let end = format!("-----END {kind}-----");
    let mut body = String::new();
    for line in lines {
        if line == end {
            let content = base64::decode(body.as_bytes()).ok()?;
            return Some(Block { kind: kind.to_owned(), content });
        }
        if !line.contains(':') {
            body.push_str(line.trim());
        }
    }
    None
}
