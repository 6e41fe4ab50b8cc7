//! The summary of a drill: the writes that survived, the longest time without writes, how long each phase
//! took, and whether the drill passed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::history::{Action, Answer, History, Operation};
use super::latency::Latencies;
use super::registers::{self, RegisterProof};
use super::restored::Restored;
use super::{Drill, Event, Moment, first};
use crate::values::HostName;
use crate::wording::{list_of_words, many};

/// The summary of a drill.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The time from the clients' first request to their last answer.
    pub span: Duration,
    /// Times in which the clients sent nothing, for example because their writes would have been lost on
    /// purpose. Nothing is known about these times, so they are not gaps.
    pub rests: Vec<Gap>,
    /// The counts of the clients' writes by outcome.
    pub writes: Writes,
    /// The number of answered reads while the clients were at work.
    pub reads: usize,
    /// How long requests took.
    pub latencies: Latencies,
    /// What was read back at the end; none if that was not possible, so that losses are unknown.
    pub read_back: Option<ReadBack>,
    /// Whether the registers behaved like a single copy.
    pub registers: RegisterProof,
    /// The longest time without an acknowledged write while clients were at work. The start and the end of
    /// their work and of their rests count as borders, like writes.
    pub longest_gap: Gap,
    /// The longest gap that overlaps the time between the start of the injection and the start of the
    /// healing, or the time of the change; none if neither began or the clients rested all that time.
    pub gap_under_fault: Option<Gap>,
    /// The first new leader after the injection or the change began; none if leadership did not change.
    pub new_leader: Option<NewLeader>,
    /// The time from the start of the injection until `verify` reported what was expected; none if it did
    /// not, or if nothing was expected.
    pub found_after: Option<Duration>,
    /// The time from the start of the injection until the acknowledgement of a write that was sent after the
    /// injection was complete; none if there was no such write, or if the clients rested first.
    pub written_after: Option<Duration>,
    /// What the restoration cost; none if nothing was restored.
    pub restoration: Option<Restoration>,
    /// The time from the start of the healing, or from the end of the change, until `verify` found nothing wrong.
    pub healthy_after: Option<Duration>,
    /// Why the drill failed; empty if it passed.
    pub reasons: Vec<Shortfall>,
}

impl Summary {
    /// Summarizes a drill.
    pub fn of(drill: &Drill) -> Self {
        let history = &drill.history;
        let restored = drill.restored.as_ref();
        let registers = match restored {
            Some(restored) => registers::prove_restored(history, restored),
            None => registers::prove(history),
        };
        let read_back = ReadBack::of(history, restored);
        let injected = first(drill, |event| *event == Event::Injected);
        let healing = first(drill, |event| {
            matches!(event, Event::Healing | Event::Changed)
        });
        let found = first(drill, |event| *event == Event::Found);
        let since =
            |begun: Option<Duration>, ended: Option<Duration>| Some(ended?.saturating_sub(begun?));
        // If the start of the injection is unknown, its end is used.
        let begun = first(drill, Event::begins);
        let mut rests = rests(history);
        // The clients pause for a moment when the data has been replaced, and no member runs then.
        rests.retain(|rest| {
            restored.is_none_or(|restored| restored.at < rest.from || rest.to < restored.at)
        });
        let gaps = gaps(history, &rests);
        let longest_gap = longest(gaps.iter()).unwrap_or_default();
        let gap_under_fault = begun.and_then(|begun| {
            let reaches_in =
                |gap: &&Gap| gap.to > begun && healing.is_none_or(|healing| gap.from < healing);
            longest(gaps.iter().filter(reaches_in))
        });
        let written = injected.and_then(|injected| {
            let first = first_write_from(history, injected)?;
            let rested = rests
                .iter()
                .any(|rest| rest.to > injected && rest.from < first.begun);
            (!rested).then_some(first.ended)
        });
        Self {
            span: span(history),
            writes: Writes::of(history, &rests),
            rests,
            reads: reads(history),
            latencies: Latencies::of(drill),
            longest_gap,
            gap_under_fault,
            new_leader: begun.and_then(|begun| NewLeader::of(&drill.moments, begun)),
            found_after: since(begun, found.filter(|_| !drill.expected.is_empty())),
            written_after: since(begun, written),
            restoration: restored.map(|restored| Restoration {
                announced: acknowledged(history)
                    .filter(|(one, _)| restored.lacks(one))
                    .count(),
                served_after: since(
                    healing,
                    first_write_from(history, restored.at).map(|one| one.ended),
                ),
            }),
            healthy_after: since(healing, first(drill, |event| *event == Event::Healthy)),
            reasons: reasons(drill, read_back.as_ref(), &registers),
            read_back,
            registers,
        }
    }

