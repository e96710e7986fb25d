//! The guides, run as they stand (`e2e/guides/README.md`): each page is a scenario, its commands run from top to bottom on a
//! cluster of its own, and what they print is compared with what the page shows. A command that the tests cannot run has its
//! reason on the page.

mod internet;
mod kubelet;
mod shell;
mod world;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use tokio::time::sleep;

use crate::cluster::kubeconfig;
use crate::pages::{Block, Item, Page, pages, root};
use crate::run::{PATIENCE, QUIET};
use shell::{Shell, commands, shows};
pub(crate) use world::Server;
use world::World;

/// Languages of blocks that are no commands; those without a language show what something prints, or draw.
const OTHERS: &[&str] = &["yaml", "yml", "json", "bad", "text", ""];
/// Languages of blocks of commands.
const COMMANDS: &[&str] = &["sh", "console"];
/// What a command in a sentence begins with.
const PROGRAMS: &[&str] = &["kubectl ", "dodona ", "docker ", "cargo ", "curl ", "kustomize ", "helm "];

/// A mark of a page (`e2e/guides/README.md`).
enum Mark<'p> {
    On(&'p str),
    Then(&'p str),
    Fails,
    Until(&'p str),
    NotRun { command: Option<&'p str>, why: &'p str },
}

impl<'p> Mark<'p> {
    fn read(text: &'p str) -> anyhow::Result<Self> {
        Ok(match text.split_once(' ').unwrap_or((text, "")) {
            ("on", name) => Self::On(name),
            ("then", name) => Self::Then(name),
            ("fails", "") => Self::Fails,
            ("until", text) => Self::Until(text),
            ("not", rest) => {
                let (what, why) = rest.split_once(", because ").context("a reason is missing")?;
                let what = what.strip_prefix("run").context("`not run` is the only thing not to do")?;
                let command = what.trim().strip_prefix('`').and_then(|what| what.strip_suffix('`'));
                ensure!(what.is_empty() || command.is_some(), "the command wants ticks around it");
                Self::NotRun { command, why }
            }
            _ => bail!("no such mark"),
        })
    }
}

fn marks(page: &Page) -> anyhow::Result<Vec<(usize, Mark<'_>)>> {
    let of_item = |(at, item)| match item {
        &Item::Mark(line, ref text) => Some(
            Mark::read(text).map(|mark| (at, mark)).with_context(|| format!("{}:{line}: {text}", page.name)),
        ),
        _ => None,
    };
    page.items.iter().enumerate().filter_map(of_item).collect()
}

fn wants_cluster(page: &Page) -> bool {
    marks(page).is_ok_and(|marks| marks.iter().any(|(_, mark)| matches!(mark, Mark::On(_))))
}

fn has_commands(page: &Page) -> bool {
    page.items
        .iter()
        .any(|item| matches!(item, Item::Block(block) if COMMANDS.contains(&block.language.as_str())))
}

/// A page that is being played.
struct Play<'p> {
    page: &'p Page,
    shell: Shell,
    world: Option<World>,
    next: Next<'p>,
    skipped: Vec<(&'p str, &'p str)>,
    last: Option<(String, String)>,
    counts: Counts,
}

/// What the marks above a block say of it.
#[derive(Default)]
struct Next<'p> {
    fails: bool,
    until: Option<&'p str>,
    not_run: Option<&'p str>,
}

/// What was done.
#[derive(Default)]
struct Counts {
    run: usize,
    compared: usize,
    messages: usize,
    notes: BTreeSet<String>,
}

impl<'p> Play<'p> {
    fn new(page: &'p Page) -> anyhow::Result<Self> {
        let skipped = marks(page)?.into_iter().filter_map(|(_, mark)| match mark {
            Mark::NotRun { command: Some(command), why } => Some((command, why)),
            _ => None,
        });
        Ok(Self {
            page,
            shell: Shell::new()?,
            world: None,
            next: Next::default(),
            skipped: skipped.collect(),
            last: None,
            counts: Counts::default(),
        })
    }

