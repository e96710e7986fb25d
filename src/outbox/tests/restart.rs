//! What the outbox owes to a store that outlives the process.

use super::super::store::Stored;
use super::*;
use crate::delivery::conversation::{
    Conversation, ConversationKey, Conversations as _, Journal, MemoryConversations, Remembered,
};

/// A store with something left in it, which notes what it is told.
#[derive(Default)]
struct Ledger {
    left: Vec<Stored>,
    notes: Mutex<Vec<String>>,
}

impl Ledger {
    fn note(&self, text: String) {
        self.notes.lock().unwrap().push(text);
    }
}

impl Journal for Ledger {
    fn conversations(&self) -> Vec<Remembered> {
        Vec::new()
    }

    fn remember(&self, remembered: &Remembered) {
        self.note(format!("remember {}", remembered.key.topic));
    }

    fn forget(&self, key: &ConversationKey) {
        self.note(format!("forget {}", key.topic));
    }
}

impl Store for Ledger {
    fn all(&self) -> Vec<Stored> {
        self.left.clone()
    }

    fn put<'a>(&'a self, parcel: &'a Arc<Parcel>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if &*parcel.destination.service == "unstorable" {
                return Err(StoreError("disk full".into()));
            }
            self.note(format!("put {}", parcel.id));
            Ok(())
        })
    }

    fn delivered(&self, parcel: &Parcel, _receipt: &Receipt) {
        self.note(format!("delivered {}", parcel.id));
    }

    fn done(&self, id: u64) {
        self.note(format!("done {id}"));
    }

    fn bury(&self, letter: DeadLetter) {
        self.note(format!("bury {}", letter.parcel.id));
    }

    fn dead_letters(&self) -> Vec<Arc<DeadLetter>> {
        Vec::new()
    }

    fn take(&self, _filter: &Filter) -> Vec<Arc<DeadLetter>> {
        Vec::new()
    }

    fn dead_letter_counts(&self) -> (usize, u64) {
        (0, 0)
    }
}

fn left(id: u64, age: Duration) -> Arc<Parcel> {
    let accepted_at = 1_700_000_000_000 - i64::try_from(age.as_millis()).unwrap();
    Arc::new(Parcel { id, accepted_at, ..parcel("slack", "a") })
}

fn start(store: Ledger, receiver: &Arc<Receiver>) -> (Arc<Ledger>, Outbox, mpsc::UnboundedReceiver<Outcome>) {
    let store = Arc::new(store);
    let clock = Arc::new(FixedClock::at(1_700_000_000));
    let (outbox, idle) = Outbox::new(policy(), Arc::clone(&store) as Arc<dyn Store>, clock);
    (store, outbox, idle.start(Arc::clone(receiver) as Arc<dyn Courier>))
}

#[tokio::test(start_paused = true)]
async fn what_was_left_comes_first_and_what_was_delivered_is_only_reported() {
    let receiver = Receiver::new(|_| Answer::Accept);
    let second = Duration::from_secs(1);
    let store = Ledger {
        left: vec![
            Stored::Delivered(left(7, 3 * second), Receipt::default()),
            Stored::Waiting(left(8, 2 * second)),
            Stored::Waiting(left(9, second)),
        ],
        ..Ledger::default()
    };
    let (store, outbox, mut outcomes) = start(store, &receiver);
    assert_eq!(outbox.pending().iter().map(|parcel| parcel.id).collect::<Vec<_>>(), [8, 9]);
    assert_eq!(outbox.accept(parcel("slack", "a")).await.unwrap(), 10);
    for id in 7..=10 {
        let outcome = outcomes.recv().await.unwrap();
        assert_eq!(outcome.parcel.id, id);
        assert!(is_delivered(&outcome));
        outbox.recorded(id);
    }
    assert!(receiver.tried(7).is_empty());
    let mut notes = store.notes.lock().unwrap().clone();
    notes.sort();
    assert_eq!(
        notes.join(", "),
        "delivered 10, delivered 8, delivered 9, done 10, done 7, done 8, done 9, put 10"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_before_there_is_a_courier() {
    let receiver = Receiver::new(|_| Answer::Accept);
    let store =
        Arc::new(Ledger { left: vec![Stored::Waiting(left(8, Duration::ZERO))], ..Ledger::default() });
    let clock = Arc::new(FixedClock::at(1_700_000_000));
    let (outbox, idle) = Outbox::new(policy(), Arc::clone(&store) as Arc<dyn Store>, clock);
    assert_eq!(outbox.accept(parcel("slack", "a")).await.unwrap(), 9);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(receiver.tried(8).is_empty() && receiver.tried(9).is_empty());
    let mut outcomes = idle.start(Arc::clone(&receiver) as Arc<dyn Courier>);
    for id in [8, 9] {
        let outcome = outcomes.recv().await.unwrap();
        assert_eq!((outcome.parcel.id, is_delivered(&outcome)), (id, true));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_tried_once_all_the_same() {
    let day = Duration::from_hours(24);
    let receiver = Receiver::new(|parcel| if parcel.id == 1 { Answer::Busy } else { Answer::Accept });
    let waiting = vec![Stored::Waiting(left(1, day)), Stored::Waiting(left(2, day))];
    let (store, _outbox, mut outcomes) = start(Ledger { left: waiting, ..Ledger::default() }, &receiver);
    assert_eq!(
        refusal(&outcomes.recv().await.unwrap()).to_string(),
        "gave up after 1 attempt in 1440 min: busy"
    );
    assert!(is_delivered(&outcomes.recv().await.unwrap()));
    assert_eq!(store.notes.lock().unwrap().join(", "), "bury 1, delivered 2");
}

#[tokio::test(start_paused = true)]
async fn a_parcel_that_cannot_be_stored_is_not_accepted() {
    let receiver = Receiver::new(|_| Answer::Accept);
    let (_store, outbox, _outcomes) = start(Ledger::default(), &receiver);
    let error = outbox.accept(parcel("unstorable", "a")).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to store a message: disk full");
    assert_eq!((outbox.snapshot().parcels, outbox.snapshot().bytes), (0, 0));
}

/// What services remember goes into the same store, in order (issue: conversations that survive).
#[test]
fn a_store_is_told_of_conversations() {
    let store = Arc::new(Ledger::default());
    let clock = Arc::new(crate::model::FixedClock::at(0));
    let key = |topic: &str| ConversationKey { account: "a".into(), place: "p".into(), topic: topic.into() };
    let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    let conversations = MemoryConversations::new(clock, Some(shared));
    conversations.put(key("one"), Conversation::default());
    conversations.put(key("two"), Conversation::default());
    conversations.forget(&key("one"));
    assert_eq!(*store.notes.lock().unwrap(), ["remember one", "remember two", "forget one"]);
}
