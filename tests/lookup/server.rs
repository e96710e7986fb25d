//! A repo server for tests: gRPC on bare HTTP/2, with messages of its own, so that one mistake cannot hide another.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const METADATA: &str = "/repository.RepoServerService/GetRevisionMetadata";
pub(crate) const DETAILS: &str = "/repository.RepoServerService/GetAppDetails";

/// A question about a commit, as the server reads it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CommitQuestion {
    #[prost(message, optional, tag = "1")]
    pub(crate) repo: Option<Repo>,
    #[prost(string, tag = "2")]
    pub(crate) revision: String,
}

/// A question about an application.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DetailsQuestion {
    #[prost(message, optional, tag = "1")]
    pub(crate) repo: Option<Repo>,
    #[prost(message, optional, tag = "2")]
    pub(crate) source: Option<Source>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) repos: Vec<Repo>,
    #[prost(message, optional, tag = "4")]
    pub(crate) kustomize: Option<OneText>,
    #[prost(string, tag = "5")]
    pub(crate) app: String,
    #[prost(message, optional, tag = "10")]
    pub(crate) helm: Option<Texts>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Repo {
    #[prost(string, tag = "1")]
    pub(crate) url: String,
    #[prost(string, tag = "3")]
    pub(crate) password: String,
    #[prost(string, tag = "11")]
    pub(crate) kind: String,
    #[prost(string, tag = "20")]
    pub(crate) project: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Source {
    #[prost(string, tag = "1")]
    pub(crate) url: String,
    #[prost(string, tag = "2")]
    pub(crate) path: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) helm: Option<Texts>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct OneText {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Texts {
    #[prost(string, repeated, tag = "1")]
    pub(crate) texts: Vec<String>,
}

/// The answer about a commit.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Commit {
    #[prost(string, tag = "1")]
    pub(crate) author: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) date: Option<Seconds>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) tags: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) message: String,
    /// A field that the product does not know.
    #[prost(string, tag = "5")]
    pub(crate) signature: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Seconds {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
}

/// How the server answers from now on, by path.
#[derive(Clone)]
pub(crate) enum Answer {
    Bytes(Vec<u8>, Duration),
    Status(u16, &'static str),
    Never,
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, Answer>,
    requests: Vec<(String, Vec<u8>)>,
    certificates: Vec<usize>,
}

/// The server. It stops with the runtime.
#[derive(Clone)]
pub(crate) struct FakeRepoServer {
    pub(crate) authority: String,
    state: Arc<Mutex<State>>,
}

impl FakeRepoServer {
    pub(crate) async fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        Self::serve(listener, tls)
    }

    pub(crate) fn serve(listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let authority = listener.local_addr().unwrap().to_string();
        let server = Self { authority, state: Arc::default() };
        let mut commit = Commit {
            author: "Ada <ada@example.org>".into(),
            message: "fix: it\n\nbody".into(),
            ..Commit::default()
        };
        commit.date = Some(Seconds { seconds: 1_714_979_289 });
        commit.tags = vec!["v1".into()];
        commit.signature = "unread".into();
        server.answer(METADATA, Answer::Bytes(commit.encode_to_vec(), Duration::ZERO));
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (own, tls) = (own.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => own.connection(stream).await,
                        Some(config) => {
                            let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
                            let shown = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
                            own.state.lock().unwrap().certificates.push(shown);
                            own.connection(stream).await;
                        }
                    }
                });
            }
        });
        server
    }

    async fn connection(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| {
            let own = self.clone();
            async move { Ok::<_, Infallible>(own.respond(request).await) }
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.serve_connection(TokioIo::new(stream), service).await.ok();
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Response<http_body_util::combinators::BoxBody<Bytes, Infallible>> {
        let path = request.uri().path().to_owned();
        assert_eq!(request.headers()["content-type"], "application/grpc");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let answer = {
            let mut state = self.state.lock().unwrap();
            // One byte for compression, four for the length.
            state.requests.push((path.clone(), body[5..].to_vec()));
            state.answers.get(&path).cloned()
        };
        let mut trailers = HeaderMap::new();
        let mut frames = Vec::new();
        match answer {
            Some(Answer::Bytes(message, wait)) => {
                tokio::time::sleep(wait).await;
                let mut bytes = vec![0];
                bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
                bytes.extend(message);
                frames.push(Frame::data(Bytes::from(bytes)));
                trailers.insert("grpc-status", 0.into());
            }
            Some(Answer::Status(code, message)) => {
                trailers.insert("grpc-status", code.into());
                trailers.insert("grpc-message", http::HeaderValue::from_static(message));
            }
            Some(Answer::Never) => futures::future::pending().await,
            None => drop(trailers.insert("grpc-status", 12.into())),
        }
        frames.push(Frame::trailers(trailers));
        let body = StreamBody::new(stream::iter(frames.into_iter().map(Ok::<_, Infallible>)));
        Response::builder()
            .header("content-type", "application/grpc")
            .body(http_body_util::combinators::BoxBody::new(body))
            .unwrap()
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    pub(crate) fn requests(&self) -> Vec<(String, Vec<u8>)> {
        self.state.lock().unwrap().requests.clone()
    }

    /// How many certificates each connection showed.
    pub(crate) fn certificates(&self) -> Vec<usize> {
        self.state.lock().unwrap().certificates.clone()
    }
}