    async fn play(&mut self) -> anyhow::Result<()> {
        let page = self.page;
        for item in &page.items {
            match item {
                Item::Mark(line, text) => {
                    let outcome = self.mark(Mark::read(text)?).await;
                    outcome.with_context(|| format!("{}:{line}: {text}", page.name))?;
                }
                Item::Block(block) => {
                    self.block(block).await.with_context(|| block.place.clone())?;
                    self.next = Next::default();
                }
                Item::Span(..) => {}
            }
        }
        self.end().await
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        if let Some(world) = self.world.take() {
            world.end().await?;
        }
        Ok(())
    }

    async fn mark(&mut self, mark: Mark<'p>) -> anyhow::Result<()> {
        match mark {
            Mark::On(name) => {
                self.end().await?;
                if name == "nothing" {
                    self.shell.switch(None, Path::new(""))?;
                } else {
                    let world = World::start(name).await?;
                    self.shell.switch(Some(&world.server.kubeconfig), &world.files())?;
                    self.world = Some(world);
                }
            }
            Mark::Then(name) => {
                let world = self.world.as_mut().context("no cluster yet: `on NAME` comes first")?;
                self.counts.messages += world.then(name).await?;
            }
            Mark::Fails => self.next.fails = true,
            Mark::Until(text) => self.next.until = Some(text),
            Mark::NotRun { command: None, why } => self.next.not_run = Some(why),
            Mark::NotRun { .. } => {}
        }
        Ok(())
    }

    async fn block(&mut self, block: &Block) -> anyhow::Result<()> {
        let language = block.language.as_str();
        if let Some(name) = block.file() {
            let said = self.shell.write(name, &block.text)?;
            self.counts.notes.extend(said);
        } else if language == "text" {
            let (command, printed) = self.last.take().context("a text that shows what no command printed")?;
            let printed = self.once_more(&command, &block.text, printed).await?;
            self.compare(&command, &block.text, &printed)?;
        } else if COMMANDS.contains(&language) {
            if let Some(why) = self.next.not_run {
                let first = block.text.lines().next().unwrap_or_default();
                self.counts.notes.insert(format!("not run: `{first}`, because {why}"));
                return Ok(());
            }
            let all = commands(language, &block.text);
            let last = all.len().saturating_sub(1);
            for (at, (command, wanted)) in all.into_iter().enumerate() {
                self.command(&command, wanted.as_deref(), at == last).await?;
            }
        } else {
            ensure!(OTHERS.contains(&language), "nothing is known about blocks of `{language}`");
        }
        Ok(())
    }

    async fn command(&mut self, command: &str, wanted: Option<&str>, last: bool) -> anyhow::Result<()> {
        self.last = None;
        if let Some((_, why)) = self.skipped.iter().find(|(skipped, _)| *skipped == command) {
            self.counts.notes.insert(format!("not run: `{command}`, because {why}"));
            return Ok(());
        }
        let (outcome, said) = self.shell.run(command, self.next.until).await?;
        self.counts.notes.extend(said);
        if let Some(world) = &mut self.world {
            world.kubelet.settle().await?;
        }
        // What a session shows of a failure is compared; elsewhere a command that fails has to be marked.
        let fails = self.next.fails && last;
        ensure!(
            wanted.is_some() || outcome.well != fails,
            "`{command}` {}:\n{}",
            if fails { "was to fail and did not" } else { "fails" },
            outcome.printed
        );
        self.counts.run += 1;
        if let Some(wanted) = wanted {
            self.compare(command, wanted, &outcome.printed)?;
        }
        self.last = Some((command.to_owned(), outcome.printed));
        Ok(())
    }

    /// What a question prints after all: what it asks about may come a moment later, as with Events and logs.
    async fn once_more(&self, command: &str, wanted: &str, mut printed: String) -> anyhow::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        let is_question = [" get ", " describe ", " logs "].iter().any(|verb| command.contains(verb));
        while is_question && !shows(wanted, &printed) && Instant::now() < deadline {
            sleep(QUIET).await;
            printed = self.shell.run(command, None).await?.0.printed;
        }
        Ok(printed)
    }

    fn compare(&mut self, command: &str, wanted: &str, printed: &str) -> anyhow::Result<()> {
        ensure!(shows(wanted, printed), "$ {command}\n--- the page\n{wanted}\n--- the program\n{printed}");
        self.counts.compared += 1;
        Ok(())
    }
}

