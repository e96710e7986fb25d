//! The services against receivers that others wrote, started by the tests.
//!
//! `./test` fetches them: programs of Debian packages are unpacked into the folder that `DODONA_TEST_TOOLS` names, Python's
//! come with the interpreter that `DODONA_TEST_PYTHON` names. Without these variables `PATH` is searched. Where a receiver
//! is missing, its test says so; with `DODONA_TEST_PEERS=all`, as `./test` sets it, it fails.

mod aiosmtpd;
mod alertmanager;
mod exim;
mod moto;
mod nats;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dodona::delivery::client::{Clients, Reach};
use dodona_recorder::Authority;

#[expect(clippy::disallowed_methods, reason = "a test's own environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says that a receiver is missing; a failure where all have to be there.
#[expect(clippy::print_stdout, reason = "the run says which receivers it had")]
fn missing(what: &str) {
    assert!(variable("DODONA_TEST_PEERS").as_deref() != Some("all"), "{what} is missing");
    println!("SKIPPED: {what} is missing (./test fetches it)");
}

/// The folder of unpacked packages.
fn tools() -> Option<PathBuf> {
    variable("DODONA_TEST_TOOLS").map(PathBuf::from).filter(|folder| folder.is_dir())
}

/// Folders of libraries among the unpacked packages: `usr/lib/<machine>-linux-gnu`.
fn libraries() -> Vec<PathBuf> {
    let Some(entries) = tools().and_then(|tools| std::fs::read_dir(tools.join("usr/lib")).ok()) else {
        return Vec::new();
    };
    let folders = entries.map(|entry| entry.unwrap().path());
    folders.filter(|folder| folder.to_string_lossy().ends_with("-linux-gnu")).collect()
}

/// The program `name`, unpacked or installed.
fn program(name: &str) -> Option<PathBuf> {
    let unpacked = tools().into_iter().flat_map(|tools| ["usr/sbin", "usr/bin"].map(|part| tools.join(part)));
    let path = variable("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).collect::<Vec<_>>();
    unpacked.chain(installed).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A Python that has the module `module`.
fn python(module: &str) -> Option<String> {
    let candidates = variable("DODONA_TEST_PYTHON").into_iter().chain(["python3".to_owned()]);
    candidates.into_iter().find(|python| {
        let found =
            Command::new(python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    })
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.starts_with(b"0"))
}

/// A port that is free for now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A receiver at work, with a folder of its own; it ends with this value.
struct Peer {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Peer {
    /// Starts `command` and waits until it listens on `port`. What it prints goes into `out` in its folder.
    fn start(mut command: Command, port: u16, folder: tempfile::TempDir) -> Self {
        let out = std::fs::File::create(folder.path().join("out")).unwrap();
        command.stdout(out.try_clone().unwrap()).stderr(out).stdin(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut peer = Self { process, port, folder };
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return peer;
            }
            if peer.process.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{command:?} does not listen:\n{}", peer.read("out"));
    }

    /// The text of a file in its folder.
    fn read(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Writes a file for a receiver that is about to start.
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Clients that trust `authority` alone.
fn clients(authority: &Authority) -> Clients {
    Clients::new(Reach { authorities: Some(vec![authority.der()]), tls_directory: None, ..Reach::default() })
}
