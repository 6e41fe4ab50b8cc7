//! A question that is asked again and again, aside: whoever wants the answer waits no longer than they
//! chose to.

use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Instant;

/// A question to somebody who may be slow, or never answer.
#[derive(Debug)]
pub struct Query<T> {
    /// Where the answer will come from, while somebody looks for it.
    told: Option<Receiver<T>>,
    /// What came too late for whoever asked.
    late: Option<T>,
    /// Whether it is waited for.
    in_time: bool,
}

impl<T> Default for Query<T> {
    fn default() -> Self {
        Self {
            told: None,
            late: None,
            in_time: true,
        }
    }
}

impl<T: Send + 'static> Query<T> {
    /// Asks, unless this is still under way from before: so what hangs is asked once and not ever again.
    pub fn ask(&mut self, find: impl FnOnce() -> T + Send + 'static) {
        match self.told.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(answer)) => self.late = Some(answer),
            None | Some(Err(TryRecvError::Disconnected)) => {}
        }
        let (tell, told) = mpsc::channel();
        // It fails only where nobody wants to know any more.
        thread::spawn(move || drop(tell.send(find())));
        self.told = Some(told);
    }

    /// The answer, which is waited for until then; or one that came since the last time; or none. Where
    /// one was not in time, the next ones are not waited for until [`Self::trust`].
    pub fn answer(&mut self, until: Instant) -> Option<T> {
        let late = self.late.take();
        let told = self.told.as_ref()?;
        let answer = if self.in_time {
            let wait = until.saturating_duration_since(Instant::now());
            told.recv_timeout(wait).ok()
        } else {
            told.try_recv().ok()
        };
        self.in_time &= answer.is_some();
        if answer.is_some() {
            self.told = None;
        }
        answer.or(late)
    }

    /// Whether the next answer is waited for.
    pub const fn is_waited_for(&self) -> bool {
        self.in_time
    }

    /// Has the next answer be waited for again.
    pub const fn trust(&mut self) {
        self.in_time = true;
    }
}
