//! What a drill's clients did, and what they were told.
//!
//! Two kinds of keys are written. Most are written once: whether a write that was acknowledged is
//! still there can be told of every single one. A few, the registers, are written and read by all
//! clients again and again, each time with a value that no other write has: whether reads and writes
//! took effect in one order that everybody could have seen can be told of those.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::values::HostName;

/// Everything that the clients of a drill did, and what was there in the end.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The operations, in the order in which they began.
    pub operations: Vec<Operation>,
    /// What all keys of the drill held when it was over, read linearizably after healing; none where
    /// they could not be read.
    pub left: Option<BTreeMap<String, String>>,
}

/// One request of one client. A client sends the next only when it has an answer or has given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Who sent it, by number.
    pub client: usize,
    /// The member that was asked.
    pub through: HostName,
    /// The key that was written or read.
    pub key: String,
    /// Whether the key is a register: written and read again and again, by all clients.
    pub is_register: bool,
    /// What was asked for.
    pub action: Action,
    /// When it was sent.
    pub begun: Duration,
    /// When it was answered or given up.
    pub ended: Duration,
    /// What came of it.
    pub answer: Answer,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write this value, which no other write of this key has.
    Write(String),
    /// A linearizable read: it takes the quorum.
    Read,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The write was acknowledged.
    Acknowledged,
    /// The read returned this value, or that there is none.
    Value(Option<String>),
    /// It was certainly not carried out, as where nobody listened.
    Refused(String),
    /// It may have been carried out, or may be yet: it timed out, or its connection broke.
    Unknown(String),
}
