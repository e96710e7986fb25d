//! The names under which upstream's programs are called (core 7.1): a link to `dodona` by one of them does the same.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The arguments as `dodona` itself takes them. `server` is the value of `ARGOCD_NOTIFICATIONS_BINARY`, the old product's way
/// to say which of its programs is meant.
pub(super) fn arguments(given: &[OsString], server: Option<&str>) -> Vec<OsString> {
    let name = server.map(OsStr::new).or_else(|| given.first().and_then(|path| Path::new(path).file_stem()));
    let name = name.and_then(OsStr::to_str).unwrap_or_default();
    let rest = given.get(1..).unwrap_or_default();
    let begins =
        |words: &[&str]| rest.len() >= words.len() && rest.iter().zip(words).all(|(one, other)| one == other);
    let (words, rest): (&[&str], &[OsString]) = match name {
        "argocd" if begins(&["admin", "notifications"]) => (&["app"], rest.get(2..).unwrap_or_default()),
        "kubectl-argo-rollouts" => (&["rollouts"], rest),
        // One name, two programs: the tool of the old product and the controller of Argo CD.
        "argocd-notifications" if is_tool(rest) => (&["app"], rest),
        "argocd-notifications" => (&["controller"], rest),
        // The server of the old product names its part itself.
        _ => (&[], rest),
    };
    let program = std::iter::once(OsString::from("dodona"));
    program.chain(words.iter().map(OsString::from)).chain(rest.iter().cloned()).collect()
}

/// Whether arguments are those of the tool. Its flags may stand in front of its commands; the controller takes no words of
/// its own, but a value of one of its flags may be such a word.
fn is_tool(arguments: &[OsString]) -> bool {
    const TREE: &[(&str, &[&str])] = &[("trigger", &["get", "run"]), ("template", &["get", "notify"])];
    let group = |word: &OsString| TREE.iter().find(|(group, _)| word == group);
    let commands = |pair: &[OsString]| match pair {
        [word, next] => {
            group(word).is_some_and(|(_, commands)| commands.iter().any(|command| next == command))
        }
        _ => false,
    };
    arguments.first().and_then(group).is_some() || arguments.windows(2).any(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_recognised_by_their_names() {
        for (line, server, wanted) in [
            ("dodona app trigger get", None, "dodona app trigger get"),
            (
                "/usr/local/bin/argocd admin notifications template get -o name",
                None,
                "dodona app template get -o name",
            ),
            ("argocd app list", None, "dodona app list"),
            (
                "kubectl-argo-rollouts notifications trigger get",
                None,
                "dodona rollouts notifications trigger get",
            ),
            ("/app/argocd-notifications template notify t app", None, "dodona app template notify t app"),
            (
                "/usr/local/bin/argocd-notifications --loglevel debug",
                None,
                "dodona controller --loglevel debug",
            ),
            ("/usr/local/bin/argocd-notifications", None, "dodona controller"),
            (
                "argocd-notifications --config-map cm.yaml --secret :empty trigger get",
                None,
                "dodona app --config-map cm.yaml --secret :empty trigger get",
            ),
            ("argocd-notifications trigger", None, "dodona app trigger"),
            ("argocd-notifications --namespace trigger", None, "dodona controller --namespace trigger"),
            ("/app/argocd-notifications-backend controller -n x", None, "dodona controller -n x"),
            (
                "/app/argocd-notifications controller",
                Some("argocd-notifications-backend"),
                "dodona controller",
            ),
            ("", None, "dodona"),
        ] {
            let given: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            let got: Vec<String> =
                arguments(&given, server).iter().map(|word| word.to_string_lossy().into_owned()).collect();
            assert_eq!(got.join(" "), wanted, "{line}");
        }
    }
}
