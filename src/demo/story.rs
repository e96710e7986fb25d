//! What happens in the demo: a few steps, each of which changes one manifest, and what must arrive because of it.

use super::clock;

/// One change of one manifest.
pub(crate) struct Step {
    /// What happens, as the terminal tells it.
    pub(crate) what: &'static str,
    /// The manifest that changes.
    pub(crate) file: &'static str,
    /// Values of the manifest's placeholders.
    pub(crate) values: &'static [(&'static str, &'static str)],
    /// What must arrive, each exactly once.
    pub(crate) expect: &'static [Expected],
}

/// A notification that must arrive.
#[derive(Debug)]
pub(crate) struct Expected {
    /// `slack`, `webhook` or `email`.
    pub(crate) service: &'static str,
    /// Channel, path or address.
    pub(crate) to: &'static str,
    /// A part of its title or text that only this notification has.
    pub(crate) says: &'static str,
}

/// The manifests as they are when the demo begins: nothing is worth telling yet.
pub(crate) const BEGINNING: &[(&str, &[(&str, &str)])] = &[
    ("argocd-notifications-cm.yaml", &[]),
    ("argocd-notifications-secret.yaml", &[]),
    ("argo-rollouts-notification-configmap.yaml", &[]),
    ("argo-rollouts-notification-secret.yaml", &[]),
    ("guestbook.yaml", &[("@HEALTH@", "Healthy"), ("@SYNC@", "OutOfSync"), ("@OPERATION@", "")]),
    ("shop.yaml", &[("@HEALTH@", "Healthy"), ("@CONDITIONS@", "")]),
    ("checkout.yaml", &[("@PHASE@", "Progressing"), ("@STEP@", "0"), ("@STABLE@", "58c4d7f96")]),
];

const RUNNING: &str = "  operationState:\n    phase: Running\n    startedAt: \"@NOW@\"\n    syncResult:\n      revision: 4f2a9c7e1b0d6385a7c4e9f01b2d3c4e5f607182\n";
const SUCCEEDED: &str = "  operationState:\n    phase: Succeeded\n    startedAt: \"@BEFORE@\"\n    finishedAt: \"@NOW@\"\n    message: successfully synced (all tasks run)\n    syncResult:\n      revision: 4f2a9c7e1b0d6385a7c4e9f01b2d3c4e5f607182\n";
const CONDITIONS: &str = "  conditions:\n    - type: ComparisonError\n      message: \"deployment \\\"web\\\" exceeded its progress deadline:\\nimage registry.example.org/shop/web:9.1 cannot be pulled\"\n";

/// The story.
pub(crate) const STORY: &[Step] = &[
    Step {
        what: "guestbook: a sync begins",
        file: "guestbook.yaml",
        values: &[("@HEALTH@", "Healthy"), ("@SYNC@", "OutOfSync"), ("@OPERATION@", RUNNING)],
        expect: &[Expected {
            service: "slack",
            to: "#deployments",
            says: "The sync of application guestbook began",
        }],
    },
    Step {
        what: "guestbook: the sync succeeds, the new pods are starting",
        file: "guestbook.yaml",
        values: &[("@HEALTH@", "Progressing"), ("@SYNC@", "Synced"), ("@OPERATION@", SUCCEEDED)],
        expect: &[Expected {
            service: "slack",
            to: "#deployments",
            says: "Application guestbook was synced",
        }],
    },
    Step {
        what: "guestbook: the new version is healthy",
        file: "guestbook.yaml",
        values: &[("@HEALTH@", "Healthy"), ("@SYNC@", "Synced"), ("@OPERATION@", SUCCEEDED)],
        expect: &[
            Expected {
                service: "slack",
                to: "#deployments",
                says: "Application guestbook runs its new version",
            },
            Expected {
                service: "email",
                to: "team-web@example.org",
                says: "Application guestbook runs its new version",
            },
            Expected { service: "webhook", to: "/webhook/deploy-log", says: "\"app\": \"guestbook\"" },
        ],
    },
    Step {
        what: "shop: an image cannot be pulled",
        file: "shop.yaml",
        values: &[("@HEALTH@", "Degraded"), ("@CONDITIONS@", CONDITIONS)],
        expect: &[
            Expected { service: "slack", to: "#on-call", says: "Application shop is degraded" },
            Expected { service: "email", to: "on-call@example.org", says: "Application shop is degraded" },
        ],
    },
    Step {
        what: "checkout: the canary takes 25 % of the traffic",
        file: "checkout.yaml",
        values: &[("@PHASE@", "Progressing"), ("@STEP@", "1"), ("@STABLE@", "58c4d7f96")],
        expect: &[Expected {
            service: "slack",
            to: "#rollouts",
            says: "Rollout checkout finished step 1 of 2",
        }],
    },
    Step {
        what: "checkout: the rollout is complete",
        file: "checkout.yaml",
        values: &[("@PHASE@", "Healthy"), ("@STEP@", "2"), ("@STABLE@", "6f9d8b7c5")],
        expect: &[
            Expected { service: "slack", to: "#rollouts", says: "Rollout checkout finished step 2 of 2" },
            Expected { service: "slack", to: "#rollouts", says: "Rollout checkout is complete" },
        ],
    },
];

/// Addresses that the manifests name.
pub(crate) struct Addresses {
    /// Host and port of the inbox.
    pub(crate) http: String,
    /// Port of its mail server.
    pub(crate) smtp: u16,
}

/// The text of the manifest `file` with its placeholders filled in.
pub(crate) fn manifest(file: &str, values: &[(&str, &str)], addresses: &Addresses) -> String {
    let mut text = template(file).to_owned();
    for (placeholder, value) in values {
        text = text.replace(placeholder, value);
    }
    text.replace("@INBOX@", &addresses.http)
        .replace("@SMTP@", &addresses.smtp.to_string())
        .replace("@TOKEN@", super::SLACK_TOKEN)
        .replace("@NOW@", &clock::rfc3339(0))
        .replace("@BEFORE@", &clock::rfc3339(20))
}

fn template(file: &str) -> &'static str {
    match file {
        "argocd-notifications-cm.yaml" => include_str!("manifests/argocd-notifications-cm.yaml"),
        "argocd-notifications-secret.yaml" => include_str!("manifests/argocd-notifications-secret.yaml"),
        "argo-rollouts-notification-configmap.yaml" => {
            include_str!("manifests/argo-rollouts-notification-configmap.yaml")
        }
        "argo-rollouts-notification-secret.yaml" => {
            include_str!("manifests/argo-rollouts-notification-secret.yaml")
        }
        "guestbook.yaml" => include_str!("manifests/guestbook.yaml"),
        "shop.yaml" => include_str!("manifests/shop.yaml"),
        "checkout.yaml" => include_str!("manifests/checkout.yaml"),
        _ => "",
    }
}
