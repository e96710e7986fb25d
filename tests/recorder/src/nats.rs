//! The NATS recorder: says INFO, takes CONNECT, PUB and HPUB, answers PING, and keeps what arrives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::stop::Listener;

/// The INFO of a server that asks for nothing.
pub const INFO: &str =
    r#"{"server_id":"recorder","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576}"#;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Script {
    /// The document behind `INFO`.
    pub info: String,
    /// Said after CONNECT; then the connection is closed, as servers do.
    pub connect_error: Option<String>,
    /// Said after each publication.
    pub publish_error: Option<String>,
    /// TLS, which the client begins after INFO or leaves out.
    pub tls: Option<Arc<ServerConfig>>,
    /// These bytes instead of INFO.
    pub raw: Option<Vec<u8>>,
    /// Say nothing for this long after the connection was made.
    pub silent: Duration,
    /// Whether publications are answered with a closed connection.
    pub hangs_up: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            info: INFO.to_owned(),
            connect_error: None,
            publish_error: None,
            tls: None,
            raw: None,
            silent: Duration::ZERO,
            hangs_up: false,
        }
    }
}

/// A message that arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The subject.
    pub subject: String,
    /// The subject for answers, if there is one.
    pub reply: String,
    /// Headers in order, names as they were written.
    pub headers: Vec<(String, String)>,
    /// The text.
    pub payload: Vec<u8>,
}

/// What has arrived.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// The documents behind `CONNECT`, with whether the connection was encrypted.
    pub connects: Vec<(String, bool)>,
    /// The messages.
    pub messages: Vec<Published>,
}

/// A recording NATS server.
pub struct NatsRecorder {
    listener: Listener,
    traffic: Arc<Mutex<Traffic>>,
}

impl NatsRecorder {
    /// Starts one.
    pub fn start(script: Script) -> Self {
        let traffic: Arc<Mutex<Traffic>> = Arc::default();
        let shared = Arc::clone(&traffic);
        let listener = Listener::start(move |stream| {
            // A client that goes away ends the session by a failed read or write.
            drop(Session { script: &script, traffic: &shared }.serve(stream));
        });
        Self { listener, traffic }
    }

    /// Address and port.
    pub fn host(&self) -> String {
        self.listener.address.to_string()
    }

    /// What has arrived so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what has arrived so far.
    pub fn take(&self) -> Traffic {
        std::mem::take(&mut *self.traffic.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

struct Session<'a> {
    script: &'a Script,
    traffic: &'a Mutex<Traffic>,
}

impl Session<'_> {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        std::thread::sleep(self.script.silent);
        if let Some(raw) = &self.script.raw {
            stream.write_all(raw)?;
            // Until the client hangs up.
            return stream.read_to_end(&mut Vec::new()).map(drop);
        }
        stream.write_all(format!("INFO {} \r\n", self.script.info).as_bytes())?;
        let mut first = [0];
        let wants_tls = self.script.tls.is_some() && stream.peek(&mut first)? == 1 && first == [0x16];
        match self.script.tls.as_ref().filter(|_| wants_tls) {
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
                self.talk(BufReader::new(Box::new(StreamOwned::new(connection, stream))), true)
            }
            None => self.talk(BufReader::new(Box::new(stream)), false),
        }
    }

    fn talk(&self, mut wire: BufReader<Box<dyn Stream>>, encrypted: bool) -> std::io::Result<()> {
        loop {
            let mut line = String::new();
            if wire.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end_matches(['\r', '\n']);
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                "CONNECT" => {
                    self.note(|traffic| traffic.connects.push((rest.to_owned(), encrypted)));
                    if let Some(error) = &self.script.connect_error {
                        return say(&mut wire, error);
                    }
                }
                "PING" => say(&mut wire, "PONG")?,
                "PUB" | "HPUB" => {
                    let message = read_message(&mut wire, verb == "HPUB", rest)?;
                    self.note(|traffic| traffic.messages.push(message));
                    if self.script.hangs_up {
                        return Ok(());
                    }
                    if let Some(error) = &self.script.publish_error {
                        say(&mut wire, error)?;
                    }
                }
                "PONG" | "" => {}
                _ => return say(&mut wire, "-ERR 'Unknown Protocol Operation'"),
            }
        }
    }

    fn note(&self, change: impl FnOnce(&mut Traffic)) {
        change(&mut self.traffic.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn say(wire: &mut BufReader<Box<dyn Stream>>, line: &str) -> std::io::Result<()> {
    let stream = wire.get_mut();
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    stream.flush()
}

/// The rest of a publication: `subject [reply] [header length] total`, and that many bytes.
fn read_message(
    wire: &mut BufReader<Box<dyn Stream>>,
    has_headers: bool,
    line: &str,
) -> std::io::Result<Published> {
    let wrong = || std::io::Error::other("no publication");
    let mut words: Vec<&str> = line.split_ascii_whitespace().collect();
    let mut number = || words.pop().and_then(|word| word.parse::<usize>().ok()).ok_or_else(wrong);
    let total = number()?;
    let head = if has_headers { number()? } else { 0 };
    let mut bytes = vec![0; total + 2];
    wire.read_exact(&mut bytes)?;
    let (content, end) = bytes.split_at(total);
    let (block, payload) = content.split_at_checked(head).ok_or_else(wrong)?;
    if end != b"\r\n" {
        return Err(wrong());
    }
    let block = String::from_utf8_lossy(block).into_owned();
    let headers = block.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    let value = |text: &str| text.strip_prefix(' ').unwrap_or(text).to_owned();
    Ok(Published {
        subject: words.first().map(|word| (*word).to_owned()).unwrap_or_default(),
        reply: words.get(1).map(|word| (*word).to_owned()).unwrap_or_default(),
        headers: headers.map(|(name, text)| (name.to_owned(), value(text))).collect(),
        payload: payload.to_vec(),
    })
}
