//! The HTTP server for operators: `/metrics`, `/healthz`, `/readyz`, and what others add.
//!
//! It is open to the cluster network, so a client that sends or reads slowly, or opens many connections, must not be
//! able to keep the others out for long.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::health::Health;
use super::metrics::Metrics;

/// The content type of Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How clients are kept in check.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time; further ones wait.
    pub connections: usize,
    /// Longest time for a request's head, and for the silence between two requests.
    pub head: Duration,
    /// Age at which a connection is asked to end.
    pub age: Duration,
    /// Time that it has to do so.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            head: Duration::from_secs(10),
            age: Duration::from_mins(5),
            grace: Duration::from_secs(10),
        }
    }
}

/// The routes of every process. Others are added with [`Router::merge`].
pub fn router(metrics: Arc<Metrics>, health: Health) -> Router {
    let page = move || async move { ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.render()) };
    let ready = move || async move {
        let reasons = health.reasons();
        if reasons.is_empty() {
            "ok".into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n").into_response()
        }
    };
    Router::new()
        .route("/metrics", get(page))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
}

/// Serves `router` until `stop` is over; requests that are being answered then get `limits.grace` to end.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(limits.connections.max(1)));
    let stopping = watch::Sender::new(false);
    let accept = async {
        // The semaphore is never closed.
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let served = connection(stream, router.clone(), limits, stopping.subscribe());
                    tokio::spawn(async move {
                        served.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of descriptors, mostly; they come back.
                    tracing::debug!(%error, "failed to accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    stopping.send_replace(true);
    tokio::time::timeout(limits.grace, stopping.closed()).await.ok();
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, mut stopping: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A broken connection is the client's affair.
        _ended = connection.as_mut() => return,
        () = tokio::time::sleep(limits.age) => {}
        _asked = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::time::timeout(limits.grace, connection).await.ok();
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::telemetry::health::STARTUP;

    async fn start(limits: Limits, health: Health) -> (SocketAddr, Arc<Metrics>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Arc::new(Metrics::new());
        let extra = Router::new().route("/extra", get(|| async { "more" }));
        let router = router(Arc::clone(&metrics), health).merge(extra);
        tokio::spawn(serve(listener, router, limits, std::future::pending()));
        (address, metrics)
    }

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn probes_and_metrics_answer() {
        let health = Health::new();
        let (address, metrics) = start(Limits::default(), health.clone()).await;
        metrics.delivered("argocd", "on-deployed", "slack", true);
        let answer = ask(address, "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok"), "{answer}");
        let answer = ask(address, "/metrics").await;
        assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{answer}");
        assert!(answer.contains("argocd_notifications_deliveries_total{"), "{answer}");
        assert!(ask(address, "/extra").await.ends_with("more"));
        assert!(ask(address, "/other").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn readiness_says_what_it_waits_for() {
        let health = Health::new();
        health.not_ready("source app", "listing applications.argoproj.io");
        let (address, _) = start(Limits::default(), health.clone()).await;
        let answer = ask(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        let reasons = "source app: listing applications.argoproj.io\nstartup: the process is starting\n";
        assert!(answer.ends_with(reasons), "{answer}");
        health.ready(STARTUP);
        health.ready("source app");
        assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn silent_clients_keep_nobody_out_for_long() {
        let limits = Limits { connections: 2, head: Duration::from_millis(200), ..Limits::default() };
        let (address, _) = start(limits, Health::new()).await;
        let mut silent = Vec::new();
        for _ in 0..6 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /hea").await.unwrap();
            silent.push(stream);
        }
        let answer = tokio::time::timeout(Duration::from_secs(10), ask(address, "/healthz")).await;
        assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn an_old_connection_is_ended() {
        let limits = Limits {
            age: Duration::from_millis(100),
            grace: Duration::from_millis(100),
            ..Limits::default()
        };
        let (address, _) = start(limits, Health::new()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert_eq!(ended.unwrap().unwrap(), 0);
    }
}
