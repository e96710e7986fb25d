//! What would be sent can be looked at, for every service: something is handed over, and nobody is contacted.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dodona::delivery::client::{Reach, Rehearsal};
use http::{Request, Response};

use crate::contract::{Subject, body, contracts, quiet};

/// Answers as the contract's receiver does and keeps what would be sent.
struct Stage {
    success: Vec<u8>,
    taken: Mutex<Vec<String>>,
}

impl Rehearsal for Stage {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let text = format!("{} {}", request.uri(), String::from_utf8_lossy(request.body()));
        self.taken.lock().unwrap().push(text);
        Response::new(Bytes::from(self.success.clone()))
    }

    fn mail(&self, mail: &[u8]) {
        self.taken.lock().unwrap().push(String::from_utf8_lossy(mail).into_owned());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_can_be_rehearsed() {
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport != "none") {
        let stage = Arc::new(Stage { success: body(&contract.success), taken: Mutex::default() });
        let reach = Reach { rehearsal: Some(Arc::clone(&stage) as Arc<dyn Rehearsal>), ..quiet() };
        let url = if contract.transport == "nats" { "nats://127.0.0.1:1" } else { "http://127.0.0.1:1" };
        // What comes of the answer does not count here: it is made up.
        let result = Subject::new(kind, &contract, url, 1, reach, &[("retryMax", (-1).into())]).send().await;
        let taken = stage.taken.lock().unwrap();
        assert!(!taken.is_empty(), "{kind}: {result:?}");
    }
}
