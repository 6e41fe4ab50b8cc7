//! Reads a program's output in the background, bounded in size and time.

use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much output is kept: the end, which says why a program ended.
const MOST: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Reading {
    bytes: Arc<Mutex<Vec<u8>>>,
    done: Receiver<()>,
}

/// Starts reading, so that the program never waits for a reader. Each piece is also passed on as it
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
            // Output before a read error is still worth showing.
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
    /// The output until the pipe was closed or this time has passed: a background process may keep
    /// the pipe open for ever.
    pub(super) fn take_within(self, patience: Duration) -> String {
        // Either end of the wait is fine, and so is a missing pipe.
        let _ = self.done.recv_timeout(patience);
        let bytes = std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner));
        let from = bytes.len().saturating_sub(MOST);
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }
}

/// Joins pieces into lines. Very long lines are split.
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

/// Appends, and drops the beginning now and then.
fn keep(bytes: &mut Vec<u8>, piece: &[u8]) {
    bytes.extend_from_slice(piece);
    if bytes.len() > 2 * MOST {
        bytes.drain(..bytes.len() - MOST);
    }
}
