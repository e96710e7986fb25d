//! Messages to NATS's own server: users, nkeys, TLS, headers, and what a user may not do. `nats-server` prints what it gets.

use std::process::Command;

use dodona::model::Message;
use dodona_recorder::Authority;

use super::{Peer, clients, free_port, missing, program, write};
use crate::play::build;

/// The seed of the user whose public key is in the configuration.
const SEED: &str = "SUAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6IC5CQ";

const USERS: &str = r#"
authorization {
  users = [
    {user: ann, password: s3cret, permissions: {publish: "deployments.>"}}
    {nkey: UB43KVROR7TFJ6KAPCYRF2FJROTZAH4FHLTJLPWX4DRZCC5NASLGJBFE}
  ]
}
"#;

async fn send(port: u16, authority: &Authority, more: &str, subject: &str) -> Result<(), String> {
    let settings = format!("url: nats://localhost:{port}\nheaders: {{X-From: dodona}}\n{more}\n");
    let service = build("nats", "nats", &settings, &clients(authority), &mut Vec::new())
        .map_err(|error| error.to_string())?;
    // Twice, over one connection.
    for text in ["héllo\r\nPUB x 0", ""] {
        service.deliver(&Message::text(text), subject).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn natss_own_server_takes_our_messages() {
    let Some(program) = program("nats-server") else { return missing("nats-server") };
    let authority = Authority::new();
    for tls in [false, true] {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let certificate = write(folder.path(), "cert.pem", &authority.chain_pem());
        let key = write(folder.path(), "key.pem", authority.key_pem());
        let encryption = format!("tls {{cert_file: {certificate:?}, key_file: {key:?}}}\n");
        let config = format!("listen: 127.0.0.1:{port}\n{}{USERS}", if tls { &encryption } else { "" });
        let config = write(folder.path(), "server.conf", &config);
        let mut command = Command::new(&program);
        command.arg("-c").arg(config).arg("-DV");
        let peer = Peer::start(command, port, folder);
        let ann = "username: ann\npassword: s3cret";
        send(port, &authority, ann, "deployments.done").await.unwrap();
        send(port, &authority, &format!("nkey: {SEED}"), "anything").await.unwrap();
        let error = send(port, &authority, ann, "other.subject").await.unwrap_err();
        assert!(error.contains("Permissions Violation"), "{error}");
        let error =
            send(port, &authority, "username: ann\npassword: wrong", "deployments.done").await.unwrap_err();
        assert!(error.contains("Authorization Violation"), "{error}");
        let stranger = Authority::new();
        assert_eq!(send(port, &stranger, ann, "deployments.done").await.is_err(), tls, "unknown authority");
        let log = peer.read("out");
        assert!(log.contains("[HPUB deployments.done"), "{log}");
        assert!(log.contains("X-From: dodona"), "{log}");
    }
    println!("nats: users, nkeys, permissions, headers, with and without TLS");
}
