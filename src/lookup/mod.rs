//! Questions to Argo CD's repo server: `repo.GetCommitMetadata` and `repo.GetAppDetails` (core 4.3).
//!
//! Answers are cached and time-boxed, equal questions at the same time are one, and a server that is away is left alone for a while,
//! so that it costs a message some seconds at most. Who waits for answers, and what a message without one looks like, is the
//! affair of the caller ([`answered`]) and of [`answers`].

mod answers;
mod channel;
mod question;
mod repositories;
mod source;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dodona_value::{Value, Zone};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, join_all};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

pub use answers::MARK;
pub use channel::{Address, Protection};
pub use repositories::LABEL;

use crate::model::{Inquiry, Lookup, LookupError, Object, ObjectKey, Redactor, Unanswered, with_causes};
use crate::source::Shelf;
use answers::Answer;
use question::Question;
use repositories::Repositories;

/// How patient it is. The default is for production; tests shorten it.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest wait for one answer. The server may have to fetch a repository for it.
    pub answer: Duration,
    /// How long a server that is away is not asked again.
    pub away: Duration,
    /// How long a question that the server refused is not asked again.
    pub refused: Duration,
    /// How long a commit's metadata count: its tags may change.
    pub commit: Duration,
    /// How long an application's details count.
    pub details: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(15),
            away: Duration::from_secs(15),
            refused: Duration::from_secs(30),
            commit: Duration::from_hours(1),
            details: Duration::from_mins(2),
        }
    }
}

/// Answers that are kept.
const KEPT: usize = 2_000;
/// Questions at the same time: the repo server has more to do than to answer ours.
const AT_ONCE: usize = 8;
/// How often a program may ask for something new because of what it was told.
const ROUNDS: usize = 4;

/// What the repo server needs to know besides the question. The shelves are filled from the first question on.
pub struct Surroundings {
    /// Secrets of repositories, those with the label [`LABEL`].
    pub secrets: Arc<Shelf>,
    /// ConfigMaps of Argo CD; `argocd-cm` is read.
    pub config_maps: Arc<Shelf>,
    /// The namespace of Argo CD.
    pub namespace: String,
    /// Learns what nobody may see.
    pub redactor: Redactor,
    /// The zone of dates (`TZ`).
    pub zone: Zone,
}

/// The repo server. Cheap to clone.
#[derive(Clone)]
pub struct RepoServer(Arc<Inner>);

struct Inner {
    address: Address,
    patience: Patience,
    surroundings: Surroundings,
    keepers: Mutex<Vec<BoxFuture<'static, ()>>>,
    state: Mutex<State>,
    slots: Semaphore,
}

type Outcome = Result<Arc<Answer>, String>;
type Fetch = Shared<BoxFuture<'static, Outcome>>;

#[derive(Default)]
struct State {
    channel: Option<tonic::transport::Channel>,
    /// Outcomes and until when they count.
    known: BTreeMap<Question, (Instant, Outcome)>,
    under_way: BTreeMap<Question, Fetch>,
    /// Until when the server is not asked, and why.
    away: Option<(Instant, String)>,
    /// Whether the log says already that it is away.
    told: bool,
}

impl RepoServer {
    /// The server at `address`. Nothing is sent before the first question, when `keepers` begin to keep the shelves as the
    /// cluster is.
    pub fn new(
        address: Address,
        patience: Patience,
        surroundings: Surroundings,
        keepers: Vec<BoxFuture<'static, ()>>,
    ) -> Self {
        let keepers = Mutex::new(keepers);
        Self(Arc::new(Inner {
            address,
            patience,
            surroundings,
            keepers,
            state: Mutex::default(),
            slots: Semaphore::new(AT_ONCE),
        }))
    }

    /// What is known, as long as it counts.
    fn known(&self, question: &Question) -> Option<Outcome> {
        let state = self.0.state();
        let (until, outcome) = state.known.get(question)?;
        (*until > Instant::now()).then(|| outcome.clone())
    }

