//! The parts of a message, one request or a few each, in upstream's order (services 2.10).

use dodona_value::time::{Layout, Zone, format, parse};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::api::{Api, Call, path};
use super::part;
use super::section::{NOTHING, tag_line};
use crate::delivery::conversation::{Conversation, ConversationKey};
use crate::delivery::progress::Progress;
use crate::delivery::section::{flag, text};
use crate::delivery::{DeliveryError, ErrorKind, cut, payload};

/// Characters that GitHub takes in the description of a status.
const LONGEST_DESCRIPTION: usize = 140;

/// Characters that GitHub takes in a comment.
const LONGEST_COMMENT: usize = 65_536;

/// Tells our check runs from others.
const EXTERNAL_ID: &str = "argocd-notifications";

/// One message for one repository.
pub(super) struct Job<'a> {
    api: &'a Api,
    account: &'a str,
    repository: (&'a str, &'a str),
    section: &'a Value,
    message: &'a str,
    deadline: Instant,
    told: Vec<String>,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        api: &'a Api,
        account: &'a str,
        repository: (&'a str, &'a str),
        section: &'a Value,
        message: &'a str,
    ) -> Self {
        let deadline = api.deadline();
        Self { api, account, repository, section, message, deadline, told: Vec::new() }
    }

    /// Does what is not done yet, and returns what was done.
    pub(super) async fn run(&mut self, progress: &mut Progress) -> Result<String, DeliveryError> {
        if let Some(status) = part(self.section, "status").filter(|_| !progress.has("status")) {
            self.status(status).await?;
            progress.add("status");
        }
        if let Some(deployment) = part(self.section, "deployment").filter(|_| !progress.has("deployment")) {
            self.deployment(deployment).await?;
            progress.add("deployment");
        }
        if let Some(comment) = part(self.section, "pullRequestComment").filter(|_| !progress.has("comments"))
        {
            self.comments(comment, progress).await?;
            progress.add("comments");
        }
        if let Some(check) = part(self.section, "checkRun").filter(|_| !progress.has("check")) {
            self.check_run(check).await?;
            progress.add("check");
        }
        if let Some(dispatch) = part(self.section, "repositoryDispatch").filter(|_| !progress.has("dispatch"))
        {
            self.dispatch(dispatch).await?;
            progress.add("dispatch");
        }
        Ok(if self.told.is_empty() { "nothing to do".to_owned() } else { self.told.join(", ") })
    }

    async fn status(&mut self, part: &Value) -> Result<(), DeliveryError> {
        let (revision, label) = (self.revision()?, text(Some(part), "label"));
        let body = json!({
            "state": text(Some(part), "state"),
            "target_url": text(Some(part), "targetURL"),
            "description": cut::with_dots(self.message, LONGEST_DESCRIPTION),
            "context": label,
        });
        let result = self.send("POST", &["statuses", revision], body).await;
        result.map_err(|error| match error.status {
            // A wrong state or an unknown commit is a 422 too: GitHub's own words say which.
            Some(422) => DeliveryError {
                detail: format!(
                    "too many commit statuses for sha {revision} and context {label}, or a status that GitHub does not \
                     take: {}",
                    error.detail
                ),
                ..error
            },
            _ => error,
        })?;
        self.told.push(format!("status `{label}` of {revision}"));
        Ok(())
    }

    async fn deployment(&mut self, part: &Value) -> Result<(), DeliveryError> {
        let field = |name: &str| text(Some(part), name);
        let reference = if field("reference").is_empty() { self.revision()? } else { field("reference") };
        // By the reference that a new one would be created with: upstream looks for the revision, and never finds it.
        let mut query = vec![("ref", reference), ("environment", field("environment"))];
        query.retain(|(_, value)| !value.is_empty());
        let list = Call::get(self.path(&["deployments"])?).query(query);
        let (found, _) = self.api.page(&list, self.deadline).await?;
        let deployment = match found.first().and_then(id) {
            Some(deployment) => deployment,
            None => self.create_deployment(part, reference).await?,
        };
        let body = json!({
            "state": field("state"),
            "log_url": field("logURL"),
            "description": cut::with_dots(self.message, LONGEST_DESCRIPTION),
            "environment": field("environment"),
            "environment_url": field("environmentURL"),
        });
        self.send("POST", &["deployments", &deployment, "statuses"], body).await?;
        self.told.push(format!("deployment {deployment} of {reference}"));
        Ok(())
    }

    async fn create_deployment(&self, part: &Value, reference: &str) -> Result<String, DeliveryError> {
        let body = json!({
            "ref": reference,
            "auto_merge": flag(Some(part), "autoMerge"),
            "required_contexts": part.get("requiredContexts").cloned().unwrap_or_default(),
            "environment": text(Some(part), "environment"),
            "transient_environment": flag(Some(part), "transientEnvironment"),
        });
        let created = self.send("POST", &["deployments"], body).await?;
        // 202: GitHub has merged the default branch into the reference and created nothing; the next attempt may.
        id(&created).ok_or_else(|| {
            let words = text(Some(&created), "message");
            DeliveryError::temporary(
                ErrorKind::Unavailable,
                format!("GitHub has created no deployment of {reference}: {words}"),
            )
        })
    }

    async fn comments(&mut self, part: &Value, progress: &mut Progress) -> Result<(), DeliveryError> {
        let revision = self.revision()?;
        let pulls = Call::get(self.path(&["commits", revision, "pulls"])?);
        let pulls = self.api.list(pulls, self.deadline).await?;
        let (tag, body) = (text(Some(part), "commentTag"), comment_body(part));
        let mut count = 0;
        for number in pulls.iter().filter_map(|pull| pull.get("number")).filter_map(Value::as_u64) {
            let step = format!("comment/{number}");
            if progress.has(&step) {
                continue;
            }
            self.comment(&number.to_string(), tag, &body).await?;
            progress.add(step);
            count += 1;
        }
        self.told.push(format!("{count} comments on pull requests of {revision}"));
        Ok(())
    }

    /// Writes the comment on one pull request: with a tag the one that has it already is changed.
    async fn comment(&self, number: &str, tag: &str, body: &str) -> Result<(), DeliveryError> {
        let body = json!({"body": body});
        let create = ["issues", number, "comments"];
        if tag.is_empty() {
            return self.send("POST", &create, body).await.map(drop);
        }
        let key = self.key(number, tag);
        let known = self.api.conversations().get(&key).map(|known| known.first);
        let comment = match self.change(number, tag, known.as_deref(), &body).await? {
            Some(changed) => Some(changed),
            None => id(&self.send("POST", &create, body).await?),
        };
        match comment {
            Some(first) if known.as_ref() != Some(&first) => {
                self.api.conversations().put(key, Conversation { place: number.to_owned(), first });
            }
            Some(_) => {}
            None => self.api.conversations().forget(&key),
        }
        Ok(())
    }

    /// Changes the first comment that has the tag, or is the one that is `known`; `None` if there is none (any more). The
    /// list is asked first, as upstream does, so that a comment that was deleted is not missed; long lists are read to
    /// their end only if nothing is known.
    async fn change(
        &self,
        number: &str,
        tag: &str,
        known: Option<&str>,
        body: &Value,
    ) -> Result<Option<String>, DeliveryError> {
        let list = Call::get(self.path(&["issues", number, "comments"])?);
        let line = tag_line(tag);
        let fits = |comment: &&Value| {
            text(Some(comment), "body").contains(&line) || known.is_some() && id(comment).as_deref() == known
        };
        let (comments, more) = self.api.page(&list, self.deadline).await?;
        let mut found = comments.iter().find(fits).and_then(id);
        if found.is_none() && more {
            if let Some(known) = known {
                match self.update(known, body).await {
                    // Somebody has deleted it.
                    Err(error) if matches!(error.status, Some(404 | 410)) => {}
                    other => return other.map(|()| Some(known.to_owned())),
                }
            }
            found = self.api.further(list, self.deadline).await?.iter().find(fits).and_then(id);
        }
        if let Some(comment) = &found {
            self.update(comment, body).await?;
        }
        Ok(found)
    }

    async fn update(&self, comment: &str, body: &Value) -> Result<(), DeliveryError> {
        self.send("PATCH", &["issues", "comments", comment], body.clone()).await.map(drop)
    }

    fn key(&self, number: &str, tag: &str) -> ConversationKey {
        let (owner, repository) = self.repository;
        ConversationKey {
            account: self.account.to_owned(),
            place: format!("{owner}/{repository}#{number}"),
            topic: format!("comment/{tag}"),
        }
    }

    async fn check_run(&mut self, part: &Value) -> Result<(), DeliveryError> {
        let revision = self.revision()?;
        let body = check_run_body(part, revision)?;
        self.send("POST", &["check-runs"], body).await?;
        self.told.push(format!("check run `{}` of {revision}", text(Some(part), "name")));
        Ok(())
    }

    async fn dispatch(&mut self, part: &Value) -> Result<(), DeliveryError> {
        let event = text(Some(part), "event_type");
        let mut body = Map::from_iter([("event_type".to_owned(), Value::from(event))]);
        let payload = payload::read(Some(part), "client_payload").map_err(|problem| problem.refuse())?;
        body.extend(payload.map(|payload| ("client_payload".to_owned(), payload)));
        self.send("POST", &["dispatches"], body.into()).await?;
        self.told.push(format!("dispatch `{event}`"));
        Ok(())
    }

    /// The revision, where a part needs one.
    fn revision(&self) -> Result<&'a str, DeliveryError> {
        let revision = text(Some(self.section), "_revision");
        if revision.is_empty() || revision.contains(NOTHING) {
            return Err(DeliveryError::permanent(
                ErrorKind::Rejected,
                format!(
                    "there is no revision to tell GitHub about: `revisionPath` renders `{revision}`; set \
                     `github.revisionPath` in the template"
                ),
            ));
        }
        Ok(revision)
    }

    /// Does something with the repository.
    async fn send(&self, method: &str, segments: &[&str], body: Value) -> Result<Value, DeliveryError> {
        self.api.call(&Call::new(method, self.path(segments)?, body), self.deadline).await
    }

    /// A path below the repository.
    fn path(&self, segments: &[&str]) -> Result<String, DeliveryError> {
        let (owner, repository) = self.repository;
        path(&[&["repos", owner, repository], segments].concat())
    }
}

