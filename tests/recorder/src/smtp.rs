//! The SMTP recorder: follows a script and keeps the transcript.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::stop::Listener;

/// What the server offers and how it answers.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Capabilities in the answer to EHLO.
    pub ehlo: Vec<String>,
    /// The same after STARTTLS, where they differ.
    pub ehlo_tls: Option<Vec<String>>,
    /// Whether EHLO is refused.
    pub no_ehlo: bool,
    /// The greeting.
    pub greeting: Option<String>,
    /// Replies by verb, by `RCPT:<address>`, or after the final dot (`END`).
    pub replies: BTreeMap<String, String>,
    /// The challenge of CRAM-MD5.
    pub challenge: String,
    /// TLS for STARTTLS, or from the first byte on.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether TLS begins with the first byte.
    pub implicit: bool,
    /// Say nothing for this long after the connection was made.
    pub silent: Duration,
}

/// What has arrived.
#[derive(Clone, Debug, Default)]
pub struct Mails {
    /// `C:`, `S:` and `*:` lines of all sessions.
    pub transcript: Vec<String>,
    /// The mails as they came, dots undone, with their own line ends.
    pub mails: Vec<Vec<u8>>,
}

/// A recording mail server.
pub struct SmtpRecorder {
    listener: Listener,
    mails: Arc<Mutex<Mails>>,
}

impl SmtpRecorder {
    /// Starts one.
    pub fn start(script: Script) -> Self {
        let mails: Arc<Mutex<Mails>> = Arc::default();
        let shared = Arc::clone(&mails);
        let listener = Listener::start(move |stream| {
            std::thread::sleep(script.silent);
            let session = Session { script: &script, mails: &shared, encrypted: script.implicit };
            // A client that goes away ends the session by a failed read or write.
            drop(session.serve(stream));
        });
        Self { listener, mails }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.listener.address.port()
    }

    /// What has arrived so far.
    pub fn mails(&self) -> Mails {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what has arrived so far.
    pub fn take(&self) -> Mails {
        std::mem::take(&mut *self.mails.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

type Wire = BufReader<Box<dyn Stream>>;

struct Session<'a> {
    script: &'a Script,
    mails: &'a Mutex<Mails>,
    encrypted: bool,
}

impl Session<'_> {
    fn serve(mut self, stream: TcpStream) -> std::io::Result<()> {
        let plain = stream.try_clone()?;
        let mut wire: Wire = BufReader::new(Box::new(stream));
        if self.script.implicit {
            wire = self.encrypt(plain.try_clone()?)?;
        }
        let greeting = self.script.greeting.clone().unwrap_or_else(|| "220 recorder ESMTP".to_owned());
        self.say(&mut wire, &greeting)?;
        while let Some(line) = self.hear(&mut wire)? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            if verb == "STARTTLS"
                && !self.script.replies.contains_key("STARTTLS")
                && self.script.tls.is_some()
            {
                self.say(&mut wire, "220 go ahead")?;
                wire = self.encrypt(plain.try_clone()?)?;
                continue;
            }
            if !self.respond(&mut wire, &verb, &line)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn encrypt(&mut self, stream: TcpStream) -> std::io::Result<Wire> {
        let config = self.script.tls.clone().ok_or_else(|| std::io::Error::other("no TLS"))?;
        let mut connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
        let mut stream = stream;
        while connection.is_handshaking() {
            if let Err(error) = connection.complete_io(&mut stream) {
                self.note("*: TLS handshake failed".to_owned());
                return Err(error);
            }
        }
        let name = connection.server_name().unwrap_or_default().to_owned();
        self.note(format!("*: TLS established, server name {name:?}"));
        self.encrypted = true;
        Ok(BufReader::new(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Returns whether the session goes on.
    fn respond(&self, wire: &mut Wire, verb: &str, line: &str) -> std::io::Result<bool> {
        let by_address = line
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map(|(address, _)| format!("{verb}:{address}"));
        let scripted = by_address
            .and_then(|key| self.script.replies.get(&key))
            .or_else(|| self.script.replies.get(verb));
        if let Some(reply) = scripted.filter(|_| verb != "END") {
            self.say(wire, reply)?;
            return Ok(verb != "QUIT");
        }
        match verb {
            "EHLO" if self.script.no_ehlo => self.say(wire, "502 what?")?,
            "EHLO" => self.greet(wire)?,
            "HELO" => self.say(wire, "250 recorder")?,
            "AUTH" => self.authenticate(wire, line)?,
            "DATA" => {
                self.say(wire, "354 go on")?;
                self.receive(wire)?;
            }
            "QUIT" => {
                self.say(wire, "221 bye")?;
                return Ok(false);
            }
            "*" => self.say(wire, "501 cancelled")?,
            _ => self.say(wire, "250 ok")?,
        }
        Ok(true)
    }

    fn greet(&self, wire: &mut Wire) -> std::io::Result<()> {
        let tls = self.script.ehlo_tls.as_ref().filter(|_| self.encrypted);
        let mut lines = vec!["recorder".to_owned()];
        lines.extend(tls.unwrap_or(&self.script.ehlo).iter().cloned());
        let last = lines.len() - 1;
        for (index, line) in lines.iter().enumerate() {
            self.say(wire, &format!("250{}{line}", if index == last { ' ' } else { '-' }))?;
        }
        Ok(())
    }

    fn authenticate(&self, wire: &mut Wire, line: &str) -> std::io::Result<()> {
        let mut words = line.split_whitespace().skip(1);
        let (mechanism, initial) = (words.next().unwrap_or_default(), words.next());
        let challenges: Vec<String> = match (mechanism.to_ascii_uppercase().as_str(), initial) {
            ("PLAIN", Some(_)) => Vec::new(),
            ("PLAIN", None) => vec![String::new()],
            ("LOGIN", None) => vec!["Username:".to_owned(), "Password:".to_owned()],
            ("LOGIN", Some(_)) => vec!["Password:".to_owned()],
            ("CRAM-MD5", _) => vec![self.script.challenge.clone()],
            _ => return self.say(wire, "504 unknown mechanism"),
        };
        for challenge in challenges {
            self.say(wire, &format!("334 {}", STANDARD.encode(challenge)))?;
            self.hear(wire)?;
        }
        self.say(wire, "235 welcome")
    }

    fn receive(&self, wire: &mut Wire) -> std::io::Result<()> {
        let mut mail = Vec::new();
        loop {
            let mut line = Vec::new();
            if wire.read_until(b'\n', &mut line)? == 0 {
                return Err(std::io::Error::other("the mail has no end"));
            }
            if line == b".\r\n" {
                break;
            }
            let undone = line.strip_prefix(b".").unwrap_or(&line);
            mail.extend_from_slice(undone);
        }
        self.note("C: <message>".to_owned());
        self.note("C: .".to_owned());
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).mails.push(mail);
        let reply = self.script.replies.get("END").cloned().unwrap_or_else(|| "250 queued".to_owned());
        self.say(wire, &reply)
    }

    fn hear(&self, wire: &mut Wire) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        if wire.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        self.note(format!("C: {line}"));
        Ok(Some(line))
    }

    fn say(&self, wire: &mut Wire, line: &str) -> std::io::Result<()> {
        self.note(format!("S: {line}"));
        let stream = wire.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        stream.flush()
    }

    fn note(&self, line: String) {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).transcript.push(line);
    }
}