    /// Finds the answer out; equal questions at the same time share one request.
    fn fetch(&self, question: &Question) -> Fetch {
        let mut state = self.0.state();
        if let Some(fetch) = state.under_way.get(question) {
            return fetch.clone();
        }
        let (inner, asked) = (Arc::clone(&self.0), question.clone());
        let fetch = async move {
            let outcome = inner.find(&asked).await;
            inner.remember(asked, &outcome);
            outcome
        };
        let fetch = fetch.boxed().shared();
        state.under_way.insert(question.clone(), fetch.clone());
        fetch
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find(&self, question: &Question) -> Outcome {
        let Ok(_slot) = self.slots.acquire().await else { return Err("the process is stopping".into()) };
        if let Some(reason) = self.away() {
            return Err(reason);
        }
        let channel = self.channel()?;
        let asked = async {
            self.credentials_known().await;
            self.ask(channel, question).await
        };
        let asked = timeout(self.patience.answer, asked).await;
        match asked {
            Ok(Ok(answer)) => {
                self.is_back();
                Ok(Arc::new(answer))
            }
            Ok(Err(status)) if status.code() == tonic::Code::Unavailable => {
                // The interesting part of a connection that failed is at the end of the chain.
                let reason = with_causes(&status);
                Err(self.is_away(&reason))
            }
            Ok(Err(status)) => Err(format!("{question} failed: {}", status.message())),
            Err(_) => Err(self.is_away(&format!("no answer within {} s", self.patience.answer.as_secs()))),
        }
    }

    /// Starts to keep the shelves, and waits until they are filled.
    async fn credentials_known(&self) {
        let keepers = std::mem::take(&mut *self.keepers.lock().unwrap_or_else(PoisonError::into_inner));
        for keeper in keepers {
            tokio::spawn(keeper);
        }
        for shelf in [&self.surroundings.secrets, &self.surroundings.config_maps] {
            // The shelf outlives this wait.
            drop(shelf.complete().wait_for(|complete| *complete).await);
        }
    }

    async fn ask(
        &self,
        channel: tonic::transport::Channel,
        question: &Question,
    ) -> Result<Answer, tonic::Status> {
        let secrets = self.surroundings.secrets.all();
        let repositories = Repositories::read(secrets.iter().map(|secret| &**secret));
        self.surroundings.redactor.set("repositories", &repositories.secrets());
        match question {
            Question::Commit { url, project, revision } => {
                let request = wire::RevisionMetadataRequest {
                    repo: Some(repositories.find(url, project)),
                    revision: revision.clone(),
                };
                channel::ask(channel, wire::REVISION_METADATA, request).await.map(Answer::Commit)
            }
            Question::Details { app, project, source } => {
                let source: serde_json::Value = serde_json::from_str(source).unwrap_or_default();
                let own = source::to_wire(&source);
                let (kustomize_options, helm_options) = self.options();
                let request = wire::AppDetailsQuery {
                    repo: Some(repositories.find(&own.repo_url, project)),
                    source: Some(own),
                    repos: repositories.helm(),
                    kustomize_options: Some(kustomize_options),
                    app_name: app.clone(),
                    helm_options: Some(helm_options),
                };
                let found = channel::ask(channel, wire::APP_DETAILS, request).await?;
                Ok(Answer::Details { found, overrides: source::parameters(&source["helm"]) })
            }
        }
    }

    /// The settings of `argocd-cm` that the details depend on.
    fn options(&self) -> (wire::KustomizeOptions, wire::HelmOptions) {
        use crate::model::Companions as _;
        let key = ObjectKey::new(self.surroundings.namespace.as_str(), "argocd-cm");
        let settings = self.surroundings.config_maps.find(&key);
        let data: serde_json::Value = settings
            .and_then(|settings| serde_json::from_slice(settings.json()).ok())
            .map(|mut body: serde_json::Value| body["data"].take())
            .unwrap_or_default();
        let build_options = data["kustomize.buildOptions"].as_str().unwrap_or_default().to_owned();
        let schemes = data["helm.valuesFileSchemes"].as_str().unwrap_or("https,http");
        let schemes = schemes.split(',').map(str::trim).filter(|scheme| !scheme.is_empty());
        (
            wire::KustomizeOptions { build_options },
            wire::HelmOptions { values_file_schemes: schemes.map(str::to_owned).collect() },
        )
    }

    fn channel(&self) -> Result<tonic::transport::Channel, String> {
        let mut state = self.state();
        if let Some(channel) = &state.channel {
            return Ok(channel.clone());
        }
        let channel = channel::open(&self.address)?;
        state.channel = Some(channel.clone());
        Ok(channel)
    }

    fn away(&self) -> Option<String> {
        let state = self.state();
        let (until, reason) = state.away.as_ref()?;
        (*until > Instant::now()).then(|| reason.clone())
    }

    fn is_away(&self, reason: &str) -> String {
        let reason = format!("the repo server at {} does not answer: {reason}", self.address.authority);
        let mut state = self.state();
        state.away = Some((Instant::now() + self.patience.away, reason.clone()));
        if !std::mem::replace(&mut state.told, true) {
            tracing::warn!("{reason}; messages leave without what it knows, marked, until it is back");
        }
        reason
    }

    fn is_back(&self) {
        let mut state = self.state();
        state.away = None;
        if std::mem::take(&mut state.told) {
            tracing::info!("the repo server at {} answers again", self.address.authority);
        }
    }

    /// Keeps an outcome for as long as it counts, and makes room for it.
    fn remember(&self, question: Question, outcome: &Outcome) {
        let now = Instant::now();
        let lasts = match outcome {
            Ok(answer) if matches!(**answer, Answer::Commit(_)) => Some(self.patience.commit),
            Ok(_) => Some(self.patience.details),
            // Not the question's fault: it is asked again as soon as the server is.
            Err(_) if self.away().is_some() => None,
            Err(_) => Some(self.patience.refused),
        };
        let mut state = self.state();
        state.under_way.remove(&question);
        let Some(lasts) = lasts else { return };
        if state.known.len() >= KEPT {
            state.known.retain(|_, (until, _)| *until > now);
        }
        if state.known.len() >= KEPT {
            let soonest = state.known.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            soonest.and_then(|soonest| state.known.remove(&soonest));
        }
        state.known.insert(question, (now + lasts, outcome.clone()));
    }
}

impl Lookup for RepoServer {
    fn call(&self, object: &Object, function: &str, arguments: &[Value]) -> Result<Value, LookupError> {
        let refuse = |message: String| LookupError { message };
        let question = Question::of(object, function, arguments).map_err(refuse)?;
        match self.known(&question) {
            Some(Ok(answer)) => Ok(answer.to_value(&self.0.surroundings.zone)),
            Some(Err(reason)) => Err(refuse(reason)),
            None => Err(refuse(format!("{question} has not been asked of the repo server"))),
        }
    }

