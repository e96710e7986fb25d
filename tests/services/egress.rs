//! What the services of tenants may reach (design 7): judged by address, after each name is resolved and for each redirect.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dodona::delivery::client::{Clients, Egress, Names, Proxies, Reach};
use dodona::delivery::{DeliveryError, Retry};
use dodona_recorder::http::{Answer, HttpRecorder};
use dodona_recorder::nats::{self, NatsRecorder};
use dodona_recorder::smtp::{Script, SmtpRecorder};
use futures::future::BoxFuture;

use crate::contract::{Contract, Subject, check_secrets, contracts, http_contracts, quiet};

/// A resolver that knows a few names; a name with several lists of addresses gives them in turn.
struct Book {
    names: BTreeMap<&'static str, Vec<&'static str>>,
    asked: AtomicUsize,
}

impl Names for Book {
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let lists = self.names.get(host).cloned().unwrap_or_default();
        let list = lists.get(turn % lists.len().max(1)).copied();
        Box::pin(async move {
            let list = list.ok_or_else(|| io::Error::other("no such name"))?;
            Ok(list.split(' ').map(|address| address.parse().unwrap()).collect())
        })
    }
}

fn clients(names: &[(&'static str, &[&'static str])], allow: &str, proxies: Proxies) -> Clients {
    let names = names.iter().map(|(name, lists)| (*name, lists.to_vec())).collect();
    let book = Arc::new(Book { names, asked: AtomicUsize::new(0) });
    let reach = Reach { names: book, proxies, ..quiet() };
    Clients::new(reach).guarded(Egress::parse(allow).unwrap())
}

async fn send(kind: &str, contract: &Contract, url: &str, clients: &Clients) -> Result<(), DeliveryError> {
    let extra = [("timeout", "60s".into()), ("retryMax", (-1).into())];
    Subject::with(kind, contract, url, 0, clients, &extra).send().await.map(drop)
}

