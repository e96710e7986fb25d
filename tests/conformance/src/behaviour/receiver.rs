//! The receiver of a trace: answers by path prefix as the trace says, and keeps what came with the answer it got.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use serde_json::{Value, json};

/// How the receiver answers from now on.
#[derive(Default)]
struct Script {
    /// Statuses that are used up one by one.
    once: BTreeMap<String, Vec<u16>>,
    always: BTreeMap<String, u16>,
    otherwise: Option<u16>,
}

/// The receiver.
pub(crate) struct Receiver {
    recorder: HttpRecorder,
    script: Arc<Mutex<Script>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let (for_script, for_answers) = (Arc::clone(&script), Arc::clone(&answers));
        let recorder = HttpRecorder::start(move |request| {
            let status = for_script.lock().unwrap_or_else(PoisonError::into_inner).answer(&request.target);
            for_answers.lock().unwrap_or_else(PoisonError::into_inner).push(status);
            if status == 0 { Answer::Drop } else { Answer::reply(status, "") }
        });
        Self { recorder, script, answers }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> String {
        self.recorder.host()
    }

    /// Answers as a `receiver` step says.
    pub(crate) fn follow(&self, step: &super::Step) {
        let status = |value: &Value| value.as_u64().and_then(|status| u16::try_from(status).ok());
        let map = |name: &str| step.get(name).as_object().cloned().unwrap_or_default();
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Script {
            once: map("answers")
                .into_iter()
                .map(|(path, list)| {
                    (path, list.as_array().into_iter().flatten().filter_map(status).collect())
                })
                .collect(),
            always: map("always")
                .into_iter()
                .filter_map(|(path, value)| Some((path, status(&value)?)))
                .collect(),
            otherwise: status(step.get("default")),
        };
    }

    /// What came since the last call, each with the answer it got.
    pub(crate) fn take(&self) -> Vec<Value> {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
        self.recorder.take().iter().zip(answers).map(|(request, answer)| describe(request, answer)).collect()
    }
}

/// Headers that belong to the client, not to the notification.
const OWN: [&str; 7] =
    ["user-agent", "content-length", "accept-encoding", "connection", "transfer-encoding", "host", "accept"];

fn describe(request: &Recorded, answer: u16) -> Value {
    let headers: BTreeMap<String, String> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .collect();
    json!({"method": request.method, "path": request.target, "body": String::from_utf8_lossy(&request.body), "headers": headers, "answer": answer})
}

impl Script {
    fn answer(&mut self, path: &str) -> u16 {
        let longest = self
            .once
            .iter()
            .filter(|(prefix, left)| path.starts_with(prefix.as_str()) && !left.is_empty())
            .map(|(prefix, _)| prefix.clone());
        if let Some(left) = longest.max_by_key(String::len).and_then(|prefix| self.once.get_mut(&prefix)) {
            return left.remove(0);
        }
        let always = self
            .always
            .iter()
            .filter(|(prefix, _)| path.starts_with(prefix.as_str()))
            .max_by_key(|(prefix, _)| prefix.len());
        always.map(|(_, status)| *status).or(self.otherwise).unwrap_or(200)
    }
}
