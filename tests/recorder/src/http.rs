//! The HTTP recorder: HTTP/1.1 with keep-alive, read by hand so that nothing is tidied up on the way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::stop::Listener;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The address on which it arrived.
    pub address: SocketAddr,
    /// The method as it was written.
    pub method: String,
    /// Path and query as they were written.
    pub target: String,
    /// Headers in order, names as they were written.
    pub headers: Vec<(String, String)>,
    /// The body, chunks put together.
    pub body: Vec<u8>,
    /// When its last byte was there.
    pub at: Instant,
    /// The number of its connection.
    pub connection: usize,
}

impl Recorded {
    /// The first header called `name`, without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The request as text: start line, headers and body.
    pub fn text(&self) -> String {
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {}\n{}\n{body}", self.method, self.target, headers.concat())
    }
}

/// What to do with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Answer.
    Reply {
        /// Status code.
        status: u16,
        /// Headers; `Content-Length` is added.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// Close the connection without a word.
    Drop,
    /// Close it in the middle of the answer.
    Truncate,
    /// Keep it open and say nothing for this long.
    Hang(Duration),
    /// Begin the answer, then say nothing for this long: as when the other side has gone without a word.
    HalfOpen(Duration),
    /// Reset the connection.
    Reset,
    /// 200 and a body that never ends.
    Endless,
    /// 200 and a body of so many bytes, made while it is sent.
    Huge(u64),
    /// 200 and a small body that unpacks to so many bytes.
    Bomb(u64),
    /// These bytes, then close.
    Raw(Vec<u8>),
}

