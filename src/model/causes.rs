//! What an error says together with what caused it.

use std::error::Error;

/// The message of an error and those of its causes in one line, each said once: libraries put what matters at the end.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string);
    causes.fold(
        error.to_string(),
        |text, cause| {
            if text.contains(&cause) { text } else { format!("{text}: {cause}") }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Told>>);

    fn told(words: &[&'static str]) -> Told {
        let (first, rest) = words.split_first().unwrap();
        Told(first, (!rest.is_empty()).then(|| Box::new(told(rest))))
    }

    #[test]
    fn each_cause_is_said_once() {
        assert_eq!(with_causes(&told(&["no answer"])), "no answer");
        assert_eq!(
            with_causes(&told(&["no answer", "refused: reset", "reset"])),
            "no answer: refused: reset"
        );
    }
}
