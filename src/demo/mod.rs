//! `dodona demo`: the product's own pipeline on an embedded default, with no cluster and no network.
//!
//! A folder of manifests is the cluster, an inbox in this process is Slack, webhook and mail server, and a short story
//! changes the manifests. Everything between folder and inbox is what `dodona controller` runs.

mod clock;
mod http;
mod inbox;
mod smtp;
mod story;
mod tell;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;

pub use inbox::{Inbox, Note};
use story::{Addresses, BEGINNING, Expected, STORY, Step};

/// The token of the demo's Slack; the inbox refuses any other.
const SLACK_TOKEN: &str = "xoxb-demo-token";
/// Longest wait for what a step must cause.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the demo waits for messages that must not come.
const AFTERMATH: Duration = Duration::from_secs(2);

/// The receivers and the folder of one demo.
pub struct Stage {
    /// What arrived.
    pub inbox: Inbox,
    /// Address of the inbox page.
    pub page: String,
    folder: PathBuf,
    addresses: Addresses,
    // Held so that a temporary folder lives as long as the demo.
    _temporary: Option<tempfile::TempDir>,
    _servers: tokio::task::JoinSet<()>,
}

/// How the story went.
#[derive(Debug, Default)]
pub struct Review {
    /// What was wrong, one line each; empty if every notification of the story arrived exactly once and nothing else did.
    pub complaints: Vec<String>,
    /// Number of notifications that arrived.
    pub arrived: usize,
}

impl Stage {
    /// Unpacks the manifests into `folder` (a new temporary one if absent) and opens the receivers; the page is on `port`
    /// (a free one if 0).
    pub async fn open(folder: Option<PathBuf>, port: u16) -> anyhow::Result<Self> {
        let temporary = match folder {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("dodona-demo-")
                    .tempdir()
                    .context("failed to make a folder for the manifests")?,
            ),
        };
        let folder =
            folder.or_else(|| temporary.as_ref().map(|folder| folder.path().to_owned())).unwrap_or_default();
        let inbox = Inbox::default();
        let (listener, address) = http::listen(port)
            .await
            .with_context(|| format!("failed to open the inbox page on port {port}"))?;
        let mail = TcpListener::bind(("127.0.0.1", 0)).await.context("failed to open the mail server")?;
        let addresses = Addresses { http: address.to_string(), smtp: mail.local_addr()?.port() };
        let mut servers = tokio::task::JoinSet::new();
        let (for_http, for_mail) = (inbox.clone(), inbox.clone());
        servers.spawn(async move {
            if let Err(error) = http::serve(listener, for_http).await {
                tracing::error!(%error, "the inbox page has ended");
            }
        });
        servers.spawn(smtp::serve(mail, for_mail));
        let stage = Self {
            inbox,
            page: format!("http://{address}/"),
            folder,
            addresses,
            _temporary: temporary,
            _servers: servers,
        };
        stage.unpack()?;
        Ok(stage)
    }

    /// The folder of manifests.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn unpack(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("failed to make {}", self.folder.display()))?;
        // A former demo's record of what was told would keep this one silent.
        let former = self.folder.join(".dodona");
        if former.exists() {
            std::fs::remove_dir_all(&former)
                .with_context(|| format!("failed to remove {}", former.display()))?;
        }
        for (file, values) in BEGINNING {
            self.write(file, values)?;
        }
        Ok(())
    }

    /// Writes a manifest whole: a reader sees the old text or the new one.
    fn write(&self, file: &str, values: &[(&str, &str)]) -> anyhow::Result<()> {
        let path = self.folder.join(file);
        let new = self.folder.join(format!(".{file}.new"));
        std::fs::write(&new, story::manifest(file, values, &self.addresses))
            .and_then(|()| std::fs::rename(&new, &path))
            .with_context(|| format!("failed to write {}", path.display()))
    }

    /// Plays the story: makes each change, waits for what it must cause, and tells `say` about both.
    pub async fn play(&self, mut say: impl FnMut(&str)) -> anyhow::Result<Review> {
        let mut seen = 0;
        for (number, step) in STORY.iter().enumerate() {
            say(&tell::step(number + 1, STORY.len(), step));
            self.write(step.file, step.values)?;
            self.wait_for(seen + step.expect.len()).await;
            seen = self.tell_from(seen, &mut say);
        }
        tokio::time::sleep(AFTERMATH).await;
        self.tell_from(seen, &mut say);
        Ok(review(&self.inbox.all(), STORY))
    }

    /// Tells about every notification that arrives from now on.
    pub async fn go_on(&self, mut say: impl FnMut(&str)) {
        let mut seen = self.inbox.all().len();
        let mut count = self.inbox.count();
        while count.changed().await.is_ok() {
            seen = self.tell_from(seen, &mut say);
        }
    }

    async fn wait_for(&self, count: usize) {
        let mut arrived = self.inbox.count();
        // Whether it came in time is judged at the end, by what is there.
        drop(tokio::time::timeout(PATIENCE, arrived.wait_for(|arrived| *arrived >= count)).await);
    }

    fn tell_from(&self, seen: usize, say: &mut impl FnMut(&str)) -> usize {
        let notes = self.inbox.all();
        for note in notes.iter().skip(seen) {
            say(&tell::note(note));
        }
        notes.len()
    }
}

/// Compares what arrived with what the story causes.
fn review(notes: &[Note], story: &[Step]) -> Review {
    let expected: Vec<&Expected> = story.iter().flat_map(|step| step.expect).collect();
    let mut complaints = Vec::new();
    for wanted in &expected {
        let count = notes.iter().filter(|note| is(note, wanted)).count();
        if count != 1 {
            complaints.push(format!(
                "{} to {} (\"{}\") arrived {count} times",
                wanted.service, wanted.to, wanted.says
            ));
        }
    }
    for note in notes.iter().filter(|note| !expected.iter().any(|wanted| is(note, wanted))) {
        complaints.push(format!("{} to {} was not expected: {}", note.service, note.to, note.title));
    }
    Review { complaints, arrived: notes.len() }
}

fn is(note: &Note, wanted: &Expected) -> bool {
    note.service == wanted.service
        && note.to == wanted.to
        && (note.text.contains(wanted.says) || note.title.contains(wanted.says))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(service: &'static str, to: &str, text: &str) -> Note {
        Note {
            service,
            to: to.into(),
            title: String::new(),
            text: text.into(),
            fields: Vec::new(),
            link: None,
            color: None,
            at: String::new(),
        }
    }

    fn everything() -> Vec<Note> {
        STORY
            .iter()
            .flat_map(|step| step.expect)
            .map(|wanted| note(wanted.service, wanted.to, wanted.says))
            .collect()
    }

    #[test]
    fn a_complete_story_leaves_nothing_to_complain_about() {
        assert!(review(&everything(), STORY).complaints.is_empty());
    }

    #[test]
    fn a_missing_a_repeated_and_a_surplus_notification_are_each_named() {
        let mut notes = everything();
        let first = notes.remove(0);
        notes.push(notes[0].clone());
        notes.push(note("slack", "#other", "hello"));
        let complaints = review(&notes, STORY).complaints;
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].contains("arrived 0 times") && first.service == "slack");
        assert!(complaints[1].contains("arrived 2 times"));
        assert!(complaints[2].contains("#other"));
    }
}
