//! Bytes of a file to text: UTF-8, or UTF-16 where a byte order mark says so (a redirection in PowerShell writes it).

use crate::model::{NodeError, Position};

/// The text of a file, without a byte order mark. The error names the first byte that is no text.
pub fn decode(bytes: Vec<u8>) -> Result<String, NodeError> {
    let units: Option<fn([u8; 2]) -> u16> = match bytes.get(..2) {
        Some([0xff, 0xfe]) => Some(u16::from_le_bytes),
        Some([0xfe, 0xff]) => Some(u16::from_be_bytes),
        _ => None,
    };
    if let Some(unit) = units {
        let pairs = bytes.get(2..).unwrap_or_default().chunks_exact(2);
        let units: Vec<u16> = pairs.filter_map(|pair| Some(unit([*pair.first()?, *pair.get(1)?]))).collect();
        return String::from_utf16(&units).map_err(|_| {
            refused(
                Position { line: 1, column: 1 },
                "the file begins as UTF-16 and is none; save it as UTF-8",
            )
        });
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Ok(text)
        }
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let before =
                String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default()).into_owned();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Err(refused(Position { line, column }, "a byte that is no UTF-8; save the file as UTF-8"))
        }
    }
}

fn refused(at: Position, message: &str) -> NodeError {
    NodeError::new(at, message).rule("yaml-syntax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_every_editor_are_read() {
        let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect()
        };
        let text = "kind: é 🚀\r\n";
        for bytes in [
            text.as_bytes().to_vec(),
            ["\u{feff}", text].concat().into_bytes(),
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
        ] {
            assert_eq!(decode(bytes).unwrap(), text);
        }
        assert_eq!(decode(Vec::new()).unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        let error = decode(b"a: b\nc: \xe9t\xe9\n".to_vec()).unwrap_err();
        assert_eq!((error.at.line, error.at.column), (2, 4));
        assert!(decode(vec![0xff, 0xfe, 0x00, 0xd8]).is_err());
    }
}
