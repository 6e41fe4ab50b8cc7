//! Queries that run in the background, so that a slow answer does not hold up the caller.

use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Instant;

/// A query whose answer may be slow or never come.
#[derive(Debug)]
pub struct Query<T> {
    /// The channel for the answer of the query under way.
    receiver: Option<Receiver<T>>,
    /// An answer that came after the caller had stopped waiting.
    late: Option<T>,
    /// Whether the caller waits for the answer.
    in_time: bool,
}

impl<T> Default for Query<T> {
    fn default() -> Self {
        Self {
            receiver: None,
            late: None,
            in_time: true,
        }
    }
}

impl<T: Send + 'static> Query<T> {
    /// Starts the query, unless the previous one is still running: a query that hangs is started
    /// only once.
    pub fn ask(&mut self, find: impl FnOnce() -> T + Send + 'static) {
        match self.receiver.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(answer)) => self.late = Some(answer),
            None | Some(Err(TryRecvError::Disconnected)) => {}
        }
        let (sender, receiver) = mpsc::channel();
        // Sending fails only if nobody waits for the answer any more.
        thread::spawn(move || drop(sender.send(find())));
        self.receiver = Some(receiver);
    }

    /// Waits for the answer until the deadline, or returns one that came since the last call. After
    /// a query has missed its deadline, later answers are not waited for until [`Self::trust`].
    pub fn answer(&mut self, until: Instant) -> Option<T> {
        let late = self.late.take();
        let receiver = self.receiver.as_ref()?;
        let answer = if self.in_time {
            let wait = until.saturating_duration_since(Instant::now());
            receiver.recv_timeout(wait).ok()
        } else {
            receiver.try_recv().ok()
        };
        self.in_time &= answer.is_some();
        if answer.is_some() {
            self.receiver = None;
        }
        answer.or(late)
    }

    /// Whether the next answer will be waited for.
    pub const fn is_waited_for(&self) -> bool {
        self.in_time
    }

    /// Waits for the next answer again.
    pub const fn trust(&mut self) {
        self.in_time = true;
    }
}
