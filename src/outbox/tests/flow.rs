//! One behaviour per test: retries, limits, breakers, bounds, draining.

use super::super::store::Filter;
use super::*;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(start_paused = true)]
async fn a_busy_receiver_gets_its_message_later() {
    let start = Instant::now();
    let receiver =
        Receiver::new(move |_| if start.elapsed() < seconds(120) { Answer::Busy } else { Answer::Accept });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    let id = outbox.accept(parcel("slack", "a")).await.unwrap();
    let outcome = outcomes.recv().await.unwrap();
    assert!(is_delivered(&outcome));
    assert_eq!(receiver.tried(id)[..5], [0.0, 1.0, 3.0, 7.0, 15.0]);
    assert_eq!(outcome.parcel.attempts as usize, receiver.tried(id).len());
    assert!(start.elapsed() < seconds(190), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_receiver_delays_only_its_own_queue() {
    let receiver = Receiver::new(|parcel| match &*parcel.destination.service {
        "slow" => Answer::Sleep(seconds(30)),
        _ => Answer::Sleep(Duration::from_millis(5)),
    });
    let (outbox, mut outcomes) = outbox(Policy { concurrency: 3, ..policy() }, &receiver);
    for number in 0..100 {
        outbox.accept(parcel("slow", &format!("r{number}"))).await.unwrap();
        outbox.accept(parcel("fast", &format!("r{number}"))).await.unwrap();
    }
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(&*outcomes.recv().await.unwrap().parcel.destination.service, "fast");
    }
    assert!(start.elapsed() < seconds(1), "{:?}", start.elapsed());
    assert_eq!((receiver.peak("slow"), receiver.peak("fast")), (3, 3));
    for _ in 0..100 {
        assert!(is_delivered(&outcomes.recv().await.unwrap()));
    }
    assert_eq!(receiver.peak("slow"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_recipient_delays_no_other_recipient() {
    let receiver = Receiver::new(|parcel| match &*parcel.destination.recipient {
        "slow" => Answer::Sleep(seconds(30)),
        _ => Answer::Accept,
    });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    for recipient in ["slow", "slow", "a", "b"] {
        outbox.accept(parcel("teams", recipient)).await.unwrap();
    }
    let start = Instant::now();
    let mut ends = Vec::new();
    for _ in 0..4 {
        let outcome = outcomes.recv().await.unwrap();
        ends.push((outcome.parcel.destination.recipient.to_string(), start.elapsed().as_secs()));
    }
    let expected = [("a", 0), ("b", 0), ("slow", 30), ("slow", 60)];
    assert_eq!(ends, expected.map(|(recipient, at)| (recipient.to_owned(), at)));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_answers_is_broken_off() {
    let receiver = Receiver::new(|_| Answer::Sleep(seconds(1_000_000)));
    receiver
        .set("slack", DeliveryOptions { timeout: Some(seconds(10)), retries: Some(2), ..Default::default() });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    let id = outbox.accept(parcel("slack", "a")).await.unwrap();
    let outcome = outcomes.recv().await.unwrap();
    assert_eq!(receiver.tried(id), [0.0, 11.0, 23.0]);
    assert_eq!(refusal(&outcome).to_string(), "gave up after 3 attempts in 33 s: no answer within 10 s");
    assert_eq!(refusal(&outcome).kind, ErrorKind::Network);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_and_capped() {
    let receiver = Receiver::new(|parcel| match parcel.attempts {
        0 => Answer::RetryAfter(seconds(17)),
        1 => Answer::RetryAfter(Duration::ZERO),
        2 => Answer::RetryAfter(Duration::MAX),
        _ => Answer::Accept,
    });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    let id = outbox.accept(parcel("slack", "a")).await.unwrap();
    assert!(is_delivered(&outcomes.recv().await.unwrap()));
    assert_eq!(receiver.tried(id), [0.0, 17.0, 18.0, 918.0]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_is_a_dead_letter_until_redelivered() {
    let start = Instant::now();
    let receiver =
        Receiver::new(move |_| if start.elapsed() < seconds(5) { Answer::Refuse } else { Answer::Accept });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    let id = outbox.accept(parcel("slack", "a")).await.unwrap();
    assert_eq!(refusal(&outcomes.recv().await.unwrap()).to_string(), "no such channel");
    tokio::time::sleep(seconds(7200)).await;
    assert_eq!(receiver.tried(id), [0.0]);
    let letters = outbox.dead_letters();
    assert_eq!((letters.len(), letters[0].parcel.id, letters[0].at), (1, id, 1_700_000_000_000));

    assert!(outbox.redeliver(&Filter { id: Some(id + 1), ..Filter::default() }).await.is_empty());
    let again = outbox.redeliver(&Filter { service: Some("slack".into()), ..Filter::default() }).await;
    assert_eq!(again.iter().map(|parcel| parcel.id).collect::<Vec<_>>(), [id]);
    assert!(is_delivered(&outcomes.recv().await.unwrap()));
    assert!(outbox.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_age_limit_counts_from_acceptance() {
    let receiver = Receiver::new(|_| Answer::Busy);
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    for _ in 0..3 {
        outbox.accept(parcel("slack", "a")).await.unwrap();
    }
    let start = Instant::now();
    for id in 1..=3 {
        let outcome = outcomes.recv().await.unwrap();
        assert_eq!(outcome.parcel.id, id);
        assert_eq!(refusal(&outcome).status, if id == 1 { Some(503) } else { None }, "{outcome:?}");
        assert_eq!(start.elapsed(), seconds(3600));
    }
    assert_eq!(outbox.snapshot().parcels, 0);
    assert_eq!(outbox.dead_letters().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_service_overrides_the_age_limit_and_the_number_of_retries() {
    let receiver = Receiver::new(|_| Answer::Busy);
    receiver.set("brief", DeliveryOptions { max_age: Some(seconds(5)), ..Default::default() });
    receiver.set("once", DeliveryOptions { retries: Some(0), ..Default::default() });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    outbox.accept(parcel("brief", "")).await.unwrap();
    outbox.accept(parcel("once", "")).await.unwrap();
    let start = Instant::now();
    assert_eq!(outcomes.recv().await.unwrap().parcel.attempts, 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(outcomes.recv().await.unwrap().parcel.attempts, 3);
    assert_eq!(start.elapsed(), seconds(5));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_for_the_whole_service() {
    let receiver = Receiver::new(|_| Answer::Accept);
    receiver.set("slack", DeliveryOptions { rate_limit: Some(2.0), ..Default::default() });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    for number in 0..9 {
        outbox.accept(parcel("slack", &format!("r{}", number % 3))).await.unwrap();
    }
    outbox.accept(parcel("email", "a")).await.unwrap();
    let start = Instant::now();
    let mut slack = Vec::new();
    for _ in 0..10 {
        if &*outcomes.recv().await.unwrap().parcel.destination.service == "slack" {
            slack.push(start.elapsed().as_millis());
        } else {
            assert_eq!(start.elapsed(), Duration::ZERO);
        }
    }
    assert_eq!(slack, [0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000]);
    tokio::time::sleep(seconds(1)).await;
    assert!(outbox.snapshot().services.is_empty(), "an idle service costs nothing");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_down_is_probed_and_then_gets_everything() {
    let start = Instant::now();
    let receiver = Receiver::new(move |parcel| match &*parcel.destination.service {
        "down" if start.elapsed() < seconds(300) => Answer::Down,
        _ => Answer::Accept,
    });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    for number in 0..200 {
        outbox.accept(parcel("down", &format!("r{number}"))).await.unwrap();
    }
    tokio::time::sleep(seconds(200)).await;
    let snapshot = outbox.snapshot();
    assert_eq!((snapshot.parcels, snapshot.services[0].breaker), (200, BreakerState::Open));
    assert_eq!(snapshot.services[0].oldest, seconds(200));
    let attempts = receiver.log.lock().unwrap().len();
    assert!((20..=30).contains(&attempts), "{attempts} attempts while the service was down");
    outbox.accept(parcel("up", "a")).await.unwrap();
    assert_eq!(&*outcomes.recv().await.unwrap().parcel.destination.service, "up");
    for _ in 0..200 {
        assert!(is_delivered(&outcomes.recv().await.unwrap()));
    }
    assert!(start.elapsed() < seconds(300 + 125), "{:?}", start.elapsed());
    assert!(outbox.snapshot().services.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_makes_the_source_wait_and_drops_nothing() {
    let receiver = Receiver::new(|_| Answer::Sleep(seconds(1)));
    let capacity = 10 * parcel("slack", "a").weight();
    let (outbox, mut outcomes) = outbox(Policy { capacity, ..policy() }, &receiver);
    for _ in 0..10 {
        outbox.accept(parcel("slack", "a")).await.unwrap();
    }
    let full = outbox.try_accept(parcel("slack", "a")).await;
    assert!(matches!(full, Err(AcceptError::Full(_))), "{full:?}");
    let start = Instant::now();
    outbox.accept(parcel("slack", "a")).await.unwrap();
    assert_eq!(start.elapsed(), seconds(1));

    let mut huge = parcel("slack", "a");
    huge.message = Message::text("x".repeat(10 * capacity));
    outbox.accept(huge).await.unwrap();
    assert_eq!(start.elapsed(), seconds(11), "a message beyond the bound goes through alone");
    for id in 1..=12 {
        assert_eq!(outcomes.recv().await.unwrap().parcel.id, id);
    }
    assert_eq!(outbox.snapshot().bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_defect_in_a_service_harms_only_its_message() {
    let receiver = Receiver::new(|parcel| if parcel.id == 1 { Answer::Panic } else { Answer::Accept });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    outbox.accept(parcel("slack", "a")).await.unwrap();
    outbox.accept(parcel("slack", "a")).await.unwrap();
    assert_eq!(refusal(&outcomes.recv().await.unwrap()).kind, ErrorKind::Internal);
    assert!(is_delivered(&outcomes.recv().await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_what_is_due_and_returns_the_rest() {
    let receiver = Receiver::new(|parcel| match &*parcel.destination.service {
        "busy" => Answer::Busy,
        "hangs" => Answer::Sleep(seconds(50)),
        _ => Answer::Sleep(seconds(2)),
    });
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    for service in ["fine", "fine", "busy", "hangs"] {
        outbox.accept(parcel(service, "a")).await.unwrap();
    }
    let start = Instant::now();
    let left = outbox.drain(seconds(10)).await;
    assert_eq!(start.elapsed(), seconds(10));
    let left: Vec<_> = left.iter().map(|parcel| &*parcel.destination.service).collect();
    assert_eq!(left, ["busy", "hangs"]);
    assert_eq!([outcomes.recv().await.unwrap().parcel.id, outcomes.recv().await.unwrap().parcel.id], [1, 2]);
    assert!(outcomes.recv().await.is_none());
    assert!(matches!(outbox.accept(parcel("fine", "a")).await, Err(AcceptError::Closed(_))));
}

#[tokio::test(start_paused = true)]
async fn draining_ends_early_when_nothing_is_due_in_time() {
    let receiver = Receiver::new(|_| Answer::RetryAfter(seconds(100)));
    let (outbox, _outcomes) = outbox(policy(), &receiver);
    outbox.accept(parcel("slack", "a")).await.unwrap();
    tokio::time::sleep(seconds(1)).await;
    let start = Instant::now();
    assert_eq!(outbox.drain(seconds(30)).await.len(), 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_destinations_are_no_matter() {
    let receiver = Receiver::new(|_| Answer::Accept);
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    for round in 0..3 {
        for number in 0..10_000 {
            outbox.accept(parcel("slack", &format!("r{number}"))).await.unwrap();
        }
        for _ in 0..10_000 {
            assert!(is_delivered(&outcomes.recv().await.unwrap()), "round {round}");
        }
    }
    assert!(receiver.peak("slack") <= policy().concurrency);
    let snapshot = outbox.snapshot();
    assert_eq!((snapshot.queues.len(), snapshot.services.len(), snapshot.bytes), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_tells_what_a_queue_waits_for() {
    let receiver = Receiver::new(|parcel| match &*parcel.destination.recipient {
        "busy" => Answer::Busy,
        _ => Answer::Sleep(seconds(30)),
    });
    let (outbox, _outcomes) = outbox(Policy { concurrency: 2, ..policy() }, &receiver);
    for recipient in ["busy", "a", "b", "c"] {
        outbox.accept(parcel("slack", recipient)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    let snapshot = outbox.snapshot();
    let states: Vec<_> =
        snapshot.queues.iter().map(|queue| (&*queue.destination.recipient, queue.state)).collect();
    let retry = QueueState::Retry(Duration::from_millis(400));
    let expected =
        [("a", QueueState::Answer), ("b", QueueState::Answer), ("busy", retry), ("c", QueueState::Slot)];
    assert_eq!(states, expected);
    assert_eq!(snapshot.queues[2].last_error.as_deref(), Some("busy"));
    assert_eq!((snapshot.in_flight, snapshot.services[0].in_flight, snapshot.services[0].parcels), (2, 2, 4));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_stops_the_pump() {
    let receiver = Receiver::new(|_| Answer::Sleep(seconds(30)));
    let (outbox, mut outcomes) = outbox(policy(), &receiver);
    outbox.accept(parcel("slack", "a")).await.unwrap();
    tokio::time::sleep(seconds(1)).await;
    drop(outbox);
    assert!(outcomes.recv().await.is_none());
}
