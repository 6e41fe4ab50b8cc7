//! Reads a program's output beside it, bounded in size and in time.

use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much of a program's output is kept: its end, because that says why it ended.
const MOST: usize = 16 << 20;

pub(super) struct Reading {
    bytes: Arc<Mutex<Vec<u8>>>,
    done: Receiver<()>,
}

/// Begins to read; the program never has to wait for a reader. Each piece is also passed on as it
/// comes.
pub(super) fn read_aside(
    pipe: Option<impl Read + Send + 'static>,
    mut pass_on: impl FnMut(&[u8]) + Send + 'static,
) -> Reading {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let (finished, done) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        let bytes = Arc::clone(&bytes);
        thread::spawn(move || {
            let mut piece = vec![0; 64 << 10];
            // What was read before an error is still worth showing.
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                pass_on(&piece[..length]);
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

/// Puts pieces together to lines. A line of more bytes than a reader could want is cut.
pub(super) fn by_lines(mut line: impl FnMut(String)) -> impl FnMut(&[u8]) {
    const LONGEST: usize = 64 << 10;
    let mut begun = Vec::new();
    move |piece| {
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            begun.extend_from_slice(part);
            if begun.ends_with(b"\n") || begun.len() > LONGEST {
                line(String::from_utf8_lossy(&begun).trim_end().to_owned());
                begun.clear();
            }
        }
    }
}

/// Appends, and forgets the beginning now and then rather than at each piece.
fn keep(bytes: &mut Vec<u8>, piece: &[u8]) {
    bytes.extend_from_slice(piece);
    if bytes.len() > 2 * MOST {
        bytes.drain(..bytes.len() - MOST);
    }
}