    /// Whether the drill passed.
    pub const fn is_passed(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Whether `verify` was expected to report something, and reported exactly that.
    pub fn is_found(&self) -> bool {
        let is_missed = |reason: &Shortfall| matches!(reason, Shortfall::NotFound { .. });
        self.found_after.is_some() && !self.reasons.iter().any(is_missed)
    }
}

/// What a restoration cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restoration {
    /// Acknowledged writes that the snapshot does not hold.
    pub announced: usize,
    /// The time from the start of the healing until the acknowledgement of the first write that was sent
    /// to the restored cluster; none if there was no such write.
    pub served_after: Option<Duration>,
}

/// The counts of writes by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writes {
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Of these, writes of keys that are written once.
    pub acknowledged_once: usize,
    /// Acknowledged writes per minute while the clients were at work.
    pub per_minute: usize,
    /// Writes that were certainly not carried out.
    pub refused: usize,
    /// Writes whose client never learned whether they were carried out.
    pub unknown: usize,
    /// How many of these turned out to be carried out: the key still had the value at the end, or a client
    /// read it from the register. None if nothing was read back.
    pub unknown_that_took_effect: Option<usize>,
}

impl Writes {
    fn of(history: &History, rests: &[Gap]) -> Self {
        let writes = || writes(history);
        let all = acknowledged(history).count();
        let rested = rests.iter().map(Gap::length).sum();
        let worked = span(history).saturating_sub(rested);
        let per_minute = (all as u128 * 60_000).checked_div(worked.as_millis());
        let unknown = || writes().filter(|(one, _)| matches!(one.answer, Answer::Unknown(_)));
        let seen: BTreeSet<(&str, &str)> = history
            .operations
            .iter()
            .filter_map(|one| match &one.answer {
                Answer::Value(Some(value)) => Some((one.key.as_str(), value.as_str())),
                _ => None,
            })
            .collect();
        let took_effect = |left: &BTreeMap<String, String>| {
            let took_effect = |(one, value): &(&Operation, &str)| {
                left.get(&one.key).is_some_and(|left| left == value)
                    || seen.contains(&(one.key.as_str(), *value))
            };
            unknown().filter(took_effect).count()
        };
        Self {
            acknowledged: all,
            acknowledged_once: acknowledged(history)
                .filter(|(one, _)| !one.is_register)
                .count(),
            per_minute: usize::try_from(per_minute.unwrap_or_default()).unwrap_or(usize::MAX),
            refused: writes().filter(|(one, _)| is_refused(one)).count(),
            unknown: unknown().count(),
            unknown_that_took_effect: history.left.as_ref().map(took_effect),
        }
    }
}

/// What was read back of the keys that are written once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// Acknowledged writes whose key is gone or holds another value, in the order of their start. Without
    /// those whose loss a restoration announced.
    pub lost: Vec<Lost>,
    /// Writes whose loss a restoration announced, but which are there: the cluster is not the restored one.
    pub not_taken_back: usize,
    /// Acknowledged writes whose loss was announced.
    pub announced: usize,
    /// Writes that were refused, so certainly not carried out, but are there nevertheless.
    pub refused_and_there: Vec<Operation>,
}