    fn inquire(&self, unanswered: Unanswered) -> Option<Arc<dyn Inquiry>> {
        Some(Arc::new(Session { server: self.clone(), unanswered, found: Mutex::default() }))
    }
}

/// The questions of one piece of work.
struct Session {
    server: RepoServer,
    unanswered: Unanswered,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    outcomes: BTreeMap<Question, Outcome>,
    missing: BTreeSet<Question>,
    failure: Option<String>,
    rounds: usize,
}

impl Session {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome, which counts for the whole piece of work once it was used.
    fn outcome(&self, question: &Question) -> Option<Outcome> {
        let mut found = self.found();
        if let Some(outcome) = found.outcomes.get(question) {
            return Some(outcome.clone());
        }
        let outcome = self.server.known(question);
        match &outcome {
            Some(outcome) => drop(found.outcomes.insert(question.clone(), outcome.clone())),
            None => drop(found.missing.insert(question.clone())),
        }
        outcome
    }

    fn without_answer(&self, function: &str, reason: String) -> Result<Value, LookupError> {
        self.found().failure.get_or_insert_with(|| reason.clone());
        match self.unanswered {
            Unanswered::Marked => Ok(answers::marked(function, &self.server.0.surroundings.zone)),
            Unanswered::Refused => Err(LookupError { message: reason }),
        }
    }
}

impl Lookup for Session {
    fn call(&self, object: &Object, function: &str, arguments: &[Value]) -> Result<Value, LookupError> {
        let question = match Question::of(object, function, arguments) {
            Ok(question) => question,
            Err(reason) => return self.without_answer(function, reason),
        };
        match self.outcome(&question) {
            Some(Ok(answer)) => Ok(answer.to_value(&self.server.0.surroundings.zone)),
            Some(Err(reason)) => self.without_answer(function, reason),
            // Only a rehearsal: the program runs again once it is known. Marks let it ask for everything at once.
            None => Ok(answers::marked(function, &self.server.0.surroundings.zone)),
        }
    }
}

impl Inquiry for Session {
    fn find_out(&self) -> std::pin::Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        async move {
            let missing = {
                let mut found = self.found();
                found.failure = None;
                found.rounds += 1;
                std::mem::take(&mut found.missing)
            };
            let rounds = self.found().rounds;
            if missing.is_empty() || rounds > 2 * ROUNDS {
                return false;
            }
            let last = rounds >= ROUNDS;
            let fetches = missing.iter().map(|question| async move {
                if last {
                    return Err("the program asks something new each time it is answered".to_owned());
                }
                self.server.fetch(question).await
            });
            let outcomes = join_all(fetches).await;
            self.found().outcomes.extend(missing.into_iter().zip(outcomes));
            true
        }
        .boxed()
    }

    fn failure(&self) -> Option<String> {
        self.found().failure.clone()
    }
}

/// Runs `program` until everything that it asks is known or cannot be known. Returns what it said last, and why something is
/// missing, if so.
pub async fn answered<T>(
    lookup: &Arc<dyn Lookup>,
    unanswered: Unanswered,
    mut program: impl FnMut(&Arc<dyn Lookup>) -> T,
) -> (T, Option<String>) {
    let Some(inquiry) = lookup.inquire(unanswered) else { return (program(lookup), None) };
    let asked: Arc<dyn Lookup> = Arc::clone(&inquiry) as _;
    loop {
        let said = program(&asked);
        let failure = inquiry.failure();
        if !inquiry.find_out().await {
            return (said, failure);
        }
    }
}
