//! What a drill's clients did, and the answers they got.
//!
//! Two kinds of keys are written. Most are written once, so that each acknowledged write can be checked
//! individually. A few, the registers, are written and read by all clients again and again, each time with a
//! unique value: they show whether reads and writes took effect in one order that all clients could have
//! seen.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::values::HostName;

/// Everything that a drill's clients did, and the keys that were left at the end.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The operations, in the order of their start.
    pub operations: Vec<Operation>,
    /// The values of all keys of the drill, read linearizably after healing; none if they could not be read.
    pub left: Option<BTreeMap<String, String>>,
}

/// A request of a client. A client sends its next request only after it has an answer or has given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The number of the client that sent it.
    pub client: usize,
    /// The member that was asked.
    pub through: HostName,
    /// The key that was written or read.
    pub key: String,
    /// Whether the key is a register: written and read again and again, by all clients.
    pub is_register: bool,
    /// The requested action.
    pub action: Action,
    /// When it was sent.
    pub begun: Duration,
    /// When it was answered or given up.
    pub ended: Duration,
    /// The result.
    pub answer: Answer,
    /// The revision that the answer names: that of the write, or the one that was read. None without an answer.
    pub revision: Option<u64>,
}

/// What a client requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write this value, which is unique for this key.
    Write(String),
    /// A linearizable read, which needs a quorum.
    Read,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The write was acknowledged.
    Acknowledged,
    /// The read returned this value, or none.
    Value(Option<String>),
    /// It was certainly not carried out, as when nothing listened.
    Refused(String),
    /// It may have been carried out, or may still be: it timed out, or its connection broke.
    Unknown(String),
}