/// An acknowledged write that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The key whose value is lost.
    pub key: String,
    /// The value whose write was acknowledged.
    pub value: String,
    /// The member that acknowledged it.
    pub through: HostName,
    /// When it was acknowledged.
    pub acknowledged: Duration,
    /// What the key holds instead; none if it is gone.
    pub holds: Option<String>,
}

impl ReadBack {
    fn of(history: &History, restored: Option<&Restored>) -> Option<Self> {
        let left = history.left.as_ref()?;
        let is_announced = |one: &Operation| restored.is_some_and(|restored| restored.lacks(one));
        let once = || writes(history).filter(|(one, _)| !one.is_register);
        let lost = once()
            .filter(|(one, _)| one.answer == Answer::Acknowledged && !is_announced(one))
            .filter_map(|(one, value)| {
                let holds = left.get(&one.key);
                let is_lost = holds.is_none_or(|holds| holds != value);
                is_lost.then(|| Lost {
                    key: one.key.clone(),
                    value: value.to_owned(),
                    through: one.through.clone(),
                    acknowledged: one.ended,
                    holds: holds.cloned(),
                })
            });
        // A refused client may retry with the same key and value.
        let others: BTreeSet<(&str, &str)> = once()
            .filter(|(one, _)| !is_refused(one))
            .map(|(one, value)| (one.key.as_str(), value))
            .collect();
        let refused_and_there = once().filter(|(one, value)| {
            is_refused(one)
                && left.get(&one.key).is_some_and(|left| left == value)
                && !others.contains(&(one.key.as_str(), *value))
        });
        let announced = || once().filter(|(one, _)| is_announced(one));
        let is_there = |(one, _): &(&Operation, &str)| left.contains_key(&one.key);
        Some(Self {
            lost: lost.collect(),
            not_taken_back: announced().filter(is_there).count(),
            announced: announced().count(),
            refused_and_there: refused_and_there.map(|(one, _)| one.clone()).collect(),
        })
    }
}

/// A time in which no write was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gap {
    /// When the last write before it was acknowledged, or when the clients started.
    pub from: Duration,
    /// When the first write after it was acknowledged, or when the clients stopped.
    pub to: Duration,
}

impl Gap {
    /// Its length.
    pub const fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

/// A member that took the lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeader {
    /// The time from the start of the injection or the change until it was seen to lead.
    pub after: Duration,
    /// The member that took the lead.
    pub leader: HostName,
    /// The Raft term that it leads in.
    pub term: u64,
}

impl NewLeader {
    fn of(moments: &[Moment], begun: Duration) -> Option<Self> {
        moments.iter().find_map(|moment| match &moment.event {
            Event::NewLeader { leader, term } if moment.at >= begun => Some(Self {
                after: moment.at.saturating_sub(begun),
                leader: leader.clone(),
                term: *term,
            }),
            _ => None,
        })
    }
}

/// Why a drill failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shortfall {
    /// The fault was not injected.
    NotInjected,
    /// The change is not complete.
    NotChanged,
    /// No write was acknowledged.
    NothingWritten,
    /// What was written could not be read back.
    NotReadBack,
    /// This many acknowledged writes of keys that are written once are gone or replaced.
    Lost(usize),
    /// This many writes whose loss was announced are there: not the restored data, or not only, is served.
    NotTakenBack(usize),
    /// This many writes that were certainly not carried out are there.
    RefusedAndThere(usize),
    /// This many registers did not behave like a single copy.
    NotLinearizable(usize),
    /// The registers could not be checked, for this reason.
    NotShownLinearizable(&'static str),
    /// `verify` did not report what was expected.
    NotFound {
        /// The findings that were expected.
        expected: Vec<String>,
        /// The findings that were reported.
        reported: Vec<String>,
    },
    /// The cluster was not healthy at the end; its health.
    NotHealthy(String),
}