impl Answer {
    /// `status` with `body`.
    pub fn reply(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Reply { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// Decides how to answer; called in order of arrival.
pub type Behaviour = dyn Fn(&Recorded) -> Answer + Send + Sync;

/// A recording HTTP server.
pub struct HttpRecorder {
    listener: Listener,
    requests: Arc<Mutex<Vec<Recorded>>>,
    connections: Arc<AtomicUsize>,
}

struct Shared {
    behaviour: Box<Behaviour>,
    requests: Arc<Mutex<Vec<Recorded>>>,
    connections: Arc<AtomicUsize>,
    tls: Option<Arc<ServerConfig>>,
    /// Whether TLS begins behind a CONNECT, as with a proxy that looks inside.
    intercepts: bool,
}

impl HttpRecorder {
    /// A plain server.
    pub fn start(behaviour: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(None, behaviour)
    }

    /// A server that speaks TLS if `tls` is there.
    pub fn start_with(
        tls: Option<Arc<ServerConfig>>,
        behaviour: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_as(tls, false, behaviour)
    }

    /// A proxy that takes CONNECT and then is the host that was asked for, with the certificate in `tls`.
    pub fn intercepting(
        tls: Arc<ServerConfig>,
        behaviour: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_as(Some(tls), true, behaviour)
    }

    fn start_as(
        tls: Option<Arc<ServerConfig>>,
        intercepts: bool,
        behaviour: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (requests, connections) = (Arc::default(), Arc::<AtomicUsize>::default());
        let shared = Shared {
            behaviour: Box::new(behaviour),
            requests: Arc::clone(&requests),
            connections: Arc::clone(&connections),
            tls,
            intercepts,
        };
        let listener = Listener::start(move |stream| shared.serve(stream));
        Self { listener, requests, connections }
    }

    /// A server that gives `answers` in order and 500 afterwards.
    pub fn scripted(answers: Vec<Answer>) -> Self {
        let next = AtomicUsize::new(0);
        Self::start(move |_| {
            let index = next.fetch_add(1, Ordering::SeqCst);
            answers.get(index).cloned().unwrap_or_else(|| Answer::reply(500, "no answer left"))
        })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.listener.address.to_string()
    }

    /// What has arrived so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what has arrived so far.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Connections opened so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let Ok(address) = stream.local_addr() else { return };
        let Ok(end) = stream.try_clone() else { return };
        // A client that has gone away ends the thread by a failed read or write.
        let ended = match &self.tls {
            None => self.converse(BufReader::new(stream), "http", address, number),
            Some(config) => {
                let mut stream = stream;
                if self.intercepts && connect(&mut stream).is_err() {
                    return;
                }
                let Ok(connection) = ServerConnection::new(Arc::clone(config)) else { return };
                let stream = StreamOwned::new(connection, stream);
                self.converse(BufReader::new(stream), "https", address, number)
            }
        };
        if matches!(ended, Ok(Next::Reset)) {
            drop(SockRef::from(&end).set_linger(Some(Duration::ZERO)));
        }
    }

    fn converse<S: Read + Write>(
        &self,
        mut stream: BufReader<S>,
        scheme: &'static str,
        address: SocketAddr,
        connection: usize,
    ) -> std::io::Result<Next> {
        while let Some(mut request) = read_request(&mut stream)? {
            request.scheme = scheme;
            request.address = address;
            request.connection = connection;
            let answer = {
                let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
                requests.push(request.clone());
                (self.behaviour)(&request)
            };
            let head = request.method == "HEAD";
            match write_answer(stream.get_mut(), answer, head)? {
                Next::Stay => {}
                end => return Ok(end),
            }
        }
        Ok(Next::Close)
    }
}

/// What becomes of a connection after an answer.
enum Next {
    Stay,
    Close,
    Reset,
}

/// Takes a CONNECT. Nothing follows it before the answer, so that the buffer is empty when it is dropped.
fn connect(stream: &mut TcpStream) -> std::io::Result<()> {
    let request = read_request(&mut BufReader::new(&mut *stream))?;
    if request.is_none_or(|request| request.method != "CONNECT") {
        return Err(broken("no CONNECT"));
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")
}

fn broken(what: &str) -> std::io::Error {
    std::io::Error::other(what.to_owned())
}

fn line(stream: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let line = String::from_utf8_lossy(&line).into_owned();
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read_request(stream: &mut impl BufRead) -> std::io::Result<Option<Recorded>> {
    let Some(start) = line(stream)? else { return Ok(None) };
    let mut parts = start.splitn(3, ' ').map(ToOwned::to_owned);
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let header = line(stream)?.ok_or_else(|| broken("no end of the headers"))?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(|| broken("a header without a colon"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let find = |name: &str| {
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let body = if find("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        read_chunks(stream)?
    } else {
        let length = find("content-length").and_then(|value| value.parse().ok()).unwrap_or(0usize);
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        body
    };
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let at = Instant::now();
    Ok(Some(Recorded { scheme: "", address: nowhere, method, target, headers, body, at, connection: 0 }))
}

fn read_chunks(stream: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?.ok_or_else(|| broken("no chunk"))?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| broken("no size of a chunk"))?;
        let mut chunk = vec![0; size];
        stream.read_exact(&mut chunk)?;
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
        body.append(&mut chunk);
    }
}

fn write_answer(stream: &mut impl Write, answer: Answer, head: bool) -> std::io::Result<Next> {
    match answer {
        Answer::Reply { status, headers, body } => {
            write!(stream, "HTTP/1.1 {status} {}\r\nContent-Length: {}\r\n", reason(status), body.len())?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            stream.write_all(b"\r\n")?;
            if !head && !matches!(status, 100..=199 | 204 | 304) {
                stream.write_all(&body)?;
            }
            stream.flush()?;
            return Ok(Next::Stay);
        }
        Answer::Drop => {}
        Answer::Reset => return Ok(Next::Reset),
        Answer::Truncate => stream.write_all(HALF)?,
        Answer::Hang(time) => std::thread::sleep(time),
        Answer::HalfOpen(time) => {
            stream.write_all(HALF)?;
            stream.flush()?;
            std::thread::sleep(time);
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            std::io::copy(&mut std::io::repeat(b'x'), stream)?;
        }
        Answer::Huge(length) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
            std::io::copy(&mut std::io::repeat(b'x').take(length), stream)?;
        }
        Answer::Bomb(length) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")?;
            let mut packed = flate2::write::GzEncoder::new(&mut *stream, flate2::Compression::fast());
            std::io::copy(&mut std::io::repeat(b' ').take(length), &mut packed)?;
            packed.finish()?;
        }
        Answer::Raw(bytes) => stream.write_all(&bytes)?,
    }
    stream.flush()?;
    Ok(Next::Close)
}

/// The beginning of an answer.
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
