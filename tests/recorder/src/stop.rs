//! Accepting connections until the recorder is dropped.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use socket2::SockRef;

/// A listener with a thread for each connection.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    open: Arc<Open>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Open {
    stopped: AtomicBool,
    streams: Mutex<BTreeMap<usize, TcpStream>>,
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Listens on a free port of 127.0.0.1 and runs `serve` for each connection.
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let open = Arc::new(Open::default());
        let serve = Arc::new(serve);
        let shared = Arc::clone(&open);
        let thread = std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                // Answers are written in pieces; waiting for the other side's word after each costs 40 ms.
                drop(stream.set_nodelay(true));
                let serve = Arc::clone(&serve);
                let (Ok(mine), Ok(end)) = (stream.try_clone(), stream.try_clone()) else { continue };
                shared.lock().insert(number, mine);
                let open = Arc::clone(&shared);
                std::thread::spawn(move || {
                    serve(stream);
                    drop(open.lock().remove(&number));
                    // A connection that lingers no time is reset when its last copy goes; any other is closed in peace.
                    if SockRef::from(&end).linger().is_ok_and(|linger| linger.is_none()) {
                        drop(end.shutdown(Shutdown::Both));
                    }
                });
            }
        });
        Self { address, open, thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.open.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        for stream in std::mem::take(&mut *self.open.lock()).into_values() {
            // The other side may have closed it already.
            drop(stream.shutdown(Shutdown::Both));
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
