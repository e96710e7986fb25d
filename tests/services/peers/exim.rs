//! E-mail against Exim: each way of logging in, over STARTTLS and over TLS from the first byte.
//!
//! Exim wants a user of its own and the right to become it, so it is run as root, with a list of users of the test's own
//! (libnss-wrapper). It queues the mails; what it took is read from its queue.

use std::os::unix::fs::chown;
use std::process::Command;

use dodona::model::Message;
use dodona_recorder::Authority;

use super::{Peer, clients, free_port, is_root, libraries, missing, program, tools, write};
use crate::play::build;

/// `nobody`, which every Debian has.
const NOBODY: u32 = 65534;

const SETTINGS: &str = "\
primary_hostname = mail.test
log_file_path = FOLDER/log/%slog
spool_directory = FOLDER/spool
pid_file_path = FOLDER/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = PORT
exim_user = Debian-exim
exim_group = Debian-exim
host_lookup =
queue_only = true
tls_advertise_hosts = *
tls_certificate = FOLDER/cert.pem
tls_privatekey = FOLDER/key.pem
IMPLICIT
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept authenticated = *
  deny message = log in first
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  file = FOLDER/mails
begin authenticators
";

fn authenticator(mechanism: &str) -> &'static str {
    match mechanism {
        "PLAIN" => {
            "plain:\n driver = plaintext\n public_name = PLAIN\n server_prompts = :\n \
             server_condition = ${if and{{eq{$auth2}{ann}}{eq{$auth3}{s3cret}}}}\n server_set_id = $auth2\n"
        }
        "LOGIN" => {
            "login:\n driver = plaintext\n public_name = LOGIN\n server_prompts = Username:: : Password::\n \
             server_condition = ${if and{{eq{$auth1}{ann}}{eq{$auth2}{s3cret}}}}\n server_set_id = $auth1\n"
        }
        _ => {
            "cram:\n driver = cram_md5\n public_name = CRAM-MD5\n \
             server_secret = ${if eq{$auth1}{ann}{s3cret}fail}\n server_set_id = $auth1\n"
        }
    }
}

/// Exim, offering one way of logging in. Nothing if it is not there.
fn start(mechanism: &str, implicit: bool, authority: &Authority) -> Option<Peer> {
    let program = program("exim4")?;
    let wrapper =
        libraries().into_iter().map(|folder| folder.join("libnss_wrapper.so")).find(|path| path.is_file())?;
    let folder = tempfile::tempdir().unwrap();
    let (path, port) = (folder.path(), free_port());
    for part in ["spool", "log"] {
        std::fs::create_dir(path.join(part)).unwrap();
        chown(path.join(part), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    write(path, "cert.pem", &authority.chain_pem());
    let key = write(path, "key.pem", authority.key_pem());
    chown(&key, Some(NOBODY), Some(NOBODY)).unwrap();
    let users = write(path, "passwd", "root:x:0:0::/:/bin/sh\nDebian-exim:x:65534:65534::/:/bin/false\n");
    let groups = write(path, "group", "root:x:0:\nDebian-exim:x:65534:\n");
    let settings =
        SETTINGS.replace("FOLDER", &path.to_string_lossy()).replace("PORT", &port.to_string()).replace(
            "IMPLICIT",
            &if implicit { format!("tls_on_connect_ports = {port}") } else { String::new() },
        );
    let settings = write(path, "exim.conf", &(settings + authenticator(mechanism)));
    let mut command = Command::new(program);
    let search: Vec<String> =
        libraries().iter().map(|folder| folder.to_string_lossy().into_owned()).collect();
    command
        .args(["-bdf", "-C"])
        .arg(settings)
        .env("LD_LIBRARY_PATH", search.join(":"))
        .env("LD_PRELOAD", wrapper)
        .env("NSS_WRAPPER_PASSWD", users)
        .env("NSS_WRAPPER_GROUP", groups);
    Some(Peer::start(command, port, folder))
}

impl Peer {
    /// The queued mails: what the envelope and the header say, then the body.
    fn queued(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("spool/input")) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.to_string_lossy().ends_with("-H"));
        files.sort();
        let read = |path: &str| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let both = |file: std::path::PathBuf| {
            let head = file.to_string_lossy().into_owned();
            let body = head.strip_suffix("-H").unwrap().to_owned() + "-D";
            read(&head) + &read(&body)
        };
        files.into_iter().map(both).collect()
    }
}

async fn send(peer: &Peer, authority: &Authority, more: &str) -> Result<(), String> {
    let settings = format!("host: localhost\nport: {}\nfrom: argo@example.org\n{more}", peer.port);
    let service = build("email", "email", &settings, &clients(authority), &mut Vec::new())
        .map_err(|error| error.to_string())?;
    let mut message = Message::text("one\n.two");
    message.sections.insert("email".into(), serde_json::json!({"subject": "hello"}));
    service
        .deliver(&message, "b@example.org,c@example.org")
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn exim_takes_our_mails() {
    if tools().is_none() || program("exim4").is_none() || !is_root() {
        return missing("Exim, unpacked, and the right to start it as root");
    }
    let authority = Authority::new();
    for implicit in [false, true] {
        for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5"] {
            let about = format!("{mechanism}, implicit TLS: {implicit}");
            let Some(peer) = start(mechanism, implicit, &authority) else { return missing("libnss-wrapper") };
            let tls = if implicit { "tls: implicit\n" } else { "" };
            send(&peer, &authority, &format!("{tls}username: ann\npassword: s3cret\n")).await.unwrap_or_else(
                |error| panic!("{about}: {error}\n{}{}", peer.read("log/mainlog"), peer.read("out")),
            );
            let mails = peer.queued();
            let mail = mails.first().unwrap_or_else(|| panic!("{about}: no mail"));
            for part in [
                "-auth_id ann",
                "-tls_cipher",
                "b@example.org",
                "c@example.org",
                "Subject: hello",
                "\none\n.two\n",
            ] {
                assert!(mail.contains(part), "{about}: no {part:?} in {mail}");
            }
            let wrong = send(&peer, &authority, &format!("{tls}username: ann\npassword: wrong\n")).await;
            assert!(wrong.as_ref().is_err_and(|error| error.contains("535")), "{about}: {wrong:?}");
            let stranger = send(&peer, &authority, tls).await;
            assert!(
                stranger.as_ref().is_err_and(|error| error.contains("log in first")),
                "{about}: {stranger:?}"
            );
            assert_eq!(peer.queued().len(), 1, "{about}");
        }
    }
    println!(
        "e-mail against Exim: PLAIN, LOGIN and CRAM-MD5, over STARTTLS and over TLS from the first byte"
    );
}
