//! E-mail against a mail server that others wrote: aiosmtpd from PyPI, found as `python3 -m aiosmtpd`.
//!
//! `./test` installs it and names its interpreter in `DODONA_TEST_PYTHON`. Where it is missing the test says so.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dodona::delivery::client::{Clients, Reach};
use dodona::model::Message;
use dodona_recorder::Authority;

use crate::play::build;

/// A server with STARTTLS and AUTH PLAIN and LOGIN that keeps mails in a folder.
const PROGRAM: &str = include_str!("server.py");

struct Server {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn python() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's own environment")]
    let named = std::env::var("DODONA_TEST_PYTHON").ok();
    let candidates = named.into_iter().chain(["python3".to_owned()]);
    candidates.into_iter().find(|python| {
        let found = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    })
}

impl Server {
    fn start(python: &str, mode: &str, authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path: PathBuf = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let program = write("server.py", PROGRAM);
        write("cert.pem", &authority.chain_pem());
        write("key.pem", authority.key_pem());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(python)
            .arg(program)
            .arg(folder.path())
            .arg(port.to_string())
            .arg(mode)
            .spawn()
            .unwrap();
        let server = Self { process, port, folder };
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the mail server does not start");
    }

    fn mails(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut mails: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
        mails.sort();
        mails.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

async fn send(server: &Server, authority: &Authority, more: &str, to: &str) -> Result<(), String> {
    let clients = Clients::new(Reach {
        authorities: Some(vec![authority.der()]),
        tls_directory: None,
        ..Reach::default()
    });
    let settings = format!("host: localhost\nport: {}\nfrom: Argo <argo@example.org>\n{more}", server.port);
    let service =
        build("email", "email", &settings, &clients, &mut Vec::new()).map_err(|error| error.to_string())?;
    let mut message = Message::text("héllo\n.dot\nlast");
    message.sections.insert("email".into(), serde_json::json!({"subject": "Über alles"}));
    service.deliver(&message, to).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_mail_server_takes_our_mails() {
    let Some(python) = python() else {
        println!("SKIPPED: no aiosmtpd (`python3 -m pip install aiosmtpd`, or run ./test)");
        return;
    };
    let authority = Authority::new();
    let login = "username: ann\npassword: s3cret\n";
    for mode in ["plain", "starttls", "implicit"] {
        let server = Server::start(&python, mode, &authority);
        let tls = if mode == "implicit" { "tls: implicit\n" } else { "" };
        let credentials = if mode == "plain" { "" } else { login };
        send(&server, &authority, &format!("{tls}{credentials}"), "b@example.org, C <c@example.org>")
            .await
            .unwrap();
        let mails = server.mails();
        assert_eq!(mails.len(), 1, "{mode}: {mails:?}");
        let mail = mails.first().unwrap();
        for line in [
            "rcpt: b@example.org c@example.org",
            "subject: Über alles",
            "body: héllo|.dot|last",
            "from: Argo <argo@example.org>",
        ] {
            assert!(mail.lines().any(|found| found == line), "{mode}: no {line:?} in {mail}");
        }
        if mode != "plain" {
            let wrong = format!("{tls}username: ann\npassword: wrong\n");
            let error = send(&server, &authority, &wrong, "b@example.org").await.unwrap_err();
            assert!(error.contains("535"), "{mode}: {error}");
            let stranger = Authority::new();
            assert!(
                send(&server, &stranger, &format!("{tls}{login}"), "b@example.org").await.is_err(),
                "{mode}: unknown authority"
            );
        }
    }
    println!("e-mail against aiosmtpd: plain, STARTTLS with PLAIN, implicit TLS");
}