impl Shortfall {
    /// Its name in machine-readable output.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotInjected => "not-injected",
            Self::NotChanged => "not-changed",
            Self::NothingWritten => "nothing-written",
            Self::NotReadBack => "not-read-back",
            Self::Lost(_) => "lost",
            Self::NotTakenBack(_) => "not-taken-back",
            Self::RefusedAndThere(_) => "refused-and-there",
            Self::NotLinearizable(_) => "not-linearizable",
            Self::NotShownLinearizable(_) => "not-shown-linearizable",
            Self::NotFound { .. } => "not-found",
            Self::NotHealthy(_) => "not-healthy",
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInjected => f.write_str("the fault was not injected"),
            Self::NotChanged => f.write_str("the change is not complete"),
            Self::NothingWritten => {
                f.write_str("no write was acknowledged, so there was nothing to lose")
            }
            Self::NotReadBack => {
                f.write_str("the written values could not be read back, so losses are unknown")
            }
            Self::Lost(lost) => write!(f, "{} lost", many(*lost, "acknowledged write")),
            Self::NotTakenBack(there) => write!(
                f,
                "{} after the snapshot {} still there, so not only the restored data is served",
                many(*there, "write"),
                if *there == 1 { "is" } else { "are" }
            ),
            Self::RefusedAndThere(there) => write!(
                f,
                "{} that {} refused took effect",
                many(*there, "write"),
                if *there == 1 { "was" } else { "were" }
            ),
            Self::NotLinearizable(registers) => {
                write!(f, "{} not linearizable", many(*registers, "register"))
            }
            Self::NotShownLinearizable(why) => {
                write!(f, "linearizability was not shown: {why}")
            }
            Self::NotFound { expected, reported } => {
                let missing = but(expected, reported);
                let unexpected = but(reported, expected);
                match (missing.is_empty(), unexpected.is_empty()) {
                    (true, true) => {
                        f.write_str("`verify` did not report the expected findings in time")
                    }
                    (false, true) => {
                        write!(f, "`verify` did not report {}", list_of_words(missing))
                    }
                    (true, false) => write!(
                        f,
                        "`verify` reported {}, which was not expected",
                        list_of_words(unexpected)
                    ),
                    (false, false) => write!(
                        f,
                        "`verify` reported {} instead of {}",
                        list_of_words(unexpected),
                        list_of_words(missing)
                    ),
                }
            }
            Self::NotHealthy(how) if how.is_empty() => {
                f.write_str("the cluster was not healthy afterwards")
            }
            Self::NotHealthy(how) => {
                write!(f, "the cluster was not healthy afterwards: {how}")
            }
        }
    }
}

/// The lines of the first that are not in the second.
fn but<'a>(some: &'a [String], others: &[String]) -> Vec<&'a String> {
    some.iter().filter(|line| !others.contains(line)).collect()
}

fn reasons(
    drill: &Drill,
    read_back: Option<&ReadBack>,
    registers: &RegisterProof,
) -> Vec<Shortfall> {
    let happened = |event: &Event| drill.moments.iter().any(|moment| moment.event == *event);
    let mut reasons = Vec::new();
    let is_change = drill.disturbance.is_change();
    let is_changed = is_change && happened(&Event::Changed);
    if is_change {
        reasons.extend((!is_changed).then_some(Shortfall::NotChanged));
    } else if !happened(&Event::Injected) {
        reasons.push(Shortfall::NotInjected);
    }
    if acknowledged(&drill.history).next().is_none() {
        reasons.push(Shortfall::NothingWritten);
    }
    match read_back {
        None => reasons.push(Shortfall::NotReadBack),
        Some(read_back) => {
            let (lost, there) = (read_back.lost.len(), read_back.refused_and_there.len());
            reasons.extend((lost > 0).then_some(Shortfall::Lost(lost)));
            let kept = read_back.not_taken_back;
            reasons.extend((kept > 0).then_some(Shortfall::NotTakenBack(kept)));
            reasons.extend((there > 0).then_some(Shortfall::RefusedAndThere(there)));
        }
    }
    if !registers.violations.is_empty() {
        reasons.push(Shortfall::NotLinearizable(registers.violations.len()));
    } else if !registers.ambiguous.is_empty() {
        let why = "a value was written twice to one register";
        reasons.push(Shortfall::NotShownLinearizable(why));
    } else if !registers.holds() {
        let why = "no register was written or read";
        reasons.push(Shortfall::NotShownLinearizable(why));
    }
    let set = |lines: &[String]| lines.iter().cloned().collect::<BTreeSet<_>>();
    // If nothing is expected, there is nothing to wait for.
    let is_found = drill.expected.is_empty() || happened(&Event::Found);
    if !is_found || set(&drill.expected) != set(&drill.reported) {
        reasons.push(Shortfall::NotFound {
            expected: drill.expected.clone(),
            reported: drill.reported.clone(),
        });
    }
    // Half of a change is not expected to be healthy.
    if !happened(&Event::Healthy) && (is_changed || !is_change) {
        reasons.push(Shortfall::NotHealthy(drill.afterwards.clone()));
    }
    reasons
}

