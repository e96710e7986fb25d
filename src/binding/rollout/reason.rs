//! From the reason of an event to the name of its trigger (core 6.4).

/// `RolloutCompleted` → `on-rollout-completed`, `PatchingALBIngress` → `on-patching-alb-ingress`.
pub fn trigger_name(reason: &str) -> String {
    let text: Vec<char> = reason.chars().collect();
    let text = split_lower(&split_words(&text));
    format!("on-{}", text.into_iter().collect::<String>().to_lowercase())
}

/// A `-` between any character and a capital that small letters follow, left to right: what was matched once does not
/// match again.
fn split_words(text: &[char]) -> Vec<char> {
    let at = |index: usize| text.get(index).copied().unwrap_or_default();
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut index = 0;
    while index < text.len() {
        out.push(at(index));
        let word =
            at(index) != '\n' && at(index + 1).is_ascii_uppercase() && at(index + 2).is_ascii_lowercase();
        index += 1;
        if word {
            out.extend(['-', at(index)]);
            index += 1;
            while at(index).is_ascii_lowercase() {
                out.push(at(index));
                index += 1;
            }
        }
    }
    out
}

/// A `-` between a small letter or a digit and a capital.
fn split_lower(text: &[char]) -> Vec<char> {
    let mut out: Vec<char> = Vec::with_capacity(text.len() + 8);
    for &character in text {
        let after_lower = out.last().is_some_and(|last| last.is_ascii_lowercase() || last.is_ascii_digit());
        if after_lower && character.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_upstreams() {
        for (reason, name) in [
            ("RolloutCompleted", "on-rollout-completed"),
            ("ScalingReplicaSet", "on-scaling-replica-set"),
            ("PatchingALBIngress", "on-patching-alb-ingress"),
            ("HTTPServerError", "on-http-server-error"),
            ("A1B2", "on-a1-b2"),
            ("ABCDef", "on-abc-def"),
            ("ABC", "on-abc"),
            ("aB", "on-a-b"),
            ("Step2Done", "on-step2-done"),
            ("rolloutcompleted", "on-rolloutcompleted"),
            ("Updated VirtualService", "on-updated -virtual-service"),
            ("AbCdEf", "on-ab-cd-ef"),
            ("", "on-"),
        ] {
            assert_eq!(trigger_name(reason), name);
        }
    }
}
