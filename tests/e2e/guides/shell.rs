//! The reader's shell: commands as they stand on the page, in a folder that is the clone, and what they print.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use regex::Regex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::pages::root;
use crate::run::terminate;

/// The longest that a command may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A shell with a folder of its own, in which `dodona` is the clone and the first place to be.
pub(crate) struct Shell {
    folder: tempfile::TempDir,
    /// A folder of programs that come first.
    programs: Option<PathBuf>,
    kubeconfig: Option<PathBuf>,
    mapping: Mapping,
}

/// What a command printed, both streams together, and whether it ended well.
pub(crate) struct Outcome {
    pub(crate) printed: String,
    pub(crate) well: bool,
}

impl Shell {
    /// A shell that knows of no cluster.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let clone = folder.path().join("dodona");
        std::fs::create_dir(&clone)?;
        for entry in std::fs::read_dir(root())? {
            let entry = entry?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && entry.file_name() != "target" {
                std::os::unix::fs::symlink(entry.path(), clone.join(entry.file_name()))?;
            }
        }
        let shell = Self { folder, programs: None, kubeconfig: None, mapping: Mapping::new()? };
        shell.go_home()?;
        Ok(shell)
    }

    fn clone_of_project(&self) -> PathBuf {
        self.folder.path().join("dodona")
    }

    fn go_home(&self) -> anyhow::Result<()> {
        let home = self.clone_of_project();
        Ok(std::fs::write(self.folder.path().join(".pwd"), home.to_string_lossy().as_bytes())?)
    }

    /// From here on the reader has this cluster, or none, and is in the clone again; `files` are copied there.
    pub(crate) fn switch(&mut self, kubeconfig: Option<&Path>, files: &Path) -> anyhow::Result<()> {
        self.kubeconfig = kubeconfig.map(Path::to_owned);
        self.programs = kubeconfig.and_then(Path::parent).map(Path::to_owned);
        if files.exists() {
            let copied = std::process::Command::new("cp")
                .arg("-r")
                .arg(files.join("."))
                .arg(self.clone_of_project())
                .status()?;
            ensure!(copied.success(), "copying {}", files.display());
        }
        self.go_home()
    }

    fn variables(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let ours = Path::new(env!("CARGO_BIN_EXE_dodona")).parent().map(text);
        let path: Vec<String> = self.programs.as_deref().map(text).into_iter().chain(ours).collect();
        let mut variables = vec![
            ("PATH".to_owned(), format!("{}:/usr/bin:/bin", path.join(":"))),
            ("HOME".to_owned(), text(self.folder.path())),
            ("TZ".to_owned(), "UTC".to_owned()),
        ];
        variables.extend(self.kubeconfig.as_deref().map(|path| ("KUBECONFIG".to_owned(), text(path))));
        variables
    }

    /// Where the reader is.
    fn here(&self) -> anyhow::Result<PathBuf> {
        Ok(PathBuf::from(std::fs::read_to_string(self.folder.path().join(".pwd"))?.trim_end()))
    }

    /// The reader writes what the page shows into a file; what was mapped is said.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<Vec<String>> {
        let path = self.here()?.join(name);
        let clone = self.clone_of_project();
        let depth =
            path.parent().context("no folder")?.strip_prefix(self.folder.path())?.components().count();
        let to = format!("{}dodona/$1", "../".repeat(depth));
        std::fs::create_dir_all(path.parent().unwrap_or(&clone))?;
        let (text, said) = self.mapping.apply(text, &to);
        // Never through one of the links into the clone.
        if path.is_symlink() || std::fs::canonicalize(path.parent().unwrap_or(&clone))?.starts_with(root()) {
            bail!("the page writes into the clone: {name}");
        }
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(said)
    }

    /// Runs a command until it ends or, with `until`, until it has printed that; what was mapped is said.
    pub(crate) async fn run(
        &self,
        command: &str,
        until: Option<&str>,
    ) -> anyhow::Result<(Outcome, Vec<String>)> {
        let (command, said) = self.mapping.apply(command, &format!("{}/$1", root().display()));
        let after = format!("; status=$?; pwd > {}/.pwd; exit $status", self.folder.path().display());
        let script = match until {
            Some(_) => format!("exec 2>&1; exec {command}"),
            None => format!("exec 2>&1\n{command}\n{}", after.trim_start_matches("; ")),
        };
        let mut child = Command::new("bash")
            .args(["-c", &script])
            .current_dir(self.here()?)
            .env_clear()
            .envs(self.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting bash")?;
        let outcome = tokio::time::timeout(PATIENCE, read(&mut child, until)).await;
        let printed = outcome.with_context(|| format!("`{command}` does not end"))??;
        let well = match until {
            // How a program that runs for ever ends when it is asked to is not what the page is about.
            Some(_) => terminate(child).await.map(|_| true)?,
            None => child.wait().await?.success(),
        };
        Ok((Outcome { printed, well }, said))
    }
}