fn writes(history: &History) -> impl Iterator<Item = (&Operation, &str)> {
    history
        .operations
        .iter()
        .filter_map(|one| match &one.action {
            Action::Write(value) => Some((one, value.as_str())),
            Action::Read => None,
        })
}

fn acknowledged(history: &History) -> impl Iterator<Item = (&Operation, &str)> {
    writes(history).filter(|(one, _)| one.answer == Answer::Acknowledged)
}

const fn is_refused(operation: &Operation) -> bool {
    matches!(operation.answer, Answer::Refused(_))
}

fn reads(history: &History) -> usize {
    let is_answered = |one: &&Operation| matches!(one.answer, Answer::Value(_));
    history.operations.iter().filter(is_answered).count()
}

/// The time from the clients' first request to their last answer. Nothing can be written after that, for
/// example while waiting for the cluster to be healthy.
fn span(history: &History) -> Duration {
    let ends = history.operations.iter().map(|one| one.ended);
    ends.max().unwrap_or_default()
}

/// Of the writes that began at or after `from`, the one that was acknowledged first.
fn first_write_from(history: &History, from: Duration) -> Option<&Operation> {
    let later = acknowledged(history).filter(|(one, _)| one.begun >= from);
    later.map(|(one, _)| one).min_by_key(|one| one.ended)
}

/// How long the clients must send nothing to count as resting. Between two requests, clients wait a twentieth
/// of this.
const REST: Duration = Duration::from_millis(500);

/// The times in which no request was under way.
fn rests(history: &History) -> Vec<Gap> {
    let mut requests: Vec<(Duration, Duration)> = history
        .operations
        .iter()
        .map(|one| (one.begun, one.ended))
        .collect();
    requests.sort_unstable();
    let mut answered = Duration::ZERO;
    let mut rests = Vec::new();
    for (begun, ended) in requests {
        let rest = Gap {
            from: answered,
            to: begun,
        };
        if rest.length() >= REST {
            rests.push(rest);
        }
        answered = answered.max(ended);
    }
    rests
}

/// The times between acknowledged writes, without the rests, in order.
fn gaps(history: &History, rests: &[Gap]) -> Vec<Gap> {
    let mut borders: Vec<Duration> = acknowledged(history).map(|(one, _)| one.ended).collect();
    borders.extend([Duration::ZERO, span(history)]);
    borders.extend(rests.iter().flat_map(|rest| [rest.from, rest.to]));
    borders.sort_unstable();
    let gaps = borders.windows(2).map(|pair| Gap {
        from: pair[0],
        to: pair[1],
    });
    gaps.filter(|gap| !rests.contains(gap)).collect()
}

/// The first of the longest.
fn longest<'a>(gaps: impl Iterator<Item = &'a Gap>) -> Option<Gap> {
    gaps.copied().reduce(|longest, gap| {
        if gap.length() > longest.length() {
            gap
        } else {
            longest
        }
    })
}
