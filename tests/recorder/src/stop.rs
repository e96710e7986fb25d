//! Accepting connections until the recorder is dropped.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A listener with a thread for each connection.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    open: Arc<Open>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Open {
    stopped: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
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
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let serve = Arc::clone(&serve);
                let (Ok(mine), Ok(end)) = (stream.try_clone(), stream.try_clone()) else { continue };
                shared.streams.lock().unwrap_or_else(PoisonError::into_inner).push(mine);
                std::thread::spawn(move || {
                    serve(stream);
                    // Closes it for good, although a copy waits for the recorder's end.
                    drop(end.shutdown(Shutdown::Both));
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
        for stream in self.open.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // The other side may have closed it already.
            drop(stream.shutdown(Shutdown::Both));
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
