//! Reads a program's output beside it, bounded in size and in time.

use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much of a program's output is kept: its end, because that says why it ended.
const MOST: usize = 16 << 20;

/// Output that is being read.
pub(super) struct Reading {
    bytes: Arc<Mutex<Vec<u8>>>,
    done: Receiver<()>,
}

/// Begins to read; the program never has to wait for a reader.
pub(super) fn read_aside(pipe: Option<impl Read + Send + 'static>) -> Reading {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let (finished, done) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        let bytes = Arc::clone(&bytes);
        thread::spawn(move || {
            let mut piece = vec![0; 64 << 10];
            // What was read before an error is still worth showing.
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                keep(
                    &mut bytes.lock().unwrap_or_else(PoisonError::into_inner),
                    &piece[..length],
                );
            }
            let _ = finished.send(());
        });
    }
    Reading { bytes, done }
}

impl Reading {
    /// Everything that came until the pipe was closed, or until this time has passed: whoever
    /// inherited the pipe may hold it open for ever.
    pub(super) fn take_within(self, patience: Duration) -> String {
        // Both ends of the wait are fine, and so is a pipe that never was.
        let _ = self.done.recv_timeout(patience);
        let bytes = std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner));
        let from = bytes.len().saturating_sub(MOST);
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }
}

/// Appends, and forgets the beginning now and then rather than at each piece.
fn keep(bytes: &mut Vec<u8>, piece: &[u8]) {
    bytes.extend_from_slice(piece);
    if bytes.len() > 2 * MOST {
        bytes.drain(..bytes.len() - MOST);
    }
}
