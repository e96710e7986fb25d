//! What stands around one vector: recorders, certificates, a folder; and the answers that the recorders give.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use dodona_recorder::Authority;
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use dodona_recorder::nats::{NatsRecorder, Traffic};
use dodona_recorder::smtp::{Mails, Script, SmtpRecorder};

use super::vector::{Exchange, SmtpServer, Vector};

/// The recorders of one vector.
pub(crate) struct Scene {
    /// The vector with its placeholders replaced.
    pub(crate) line: String,
    /// The authority that the product trusts as a system root.
    pub(crate) trusted: Authority,
    /// Where the product looks for certificates by host name.
    pub(crate) tls_directory: PathBuf,
    play: Arc<Mutex<Play>>,
    plain: HttpRecorder,
    other: HttpRecorder,
    secure: HttpRecorder,
    proxy: Option<HttpRecorder>,
    smtp: Option<SmtpRecorder>,
    nats: Option<NatsRecorder>,
    _folder: tempfile::TempDir,
}

/// The script of one send and how far it is.
#[derive(Default)]
struct Play {
    exchanges: Vec<Exchange>,
    unordered: bool,
    /// For each exchange, the request that belongs to it.
    met: Vec<Option<Recorded>>,
    surplus: Vec<Recorded>,
    next: usize,
}

/// What arrived during one send.
pub(crate) struct Seen {
    /// For each exchange, the request that belongs to it.
    pub(crate) met: Vec<Option<Recorded>>,
    /// Requests for which there was no answer left.
    pub(crate) surplus: Vec<Recorded>,
}

impl Scene {
    /// Starts what the vector in `line` needs.
    pub(crate) fn open(line: &str) -> anyhow::Result<Self> {
        let raw: Vector = serde_json::from_str(line).context("no vector")?;
        // The proxy is whatever host the product asks it for.
        let hosts: Vec<&str> = raw.hosts();
        let names: Vec<&str> = ["127.0.0.1", "localhost"].into_iter().chain(hosts).collect();
        let (trusted, unknown) = (Authority::for_names(&names), Authority::new());
        let folder = tempfile::tempdir()?;
        let tls_directory = folder.path().join("tls-by-host");
        std::fs::create_dir(&tls_directory)?;
        let smtp_server = raw.smtp_server();
        let host_ca = "host-ca";
        let certificate = smtp_server.and_then(|server| server.cert.as_deref()).or(raw.tls.as_deref());
        if certificate == Some(host_ca) {
            std::fs::write(tls_directory.join("127.0.0.1"), unknown.pem())?;
        }
        let shown = if matches!(certificate, Some("untrusted" | "host-ca")) { &unknown } else { &trusted };
        let play: Arc<Mutex<Play>> = Arc::default();
        let answering = |play: &Arc<Mutex<Play>>| {
            let play = Arc::clone(play);
            move |request: &Recorded| play.lock().unwrap_or_else(PoisonError::into_inner).answer(request)
        };
        let plain = HttpRecorder::start(answering(&play));
        let other = HttpRecorder::start(answering(&play));
        let secure = HttpRecorder::start_with(Some(shown.server()), answering(&play));
        let proxy = raw.needs_proxy().then(|| HttpRecorder::intercepting(trusted.server(), answering(&play)));
        let smtp = smtp_server.map(|server| SmtpRecorder::start(script(server, shown)));
        let nats = (raw.service == "nats").then(|| {
            let script = super::nats::script(raw.nats_server());
            NatsRecorder::start(dodona_recorder::nats::Script { tls: Some(shown.server()), ..script })
        });
        // A port that was free a moment ago: nothing listens on it.
        let dead = TcpListener::bind("127.0.0.1:0")?;
        let dead_address = dead.local_addr()?;
        drop(dead);
        let line = line
            .replace("__TLSHOSTPORT__", &secure.host())
            .replace("__DEADHOSTPORT__", &dead_address.to_string())
            .replace("__NATSHOSTPORT__", &nats.as_ref().map_or("127.0.0.1:1".to_owned(), NatsRecorder::host))
            .replace("__HOSTPORT2__", &other.host())
            .replace("__HOSTPORT__", &plain.host())
            .replace("__SMTPPORT__", &smtp.as_ref().map_or(1, SmtpRecorder::port).to_string())
            .replace("__DIR__", &folder.path().display().to_string());
        write_files(&line)?;
        Ok(Self {
            line,
            trusted,
            tls_directory,
            play,
            plain,
            other,
            secure,
            proxy,
            smtp,
            nats,
            _folder: folder,
        })
    }

