//! Whether what clients wrote to registers, and read from them, took effect in one order that agrees
//! with the times at which they were told: linearizability (Herlihy and Wing, "Linearizability: A
//! Correctness Condition for Concurrent Objects", 1990).
//!
//! To find such an order by trying takes a time that explodes. Here every write of a register has a
//! value of its own, so each read names the write it saw, and that makes it easy (Gibbons and Korach,
//! "Testing Shared Memories", SIAM J. Comput. 26(4), 1997; in the form of Golab, Li and Shah, "Analyzing
//! Consistency Properties for Fun and Profit", PODC 2011).
//!
//! **What is asked.** An operation precedes another if it ended before the other began. Wanted is an
//! order of a register's operations that keeps every precedence, and in which each read returns what
//! the last write before it wrote. Registers need not be looked at together: a history is
//! linearizable exactly if that of each register is (Herlihy and Wing's theorem 1, locality). Where
//! one ended at the very moment at which another began, the clock does not tell which was first, and
//! neither precedes.
//!
//! **Clusters.** A write and the reads that returned its value are a cluster. In any order that is
//! wanted a cluster is in one piece: between a write and a read of its value nobody else writes, and
//! a read of another value would follow another write. So what is wanted is an order of clusters. Let
//! `f` be when the first operation of a cluster ended, and `s` when the last one began. Some operation
//! of cluster A precedes one of cluster B exactly if `f(A) < s(B)`; then A must come first.
//!
//! **Theorem.** There is such an order exactly if (1) what was read was written, and no read ended
//! before its write began; and (2) no two clusters must each come first: not `f(A) < s(B)` and `f(B) <
//! s(A)`. (Where `f < s`, the zone between them is called a forward one, else a backward one; condition
//! 2 says at once that no two forward zones overlap and that no backward zone lies inside of a
//! forward one. Two backward zones never clash.)
//!
//! Both conditions are needed, as was just said. They are enough: if "must come first" has no circle
//! among clusters, then order them by it, begin each with its write, and let its reads follow in the
//! order in which they began; every precedence is kept. And there is no circle. Suppose that A, B, …, Y,
//! Z, and again A are one, the shortest, of three or more, and begin with a cluster whose `f` is the
//! smallest. Then `f(A) <= f(Y) < s(Z)`, so A must come before Z, which must come before A: two clusters
//! that clash, which condition 2 rules out.
//!
//! **Answers.** The value at the beginning, nothing, counts as written before all else. A read
//! without an answer says nothing and is left out; so does a write that was certainly not carried
//! out. A write of unknown outcome may take effect at any time after it began, or never: it counts as
//! one that never ended. If somebody read its value, then `f` is when the first of these reads ended,
//! as it should be, for by then it had taken effect. If nobody did, then its `f` is later than all `s`,
//! so it need not come before anything, clashes with nothing and may be the last of all, where its
//! effect is seen by nobody: as if it were not there.
//!
//! **The end.** What a register held when all was over is a read that began after everything else had
//! ended. So a final value that another must have replaced is found like any read that is too late.

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::{Action, Answer, History, Operation};
use super::words::{moment, value_or_nothing};

/// What was found out about the registers of a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many registers were looked at.
    pub registers: usize,
    /// How many writes of them counted: the acknowledged ones, and those of unknown outcome whose value
    /// was read.
    pub writes: usize,
    /// How many reads counted, the final one of each register among them.
    pub reads: usize,
    /// What cannot have happened in any one order: for each register at most one thing.
    pub violations: Vec<Violation>,
    /// Registers of which nothing can be said, because a value was written to them twice.
    pub ambiguous: Vec<String>,
}

impl Proof {
    /// How many operations counted.
    pub const fn operations(&self) -> usize {
        self.writes + self.reads
    }

    /// Whether every register is proven to be linearizable. What was not looked at is not.
    pub const fn holds(&self) -> bool {
        self.operations() > 0 && self.violations.is_empty() && self.ambiguous.is_empty()
    }
}

