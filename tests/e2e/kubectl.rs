//! kubectl, as an administrator runs it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

/// kubectl with an administrator's rights.
#[derive(Clone)]
pub(crate) struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Kubectl {
    /// The one that lies beside the kubeconfig, as the tests' own server has it, else the one on PATH.
    pub(crate) fn beside(kubeconfig: &Path) -> Self {
        let beside = kubeconfig.with_file_name("kubectl");
        let program = if beside.exists() { beside } else { PathBuf::from("kubectl") };
        Self { program, kubeconfig: kubeconfig.to_owned() }
    }

    /// Runs it; what it printed, and its warnings.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> anyhow::Result<(String, String)> {
        let mut child = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting kubectl")?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "kubectl {}: {told}", arguments.join(" "));
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), told))
    }

    /// Applies a manifest with strict validation; a warning is a failure.
    pub(crate) fn apply(&self, manifest: &Value) -> anyhow::Result<()> {
        let outcome = self.apply_all(&manifest.to_string());
        outcome.with_context(|| format!("applying {} {}", manifest["kind"], manifest["metadata"]["name"]))
    }

    /// The same with a text of several.
    pub(crate) fn apply_all(&self, manifests: &str) -> anyhow::Result<()> {
        let strictly = ["--validate=strict", "--warnings-as-errors", "--server-side", "--force-conflicts"];
        let (_, told) = self.run(&[&["apply", "-f", "-"], &strictly[..]].concat(), manifests)?;
        ensure!(!told.contains("Warning"), "{told}");
        Ok(())
    }
}
