//! How many connections many messages open: what `benches/deliver.rs` measures, kept by a test (issue 5).

use std::sync::Arc;
use std::time::Duration;

use dodona::delivery::{DeliveryError, DeliveryOptions, Service};
use dodona::model::{Destination, Message, Receipt, SystemClock};
use dodona::outbox::store::{DeadLetterLimits, MemoryStore};
use dodona::outbox::{Courier, Ending, Outbox, Parcel, Policy};
use futures::future::BoxFuture;

use crate::contract::{Subject, http_contracts};

/// Messages to one receiver.
const MESSAGES: usize = 1000;

struct One(Arc<dyn Service>);

impl Courier for One {
    fn attempt<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        self.0.deliver(&parcel.message, &parcel.destination.recipient)
    }

    fn options(&self, _parcel: &Parcel) -> DeliveryOptions {
        self.0.options()
    }
}

fn parcel(number: usize) -> Parcel {
    Parcel {
        id: 0,
        binding: "app".into(),
        namespace: "argocd".into(),
        name: "shop".into(),
        config_namespace: "argocd".into(),
        // As many queues as it takes to reach the limit of what is under way at the same time.
        destination: Destination::new("webhook", format!("r{}", number % 100)),
        trigger: "on-deployed".into(),
        condition: "[0]".into(),
        ledger_key: format!("on-deployed:[0]:webhook:{number}"),
        message: Message { text: format!("message {number}"), ..Message::default() },
        accepted_at: 0,
        attempts: 0,
    }
}

#[tokio::test]
async fn a_thousand_messages_share_the_connections_that_are_under_way_together() {
    let (_, contract) = http_contracts().into_iter().find(|(kind, _)| *kind == "webhook").unwrap();
    let recorder = contract.accepting();
    let subject = Subject::at("webhook", &contract, &recorder.host());
    let policy = Policy::default();
    let limit = policy.concurrency;
    let store = Arc::new(MemoryStore::new(DeadLetterLimits::default()));
    let (outbox, idle) = Outbox::new(policy, store, Arc::new(SystemClock));
    let mut outcomes = idle.start(Arc::new(One(subject.service)));
    let all = async {
        for number in 0..MESSAGES {
            outbox.accept(parcel(number)).await.unwrap();
        }
        for _ in 0..MESSAGES {
            let outcome = outcomes.recv().await.unwrap();
            assert!(matches!(outcome.ending, Ending::Delivered(_)), "{:?}", outcome.ending);
        }
    };
    tokio::time::timeout(Duration::from_mins(2), all).await.unwrap();
    assert_eq!(recorder.requests().len(), MESSAGES);
    let connections = recorder.connections();
    assert!(connections <= limit, "{connections} connections, at most {limit} expected");
}