/// Plays these pages; says what ran, and what did not.
async fn play_all(pages: &[&Page]) {
    let only = std::env::var_os("DODONA_GUIDE").unwrap_or_default();
    let only = only.to_string_lossy();
    let mut failures = Vec::new();
    for page in pages.iter().filter(|page| page.name.contains(&*only)) {
        let mut play = Play::new(page).unwrap();
        let outcome = play.play().await;
        let Counts { run, compared, messages, notes } = &play.counts;
        println!("commands of {}: {run} passed, {} failed", page.name, usize::from(outcome.is_err()));
        if compared + messages > 0 {
            println!("{}: {compared} outputs as shown, {messages} messages arrived", page.name);
        }
        for note in notes {
            println!("{}: {note}", page.name);
        }
        if let Err(error) = outcome {
            let said = play.world.as_ref().map(|world| world.kubelet.said()).unwrap_or_default();
            failures.push(format!("{}: {error:#}\n{said}", page.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_that_need_no_cluster() {
    let pages = pages();
    let pages: Vec<&Page> = pages.iter().filter(|page| has_commands(page) && !wants_cluster(page)).collect();
    assert!(!pages.is_empty(), "no page has a command: the test reads the wrong place");
    play_all(&pages).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guides_on_a_real_api_server() {
    let Some(kubeconfig) = kubeconfig("guides") else { return };
    if !Server::possible(&kubeconfig) {
        println!("guides on a real API server: not run, because each wants a cluster of its own");
        return;
    }
    rustls::crypto::ring::default_provider().install_default().ok();
    let pages = pages();
    let pages: Vec<&Page> = pages.iter().filter(|page| wants_cluster(page)).collect();
    assert!(!pages.is_empty(), "no guide wants a cluster: the test reads the wrong place");
    play_all(&pages).await;
}

/// Every block is one that the tests know what to do with, every mark is one, and every command in a sentence is run on some
/// page, or says why not.
#[test]
fn nothing_on_the_pages_is_left_out() {
    let pages = pages();
    let mut run = BTreeSet::new();
    let mut findings = Vec::new();
    for page in &pages {
        for item in &page.items {
            if let Item::Block(block) = item {
                let language = block.language.as_str();
                if COMMANDS.contains(&language) {
                    run.extend(commands(language, &block.text).into_iter().map(|(command, _)| command));
                } else if !OTHERS.contains(&language) {
                    findings.push(format!("{}: nothing is known about blocks of `{language}`", block.place));
                } else if block.text.lines().any(|line| line.starts_with("$ ") || is_command(line)) {
                    findings
                        .push(format!("{}: commands in a block that is not `sh` or `console`", block.place));
                }
            }
        }
    }
    let marked = pages.iter().filter_map(|page| marks(page).ok()).flatten();
    let excused: BTreeSet<&str> = marked
        .filter_map(|(_, mark)| match mark {
            Mark::NotRun { command, .. } => command,
            _ => None,
        })
        .collect();
    for page in &pages {
        let marks = match marks(page) {
            Ok(marks) => marks,
            Err(error) => {
                findings.push(format!("{error:#}"));
                continue;
            }
        };
        for (_, mark) in &marks {
            if let Mark::On(name) = mark
                && *name != "nothing"
                && !root().join("e2e/guides").join(name).join("case.yaml").exists()
            {
                findings.push(format!("{}: there is no e2e/guides/{name}", page.name));
            }
        }
        for item in &page.items {
            let Item::Span(line, span) = item else { continue };
            if is_command(span) && !run.contains(span) && !excused.contains(span.as_str()) {
                findings.push(format!("{}:{line}: no page runs `{span}`", page.name));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Whether a text is a whole command rather than the name of one: a program and at least two words, none of them left out.
fn is_command(text: &str) -> bool {
    PROGRAMS.iter().any(|program| text.starts_with(program))
        && text.split_whitespace().count() > 2
        && !text.contains('…')
}