/// A thing's id, as it stands in a path.
fn id(thing: &Value) -> Option<String> {
    thing.get("id").and_then(Value::as_u64).map(|id| id.to_string())
}

/// The comment, cut so that the tag by which it is found again survives (services 2.10, FIX).
fn comment_body(part: &Value) -> String {
    let (content, tag) = (text(Some(part), "content"), text(Some(part), "commentTag"));
    let line = format!("\n{}", tag_line(tag));
    match content.strip_suffix(line.as_str()).filter(|_| !tag.is_empty()) {
        Some(own) => {
            let left = LONGEST_COMMENT.saturating_sub(line.chars().count());
            format!("{}{line}", cut::with_dots(own, left))
        }
        None => cut::with_dots(content, LONGEST_COMMENT),
    }
}

fn check_run_body(part: &Value, revision: &str) -> Result<Value, DeliveryError> {
    let refuse = |detail: String| DeliveryError::permanent(ErrorKind::Rejected, detail);
    let field = |name: &str| text(Some(part), name);
    let conclusion = field("conclusion");
    let status = match (field("status"), conclusion) {
        ("", conclusion) if !conclusion.is_empty() => "completed",
        (status, _) => status,
    };
    if conclusion.is_empty() && (status == "completed" || !field("completed_at").is_empty()) {
        return Err(refuse(
            "github checkrun: conclusion is required when status is completed or completed_at is set"
                .to_owned(),
        ));
    }
    // What upstream reads as a time is more than GitHub takes, so it goes out in the one form, in its own zone.
    let time = |name: &str| match (field(name), parse(Layout::RFC3339, field(name), &Zone::utc())) {
        ("", _) => Ok(String::new()),
        (_, Ok(time)) => Ok(format(&time, Layout::RFC3339_NANO)),
        (time, Err(_)) => Err(refuse(format!(
            "github checkrun: `{name}` must be a time such as `2024-05-06T07:08:09Z`, found `{}`",
            time.escape_debug()
        ))),
    };
    let (started, completed) = (time("started_at")?, time("completed_at")?);
    let mut body = Map::new();
    body.insert("name".to_owned(), field("name").into());
    body.insert("head_sha".to_owned(), revision.into());
    body.insert("external_id".to_owned(), EXTERNAL_ID.into());
    // GitHub refuses an empty address.
    let optional = [
        ("details_url", field("details_url")),
        ("status", status),
        ("conclusion", conclusion),
        ("started_at", &started),
        ("completed_at", &completed),
    ];
    body.extend(
        optional
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), text.into())),
    );
    if let Some(output) = super::part(part, "output") {
        let output =
            ["title", "summary", "text"].map(|name| (name.to_owned(), text(Some(output), name).into()));
        body.insert("output".to_owned(), Value::Object(output.into_iter().collect()));
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_comment_keeps_its_tag() {
        let line = "\n<!-- argocd-notifications app -->";
        let content = format!("{}{line}", "é".repeat(70_000));
        let body = comment_body(&json!({"content": content, "commentTag": "app"}));
        assert_eq!(body.chars().count(), LONGEST_COMMENT);
        assert!(body.ends_with(&format!("é...{line}")));
    }

    #[test]
    fn check_runs_are_checked_before_they_are_sent() {
        for (part, words) in [
            (json!({"status": "completed"}), "conclusion is required"),
            (json!({"completed_at": "2024-05-06T07:08:09Z"}), "conclusion is required"),
            (json!({"started_at": "yesterday"}), "`started_at` must be a time"),
            (json!({"conclusion": "success", "completed_at": "2024-05-06"}), "`completed_at` must be a time"),
        ] {
            let error = check_run_body(&part, "abc").unwrap_err();
            assert!(error.detail.contains(words), "{part}: {error}");
        }
    }
}