    /// Sets the script of the next send.
    pub(crate) fn expect(&mut self, exchanges: &[Exchange], unordered: bool) {
        let met = vec![None; exchanges.len()];
        let play = Play { exchanges: exchanges.to_vec(), unordered, met, ..Play::default() };
        *self.play.lock().unwrap_or_else(PoisonError::into_inner) = play;
    }

    /// What arrived since [`Scene::expect`].
    pub(crate) fn take(&mut self) -> Seen {
        let play = std::mem::take(&mut *self.play.lock().unwrap_or_else(PoisonError::into_inner));
        Seen { met: play.met, surplus: play.surplus }
    }

    /// The mails that arrived since the last call.
    pub(crate) fn take_mails(&self) -> Mails {
        self.smtp.as_ref().map(SmtpRecorder::take).unwrap_or_default()
    }

    /// What came to the NATS server since the last call.
    pub(crate) fn take_nats(&self) -> Traffic {
        self.nats.as_ref().map(NatsRecorder::take).unwrap_or_default()
    }

    /// The address of the proxy, for hosts that cannot be named in the settings.
    pub(crate) fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(|proxy| format!("http://{}", proxy.host()))
    }

    /// The address of the plain recorder, to which overridden requests go.
    pub(crate) fn is_recorder(&self, host: &str) -> bool {
        [&self.plain, &self.other, &self.secure].iter().any(|recorder| recorder.host() == host)
    }
}

fn write_files(line: &str) -> anyhow::Result<()> {
    let vector: Vector = serde_json::from_str(line)?;
    for (path, content) in vector.files.iter().flatten() {
        let path = Path::new(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, content)?;
    }
    Ok(())
}

fn script(server: &SmtpServer, authority: &Authority) -> Script {
    Script {
        ehlo: server.ehlo.clone().unwrap_or_default(),
        ehlo_tls: server.ehlo_tls.clone(),
        no_ehlo: server.no_ehlo,
        greeting: server.greeting.clone(),
        replies: server.replies.clone().unwrap_or_default(),
        challenge: server.challenge.clone().unwrap_or_default(),
        tls: Some(authority.server()),
        ..Script::default()
    }
}

impl Play {
    fn answer(&mut self, request: &Recorded) -> Answer {
        let Some(index) = self.place(request) else {
            self.surplus.push(request.clone());
            return Answer::reply(500, "no answer left");
        };
        if let Some(place) = self.met.get_mut(index) {
            *place = Some(request.clone());
        }
        let response =
            self.exchanges.get(index).and_then(|exchange| exchange.response.clone()).unwrap_or_default();
        if response.drop {
            return Answer::Drop;
        }
        let headers = response.headers.unwrap_or_default().into_iter().collect();
        Answer::Reply {
            status: response.status,
            headers,
            body: response.body.unwrap_or_default().into_bytes(),
        }
    }

    /// The exchange that `request` belongs to.
    fn place(&mut self, request: &Recorded) -> Option<usize> {
        if self.unordered {
            let fits = |index: &usize| {
                let free = self.met.get(*index).is_some_and(Option::is_none);
                free && self
                    .exchanges
                    .get(*index)
                    .is_some_and(|exchange| exchange.request.host == request.address.to_string())
            };
            return (0..self.exchanges.len()).find(fits);
        }
        loop {
            let exchange = self.exchanges.get(self.next)?;
            let index = self.next;
            self.next += 1;
            if !exchange.optional || fits(exchange, request) {
                return Some(index);
            }
        }
    }
}

/// Whether a request has the method and the path of an exchange; with AWS a header names the method.
fn fits(exchange: &Exchange, request: &Recorded) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    let target = exchange.request.headers.as_ref().and_then(|headers| headers.get("x-amz-target"));
    exchange.request.method == request.method
        && path.ends_with(&exchange.request.path)
        && target.is_none_or(|target| request.header("x-amz-target") == Some(target))
}