/// Operations of one register that cannot have taken effect in any one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key that serves as the register.
    pub key: String,
    /// What clashes, in a sentence.
    pub why: String,
    /// The operations that clash, in the order in which they began. What the register held in the
    /// end is no operation of a client, and is in the sentence alone.
    pub operations: Vec<Operation>,
}

/// Looks at every register of a drill. Takes about as long as sorting its operations.
pub fn prove(history: &History) -> Proof {
    let mut registers: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations.iter().filter(|one| one.is_register) {
        registers.entry(&operation.key).or_default().push(operation);
    }
    let mut proof = Proof {
        registers: registers.len(),
        ..Proof::default()
    };
    for (key, operations) in registers {
        let left = history.left.as_ref().map(|left| left.get(key));
        let mut register = match Register::of(&operations) {
            Ok(register) => register,
            Err(WrittenTwice) => {
                proof.ambiguous.push(key.to_owned());
                continue;
            }
        };
        let clash = register
            .read(&operations, left.map(|left| left.map(String::as_str)))
            .or_else(|| register.clash());
        match clash {
            None => {
                proof.writes += register.writes();
                proof.reads += register.reads;
            }
            Some(clash) => proof.violations.push(clash.told_of(key)),
        }
    }
    proof
}

/// When something began or ended. In this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Time {
    /// Before the clients began.
    Beginning,
    /// While the clients were at work.
    At(Duration),
    /// When they were no longer: the final read.
    End,
    /// It never took effect.
    Never,
}

/// An operation that counts.
#[derive(Debug, Clone, Copy)]
struct Step<'a> {
    begun: Time,
    ended: Time,
    /// None of the write before the beginning, and of the final read.
    operation: Option<&'a Operation>,
}

impl<'a> Step<'a> {
    const BEGINNING: Self = Self {
        begun: Time::Beginning,
        ended: Time::Beginning,
        operation: None,
    };

    const END: Self = Self {
        begun: Time::End,
        ended: Time::End,
        operation: None,
    };

    const fn of(operation: &'a Operation) -> Self {
        let is_known = matches!(operation.answer, Answer::Acknowledged | Answer::Value(_));
        Self {
            begun: Time::At(operation.begun),
            ended: if is_known {
                Time::At(operation.ended)
            } else {
                Time::Never
            },
            operation: Some(operation),
        }
    }

    /// Who, having done what by when.
    fn told_when_done(&self, value: &str) -> String {
        let Some(operation) = self.operation else {
            return match self.begun {
                Time::End => format!("{value} was there in the end"),
                _ => format!("{value} was there at the beginning"),
            };
        };
        let done = match operation.action {
            Action::Write(_) => format!("written {value} through"),
            Action::Read => format!("got {value} from"),
        };
        format!(
            "client {} had {done} {} by {}",
            operation.client,
            operation.through,
            moment(operation.ended)
        )
    }

    /// Who began to do what, and when.
    fn told_when_begun(&self, value: &str) -> String {
        let Some(operation) = self.operation else {
            return format!("{value} was there in the end");
        };
        let Operation {
            client, through, ..
        } = operation;
        let begun = moment(operation.begun);
        match operation.action {
            Action::Write(_) => {
                format!("client {client} began to write {value} through {through} at {begun}")
            }
            Action::Read => format!("client {client} asked {through} at {begun} and got {value}"),
        }
    }
}

/// A value, its write, and the reads that returned it.
#[derive(Debug)]
struct Cluster<'a> {
    /// None at the beginning.
    value: Option<&'a str>,
    /// The write before the reads.
    steps: Vec<Step<'a>>,
    /// `f`: when the first of them ended.
    ended: Time,
    /// `s`: when the last of them began.
    begun: Time,
}

impl<'a> Cluster<'a> {
    fn new(value: Option<&'a str>, write: Step<'a>) -> Self {
        Self {
            value,
            ended: write.ended,
            begun: write.begun,
            steps: vec![write],
        }
    }

