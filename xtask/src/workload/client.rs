//! A client: it sends a request, waits for the answer, records both, and repeats.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Orders;
use crate::drill::history::{Action, Answer, Operation};
use crate::etcd::gateway::{Gateway, Unanswered};
use crate::pause::pause;
use crate::values::HostName;

/// The kind of keys that a client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Write-once keys.
    Once,
    /// A few registers, which all such clients write and read.
    Registers,
}

pub(super) struct Client {
    pub(super) number: usize,
    pub(super) through: HostName,
    pub(super) gateway: Gateway,
    pub(super) keys: Keys,
    pub(super) prefix: String,
    pub(super) lease: String,
    pub(super) begun: Instant,
    /// Whether its member is gone.
    pub(super) is_over: Arc<AtomicBool>,
}

/// The number of registers. With so few, several clients always use the same one.
const REGISTERS: usize = 3;

/// The minimum pause after a failed request.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

impl Client {
    /// Works until it is stopped, and returns its operations.
    pub(super) fn work(&self, orders: &Orders) -> Vec<Operation> {
        let mut account = Vec::new();
        let mut turn = 0;
        let is_over = || {
            let mut ends = [&orders.stop, &self.is_over].into_iter();
            ends.any(|end| end.load(Ordering::SeqCst))
        };
        while !is_over() {
            // Counted first: whoever pauses the clients waits for the requests under way.
            let Some(under_way) = orders.request() else {
                pause(AFTER_FAILURE);
                continue;
            };
            let next = Instant::now() + orders.interval();
            let operation = self.take_turn(turn);
            drop(under_way);
            turn += 1;
            let answered = matches!(operation.answer, Answer::Acknowledged | Answer::Value(_));
            account.push(operation);
            let left = next.saturating_duration_since(Instant::now());
            pause(if answered {
                left
            } else {
                left.max(AFTER_FAILURE)
            });
        }
        account
    }

    fn take_turn(&self, turn: usize) -> Operation {
        let is_register = self.keys == Keys::Registers;
        let key = match self.keys {
            Keys::Once => format!("{}once/{}/{turn:08}", self.prefix, self.number),
            Keys::Registers => {
                let register = (turn + self.number) % REGISTERS;
                format!("{}register/{register}", self.prefix)
            }
        };
        // The clients write every register once, then read all of them, and so on.
        let writes = !is_register || (turn / REGISTERS).is_multiple_of(2);
        let value = format!("{}-{turn}", self.number);
        let begun = self.begun.elapsed();
        let (action, (answer, revision)) = if writes {
            let answer = match self.gateway.put(&key, &value, &self.lease) {
                Ok(revision) => (Answer::Acknowledged, revision),
                Err(unanswered) => (unanswered.into(), None),
            };
            (Action::Write(value), answer)
        } else {
            let answer = match self.gateway.get_at(&key) {
                Ok((value, revision)) => (Answer::Value(value), revision),
                Err(unanswered) => (unanswered.into(), None),
            };
            (Action::Read, answer)
        };
        Operation {
            client: self.number,
            through: self.through.clone(),
            key,
            is_register,
            action,
            begun,
            ended: self.begun.elapsed(),
            answer,
            revision,
        }
    }
}

impl From<Unanswered> for Answer {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(why) => Self::Refused(why),
            Unanswered::Unknown(why) => Self::Unknown(why),
        }
    }
}
