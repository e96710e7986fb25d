//! For any sequence of answers: every accepted parcel ends exactly once, in order per destination.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::*;

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Accept),
        2 => Just(Answer::Busy),
        2 => Just(Answer::Down),
        1 => Just(Answer::Refuse),
        1 => Just(Answer::Panic),
        1 => (0..2000_u64).prop_map(|seconds| Answer::RetryAfter(Duration::from_secs(seconds))),
        1 => (0..100_u64).prop_map(|seconds| Answer::Sleep(Duration::from_secs(seconds))),
    ]
}

/// A parcel to a small set of destinations, some time after the one before.
fn arrivals() -> impl Strategy<Value = (u8, u8, u16)> {
    (0..3_u8, 0..4_u8, prop_oneof![Just(0_u16), 0..600_u16])
}

async fn play(answers: Vec<Answer>, arrivals: Vec<(u8, u8, u16)>, concurrency: usize, rate: Option<f64>) {
    let next = AtomicUsize::new(0);
    let receiver = Receiver::new(move |_| {
        let index = next.fetch_add(1, Ordering::Relaxed);
        // After the script the receivers are well again, some of the time.
        answers.get(index).cloned().unwrap_or(if index.is_multiple_of(7) {
            Answer::Busy
        } else {
            Answer::Accept
        })
    });
    let capacity = 20 * parcel("s0", "r0").weight();
    let (outbox, mut outcomes) =
        outbox(Policy { concurrency, capacity, rate_limit: rate, ..policy() }, &receiver);
    let count = arrivals.len();
    let mut accepted: BTreeMap<Destination, Vec<u64>> = BTreeMap::new();
    for (service, recipient, pause) in arrivals {
        tokio::time::sleep(Duration::from_secs(u64::from(pause))).await;
        let parcel = parcel(&format!("s{service}"), &format!("r{recipient}"));
        let destination = parcel.destination.clone();
        let id = outbox.accept(parcel).await.unwrap();
        accepted.entry(destination).or_default().push(id);
    }
    let mut ended: BTreeMap<Destination, Vec<u64>> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for _ in 0..count {
        let outcome = outcomes.recv().await.unwrap();
        ended.entry(outcome.parcel.destination.clone()).or_default().push(outcome.parcel.id);
        if !is_delivered(&outcome) {
            refused.insert(outcome.parcel.id);
        }
    }
    assert_eq!(ended, accepted);
    let letters: BTreeSet<u64> = outbox.dead_letters().iter().map(|letter| letter.parcel.id).collect();
    assert_eq!(letters, refused);
    let snapshot = outbox.snapshot();
    assert_eq!((snapshot.parcels, snapshot.bytes, snapshot.in_flight), (0, 0, 0));
    assert!((0..3).all(|service| receiver.peak(&format!("s{service}")) <= concurrency));
    assert!(outbox.drain(Duration::ZERO).await.is_empty());
    assert!(outcomes.recv().await.is_none(), "a parcel ended twice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_parcel_ends_once_and_in_order(
        answers in prop::collection::vec(answers(), 0..120),
        arrivals in prop::collection::vec(arrivals(), 1..60),
        concurrency in 1..4_usize,
        rate in prop_oneof![3 => Just(None), 1 => (0.05..50.0_f64).prop_map(Some)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(answers, arrivals, concurrency, rate));
    }
}
