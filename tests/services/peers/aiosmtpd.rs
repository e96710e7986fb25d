//! E-mail against a mail server that others wrote: aiosmtpd from PyPI.

use std::path::PathBuf;
use std::process::Command;

use dodona::model::Message;
use dodona_recorder::Authority;

use super::{Peer, clients, free_port, missing, python, write};
use crate::play::build;

/// A server with STARTTLS and AUTH PLAIN and LOGIN that keeps mails in a folder.
const PROGRAM: &str = include_str!("aiosmtpd.py");

fn start(python: &str, mode: &str, authority: &Authority) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let program = write(folder.path(), "server.py", PROGRAM);
    write(folder.path(), "cert.pem", &authority.chain_pem());
    write(folder.path(), "key.pem", authority.key_pem());
    let mut command = Command::new(python);
    command.arg(program).arg(folder.path()).arg(port.to_string()).arg(mode);
    Peer::start(command, port, folder)
}

impl Peer {
    fn mails(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut mails: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
        mails.sort();
        mails.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

async fn send(server: &Peer, authority: &Authority, more: &str, to: &str) -> Result<(), String> {
    let settings = format!("host: localhost\nport: {}\nfrom: Argo <argo@example.org>\n{more}", server.port);
    let service = build("email", "email", &settings, &clients(authority), &mut Vec::new())
        .map_err(|error| error.to_string())?;
    let mut message = Message::text("héllo\n.dot\nlast");
    message.sections.insert("email".into(), serde_json::json!({"subject": "Über alles"}));
    service.deliver(&message, to).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_mail_server_takes_our_mails() {
    let Some(python) = python("aiosmtpd") else { return missing("aiosmtpd") };
    let authority = Authority::new();
    let login = "username: ann\npassword: s3cret\n";
    for mode in ["plain", "starttls", "implicit"] {
        let server = start(&python, mode, &authority);
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