/// What `child` prints, up to its end or to the line with `until`.
async fn read(child: &mut Child, until: Option<&str>) -> anyhow::Result<String> {
    let mut output = BufReader::new(child.stdout.take().context("no output")?);
    let mut printed = String::new();
    let Some(until) = until else {
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).await?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    };
    while output.read_line(&mut printed).await? > 0 {
        if printed.contains(until) {
            // It may go on to print, and is not to fail because nobody listens.
            tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
            return Ok(printed);
        }
    }
    bail!("it ended and did not print `{until}`:\n{printed}")
}

/// What a reader has and a test has not: the project's own repository under its address, and Cargo for one run.
struct Mapping {
    remote: Regex,
}

/// How the README runs the program.
const RUN: &str = "cargo run --release -- ";

impl Mapping {
    fn new() -> anyhow::Result<Self> {
        let remote = r"https://[\w.-]+(?:/[\w.-]+)*/dodona(?:\.git)?//([\w./-]+)(?:\?ref=[\w.-]+)?";
        Ok(Self { remote: Regex::new(remote)? })
    }

    fn apply(&self, text: &str, to: &str) -> (String, Vec<String>) {
        let mut said: Vec<String> = self
            .remote
            .captures_iter(text)
            .map(|found| format!("{} is the clone's {}", &found[0], &found[1]))
            .collect();
        let text = self.remote.replace_all(text, to);
        if text.contains(RUN) {
            said.push(format!("`{RUN}…` is the program as it is built for the tests"));
        }
        (text.replace(RUN, "dodona "), said)
    }
}

/// The commands of a block, each with the output that the page shows below it.
pub(crate) fn commands(language: &str, text: &str) -> Vec<(String, Option<String>)> {
    if language == "console" {
        let steps = format!("\n{text}");
        let split = |step: &str| {
            let (command, wanted) = step.split_once('\n').unwrap_or((step, ""));
            (command.to_owned(), Some(wanted.to_owned()))
        };
        return steps.split("\n$ ").skip(1).map(split).collect();
    }
    let mut all: Vec<(String, Option<String>)> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut command = line.to_owned();
        let mut more = |command: &mut String| {
            let next = lines.next();
            next.inspect(|next| {
                command.push('\n');
                command.push_str(next);
            })
        };
        while command.ends_with('\\') && more(&mut command).is_some() {}
        if let Some((_, word)) = line.split_once("<<") {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            while more(&mut command).is_some_and(|next| next != word) {}
        }
        all.push((command, None));
    }
    all
}

/// Whether `printed` is what the page shows: `…` in a line stands for anything, a line of it for any lines.
pub(crate) fn shows(wanted: &str, printed: &str) -> bool {
    let lines =
        |text: &str| text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    lines_fit(&lines(wanted), &lines(printed))
}

fn lines_fit(wanted: &[String], printed: &[String]) -> bool {
    match (wanted.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((line, rest)), _) if line == "…" => {
            (0..=printed.len()).any(|at| lines_fit(rest, &printed[at..]))
        }
        (Some((line, rest)), Some((there, others))) => line_fits(line, there) && lines_fit(rest, others),
        _ => false,
    }
}

fn line_fits(wanted: &str, there: &str) -> bool {
    let parts: Vec<String> = wanted.split('…').map(regex::escape).collect();
    Regex::new(&format!("^{}$", parts.join(".*"))).is_ok_and(|pattern| pattern.is_match(there))
}

#[test]
fn what_a_page_leaves_open_is_open_and_nothing_else() {
    let printed = "a 1 b\nmore\nand more\nthe end\n";
    for (wanted, fits) in [
        ("a 1 b\nmore\nand more\nthe end", true),
        ("a … b\n…\nthe end", true),
        ("…\nthe end\n…", true),
        ("a … c\n…", false),
        ("a 1 b\n…\nand", false),
        ("…", true),
        ("", false),
    ] {
        assert_eq!(shows(wanted, printed), fits, "{wanted}");
    }
    let block = "one \\\n  two\n\n# said\ncat <<EOF\nthree\nEOF\nfour\n";
    let found: Vec<String> = commands("sh", block).into_iter().map(|(command, _)| command).collect();
    assert_eq!(found, ["one \\\n  two", "cat <<EOF\nthree\nEOF", "four"]);
}