    fn read(&mut self, read: Step<'a>) {
        self.ended = self.ended.min(read.ended);
        self.begun = self.begun.max(read.begun);
        self.steps.push(read);
    }

    /// The first of its operations that began after this moment.
    fn begun_after(&self, moment: Time) -> Step<'a> {
        let steps = self.steps.iter().copied();
        let first = steps.min_by_key(|step| (step.begun <= moment, step.begun));
        first.unwrap_or(self.steps[0])
    }

    /// The write, where it ended before this moment, or else the first operation that did.
    fn ended_before(&self, moment: Time) -> Step<'a> {
        let write = self.steps[0];
        if write.ended < moment {
            return write;
        }
        let steps = self.steps.iter().copied();
        steps.min_by_key(|step| step.ended).unwrap_or(write)
    }

    fn must_precede(&self, other: &Self) -> bool {
        self.ended < other.begun
    }
}

/// The operations of one register, by value.
#[derive(Debug)]
struct Register<'a> {
    clusters: BTreeMap<Option<&'a str>, Cluster<'a>>,
    /// Writes that were certainly not carried out.
    refused: BTreeMap<&'a str, &'a Operation>,
    reads: usize,
}

/// A read does not tell which of two writes it saw.
struct WrittenTwice;

impl<'a> Register<'a> {
    fn of(operations: &[&'a Operation]) -> Result<Self, WrittenTwice> {
        let beginning = Cluster::new(None, Step::BEGINNING);
        let mut clusters = BTreeMap::from([(None, beginning)]);
        let mut refused = BTreeMap::new();
        for &operation in operations {
            let Action::Write(value) = &operation.action else {
                continue;
            };
            if let Answer::Refused(_) = operation.answer {
                refused.insert(value.as_str(), operation);
                continue;
            }
            let value = Some(value.as_str());
            let cluster = Cluster::new(value, Step::of(operation));
            if clusters.insert(value, cluster).is_some() {
                return Err(WrittenTwice);
            }
        }
        Ok(Self {
            clusters,
            refused,
            reads: 0,
        })
    }

    /// Adds each read to the value it returned. Returns what breaks condition 1.
    fn read(
        &mut self,
        operations: &[&'a Operation],
        left: Option<Option<&'a str>>,
    ) -> Option<Clash<'a>> {
        let reads = operations.iter().filter_map(|&operation| {
            let Answer::Value(value) = &operation.answer else {
                return None;
            };
            let is_read = operation.action == Action::Read;
            is_read.then(|| (value.as_deref(), Step::of(operation)))
        });
        let end = left.into_iter().map(|value| (value, Step::END));
        for (value, read) in reads.chain(end) {
            let Some(cluster) = self.clusters.get_mut(&value) else {
                return Some(Clash::Unwritten {
                    value: value.unwrap_or_default(),
                    read,
                    refused: value.and_then(|value| self.refused.get(value).copied()),
                });
            };
            let write = cluster.steps[0];
            if read.ended < write.begun {
                return Some(Clash::TooEarly { value, read, write });
            }
            cluster.read(read);
            self.reads += 1;
        }
        None
    }

    /// Returns what breaks condition 2, found in one walk over the clusters in the order of their `f`.
    ///
    /// Of the clusters passed, only the one whose `s` is the latest, `top`, need be compared. Suppose
    /// that it does not clash with the next, B, but that an earlier one, A, does: `f(A) < s(B)` and `f(B)
    /// < s(A)`. Then `f(B) < s(A) <= s(top)`, so what keeps `top` and B from clashing is `s(B) <= f(top)`. That
    /// makes `f(A) < s(B) <= f(top) <= f(B) < s(top)`, and `f(top) <= f(B) < s(A)`: A clashes with `top`, and
    /// the walk would have ended there.
    fn clash(&self) -> Option<Clash<'a>> {
        let mut clusters: Vec<&Cluster<'_>> = self.clusters.values().collect();
        clusters.sort_by_key(|cluster| cluster.ended);
        let mut top: Option<&Cluster<'_>> = None;
        for cluster in clusters {
            match top {
                Some(top) if top.must_precede(cluster) && cluster.must_precede(top) => {
                    return Some(Clash::replaced(top, cluster));
                }
                Some(top) if top.begun >= cluster.begun => {}
                _ => top = Some(cluster),
            }
        }
        None
    }

