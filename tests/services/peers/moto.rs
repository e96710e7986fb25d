//! Messages into queues of moto, which stands in for Amazon's SQS and is asked with Amazon's own library.

use std::process::Command;

use dodona::model::Message;
use dodona_recorder::Authority;
use serde_json::{Value, json};

use super::{Peer, clients, free_port, missing, python};
use crate::play::build;

/// Makes the queues, or prints what is in them.
const PROGRAM: &str = r#"
import boto3, json, sys
sqs = boto3.client("sqs", endpoint_url=sys.argv[1], region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="s3cret")
if sys.argv[2] == "make":
    sqs.create_queue(QueueName="plain")
    sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})
else:
    for name in "plain", "ordered.fifo":
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"])
        print(json.dumps([{"body": m["Body"], "attributes": m.get("MessageAttributes", {}), "group": m["Attributes"].get("MessageGroupId"),
            "deduplication": m["Attributes"].get("MessageDeduplicationId")} for m in answer.get("Messages", [])]))
"#;

fn ask(python: &str, peer: &Peer, what: &str) -> Vec<Value> {
    let url = format!("http://127.0.0.1:{}", peer.port);
    let output = Command::new(python).args(["-c", PROGRAM, &url, what]).output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), peer.read("out"));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn send(peer: &Peer, queue: &str, section: Value) -> Result<(), String> {
    let settings = format!(
        "queue: {queue}\nregion: eu-west-1\nkey: AKIDEXAMPLE\nsecret: s3cret\ndelaySeconds: 0\nendpointUrl: http://127.0.0.1:{}\n",
        peer.port
    );
    let service = build("awssqs", "awssqs", &settings, &clients(&Authority::new()), &mut Vec::new())
        .map_err(|error| error.to_string())?;
    let mut message = Message::text("h\u{e9}llo \"<&>\"\nline two");
    message.sections.insert("awssqs".into(), section);
    service.deliver(&message, "").await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_takes_our_messages() {
    let Some(python) = python("moto.server") else { return missing("moto") };
    let port = free_port();
    let mut command = Command::new(&python);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
    let peer = Peer::start(command, port, tempfile::tempdir().unwrap());
    ask(&python, &peer, "make");
    send(&peer, "plain", json!({"messageAttributes": {"app": "shop"}})).await.unwrap();
    send(&peer, "ordered.fifo", json!({"messageGroupId": "shop", "messageDeduplicationId": "d1"}))
        .await
        .unwrap();
    let found = ask(&python, &peer, "read");
    let body = "h\u{e9}llo \"<&>\"\nline two";
    assert_eq!(found[0][0]["body"], body, "{found:?}");
    assert_eq!(found[0][0]["attributes"]["app"]["StringValue"], "shop", "{found:?}");
    for (field, wanted) in [("body", body), ("group", "shop"), ("deduplication", "d1")] {
        assert_eq!(found[1][0][field], wanted, "{found:?}");
    }
    let unknown = send(&peer, "nowhere", json!({})).await.unwrap_err();
    assert!(
        unknown.to_lowercase().contains("does not exist") || unknown.contains("NonExistentQueue"),
        "{unknown}"
    );
    println!("messages against moto's SQS: a standard queue, a FIFO queue, a queue that is not there");
}