/// The error says that it is about egress, and is final; it does not say what is where.
fn check_closed(kind: &str, contract: &Contract, url: &str, result: Result<(), DeliveryError>) {
    let Err(error) = result else { panic!("{kind}: {url} is reached") };
    assert!(error.detail.contains("--egress-allow"), "{kind}: {url}: {error:?}");
    assert_eq!((error.kind.label(), error.retry), ("config", Retry::No), "{kind}: {url}: {error:?}");
    check_secrets(kind, contract, &error);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_reach_closed_addresses() {
    let book: &[(&str, &[&str])] = &[
        ("inside.example", &["10.0.0.1"]),
        ("both.example", &["127.0.0.1 169.254.169.254"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
    ];
    for (kind, contract) in http_contracts() {
        let recorder = contract.accepting();
        let port = recorder.host().replace("127.0.0.1:", "");
        let closed = clients(book, "", Proxies::default());
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "inside.example",
            "both.example",
            "mapped.example",
        ] {
            let url = format!("http://{host}:{port}");
            check_closed(kind, &contract, &url, send(kind, &contract, &url, &closed).await);
        }
        assert!(recorder.requests().is_empty(), "{kind}");
        assert_eq!(recorder.connections(), 0, "{kind}");
        // The system's own resolver, and a name that everybody has.
        let system = Clients::new(quiet()).guarded(Egress::default());
        let url = format!("http://localhost:{port}");
        check_closed(kind, &contract, &url, send(kind, &contract, &url, &system).await);
        // What the operator allows works, by network and by name.
        let open = clients(book, "127.0.0.1/32,localhost", Proxies::default());
        send(kind, &contract, &format!("http://127.0.0.1:{port}"), &open).await.unwrap();
        send(kind, &contract, &format!("http://both.example:{port}"), &open).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_not_redirected_to_closed_addresses() {
    for (kind, contract) in http_contracts() {
        let inside = contract.accepting();
        let port = inside.host().replace("127.0.0.1:", "");
        // Same name, so that the redirect is followed; it moves to a closed address in between.
        let lists: &[&str] = &["127.0.0.1", "127.0.0.1", "127.0.0.9", "127.0.0.9"];
        let target = format!("http://moving.example:{port}/");
        let outside = HttpRecorder::start(move |_| Answer::reply(307, "").with("Location", &target));
        let clients = clients(&[("moving.example", lists)], "127.0.0.1", Proxies::default());
        let url = format!("http://moving.example:{}", outside.host().replace("127.0.0.1:", ""));
        check_closed(kind, &contract, &url, send(kind, &contract, &url, &clients).await);
        assert_eq!((outside.requests().len(), inside.connections()), (1, 0), "{kind}");
    }
}

/// A name that is judged at one address is not connected to at another one.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_change_their_mind_gain_nothing() {
    for (kind, contract) in http_contracts() {
        let recorder = contract.accepting();
        let port = recorder.host().replace("127.0.0.1:", "");
        let lists: &[&str] = &["127.0.0.9", "127.0.0.1"];
        let clients = clients(&[("rebinding.example", lists)], "127.0.0.9", Proxies::default());
        let url = format!("http://rebinding.example:{port}");
        let error = send(kind, &contract, &url, &clients).await.unwrap_err();
        assert_eq!(recorder.connections(), 0, "{kind}: {error:?}");
    }
}

/// The operator's proxy may be inside; what goes through it is judged first, and the proxy itself is no way in.
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_is_the_operators() {
    let book: &[(&str, &[&str])] = &[
        ("proxy.example", &["127.0.0.1"]),
        ("inside.example", &["10.0.0.1"]),
        ("public.example", &["192.0.9.9"]),
    ];
    for (kind, contract) in http_contracts() {
        let proxy = contract.accepting();
        let port = proxy.host().replace("127.0.0.1:", "");
        let proxies = Proxies { http: Some(format!("http://proxy.example:{port}")), ..Proxies::default() };
        let clients = clients(book, "", proxies);
        for host in ["inside.example".to_owned(), format!("proxy.example:{port}"), "10.0.0.1".to_owned()] {
            let url = format!("http://{host}");
            check_closed(kind, &contract, &url, send(kind, &contract, &url, &clients).await);
        }
        assert_eq!(proxy.connections(), 0, "{kind}");
        // Names that only the proxy can find are its own to judge.
        for host in ["public.example", "known-to-the-proxy.example"] {
            send(kind, &contract, &format!("http://{host}"), &clients).await.unwrap();
        }
        assert!(proxy.requests().len() >= 2, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_servers_of_tenants_are_judged_too() {
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "smtp") {
        let recorder = SmtpRecorder::start(Script::default());
        let at = |host: &'static str, allow: &str| {
            let clients = clients(&[("mail.example", &["127.0.0.1"])], allow, Proxies::default());
            Subject::with(kind, &contract, "", recorder.port(), &clients, &[("host", host.into())])
        };
        for host in ["127.0.0.1", "mail.example"] {
            check_closed(kind, &contract, host, at(host, "").send().await.map(drop));
        }
        assert!(recorder.take().transcript.is_empty(), "{kind}");
        at("mail.example", "127.0.0.0/8").send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_servers_of_tenants_are_judged_too() {
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "nats") {
        let recorder = NatsRecorder::start(nats::Script::default());
        let port = recorder.host().replace("127.0.0.1:", "");
        let at = |host: &str, allow: &str| {
            let clients = clients(&[("nats.example", &["127.0.0.1"])], allow, Proxies::default());
            Subject::with(kind, &contract, &format!("nats://{host}:{port}"), 0, &clients, &[])
        };
        for host in ["127.0.0.1", "nats.example"] {
            check_closed(kind, &contract, host, at(host, "").send().await.map(drop));
        }
        at("nats.example", "127.0.0.0/8").send().await.unwrap();
    }
}