    /// How many writes took effect as far as anybody can tell.
    fn writes(&self) -> usize {
        let counts =
            |cluster: &&Cluster<'_>| cluster.value.is_some() && cluster.ended != Time::Never;
        self.clusters.values().filter(counts).count()
    }
}

/// What has no order.
enum Clash<'a> {
    /// A value was read that nobody wrote.
    Unwritten {
        value: &'a str,
        read: Step<'a>,
        /// The write of it that cannot have been carried out.
        refused: Option<&'a Operation>,
    },
    /// A value was read before its write began.
    TooEarly {
        value: Option<&'a str>,
        read: Step<'a>,
        write: Step<'a>,
    },
    /// A value was read though another had replaced it.
    Replaced {
        value: Option<&'a str>,
        /// What shows that it was there.
        first: Step<'a>,
        /// The read that is too late.
        stale: Step<'a>,
        by: Option<&'a str>,
        /// What shows that the other came after it.
        last: Step<'a>,
        /// What shows that the other was there by the time of the read.
        done: Step<'a>,
    },
}

impl<'a> Clash<'a> {
    /// Of two clusters that clash: the one whose `f` is the smaller, which was there first, and the
    /// other. What is found to be stale is a read. If it were the first cluster's write, then one of
    /// its reads ended at `f(A) <= f(B)`, before that write began: too early, which was looked for.
    fn replaced(cluster: &Cluster<'a>, by: &Cluster<'a>) -> Self {
        let last = by.begun_after(cluster.ended);
        let stale = cluster.begun_after(by.ended);
        Self::Replaced {
            value: cluster.value,
            first: cluster.ended_before(last.begun),
            stale,
            by: by.value,
            last,
            done: by.ended_before(stale.begun),
        }
    }

    fn told_of(&self, key: &str) -> Violation {
        let (why, steps) = match self {
            Self::Unwritten {
                value,
                read,
                refused,
            } => {
                let value = value_or_nothing(Some(value));
                let why = match refused {
                    None => "a value that nobody ever wrote".to_owned(),
                    Some(write) => format!(
                        "though client {}'s write of it through {} was refused at {}",
                        write.client,
                        write.through,
                        moment(write.ended)
                    ),
                };
                (
                    format!("{}, {why}", read.told_when_done(&value)),
                    [Some(*read), refused.map(Step::of), None, None],
                )
            }
            Self::TooEarly { value, read, write } => {
                let value = value_or_nothing(*value);
                (
                    format!(
                        "{}, though {}",
                        read.told_when_done(&value),
                        write.told_when_begun(&value)
                    ),
                    [Some(*read), Some(*write), None, None],
                )
            }
            Self::Replaced {
                value,
                first,
                stale,
                by,
                last,
                done,
            } => {
                let [value, by] = [*value, *by].map(value_or_nothing);
                let order = match first.operation {
                    None => "no value is ever taken away".to_owned(),
                    Some(_) => format!(
                        "{by} came after {value}: {}, {}",
                        first.told_when_done(&value),
                        last.told_when_begun(&by)
                    ),
                };
                (
                    format!(
                        "{}, though {}, and {order}",
                        stale.told_when_begun(&value),
                        done.told_when_done(&by)
                    ),
                    [Some(*first), Some(*stale), Some(*last), Some(*done)],
                )
            }
        };
        let mut operations: Vec<&Operation> = steps
            .into_iter()
            .flatten()
            .filter_map(|step| step.operation)
            .collect();
        operations.sort_by_key(|operation| (operation.begun, operation.ended, operation.client));
        operations.dedup();
        Violation {
            key: key.to_owned(),
            why,
            operations: operations.into_iter().cloned().collect(),
        }
    }
}
