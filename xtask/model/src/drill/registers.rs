//! Checks linearizability: whether the clients' reads and writes of registers took effect in one order that
//! agrees with the times of their requests and answers (Herlihy and Wing, "Linearizability: A Correctness
//! Condition for Concurrent Objects", 1990).
//!
//! Searching for such an order takes exponential time. Here every write of a register has a unique value, so
//! each read identifies the write it saw, which makes the check easy (Gibbons and Korach, "Testing Shared
//! Memories", SIAM J. Comput. 26(4), 1997; in the form of Golab, Li and Shah, "Analyzing Consistency
//! Properties for Fun and Profit", PODC 2011).
//!
//! **Problem.** An operation precedes another if it ended before the other began. We look for an order of a
//! register's operations that keeps every precedence, and in which each read returns the value of the last
//! write before it. Registers can be checked separately: a history is linearizable exactly if that of each
//! register is (Herlihy and Wing's theorem 1, locality). If one operation ended at the same moment at which
//! another began, the clock does not show which was first, and neither precedes the other.
//!
//! **Clusters.** A write and the reads that returned its value are a cluster. In any valid order a cluster is
//! contiguous: between a write and a read of its value there is no other write, and a read of another value
//! would follow another write. So we look for an order of clusters. Let `f` be when the first operation of a
//! cluster ended, and `s` when the last one began. Some operation of cluster A precedes one of cluster B
//! exactly if `f(A) < s(B)`; then A must come first.
//!
//! **Theorem.** A valid order exists exactly if (1) every value that was read was written, and no read ended
//! before its write began; and (2) no two clusters must each come first: not both `f(A) < s(B)` and `f(B) <
//! s(A)`. (If `f < s`, the zone between them is called forward, otherwise backward; condition 2 means that no
//! two forward zones overlap and that no backward zone lies inside a forward one. Two backward zones never
//! clash.)
//!
//! Both conditions are necessary, as shown above. They are sufficient: if "must come first" has no cycle
//! among clusters, order them by it, start each with its write, and append its reads in the order in which
//! they began; every precedence is kept. And there is no cycle. Suppose that A, B, …, Y, Z, and again A is
//! the shortest cycle, of three or more clusters, starting with a cluster whose `f` is the smallest. Then
//! `f(A) <= f(Y) < s(Z)`, so A must come before Z, which must come before A: two clusters that clash, which
//! condition 2 rules out.
//!
//! **Answers.** The initial value, nothing, counts as written before everything else. A read without an
//! answer is left out; so is a write that was certainly not carried out. A write of unknown outcome may take
//! effect at any time after it began, or never: it counts as never ended. If its value was read, then `f` is
//! the end of the first of these reads, which is correct, because by then the write had taken effect. If its
//! value was never read, then its `f` is later than all `s`: it need not come before anything, clashes with
//! nothing and may come last of all, as if it were not there.
//!
//! **The end.** The final value of a register counts as a read that began after everything else had ended. So
//! a final value that another value must have replaced is found like any stale read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::{Action, Answer, History, Operation};
use super::restored::Restored;
use super::words::{moment, value_or_nothing};

/// The result of checking the registers of a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterProof {
    /// The number of registers that were checked.
    pub registers: usize,
    /// The number of their writes that counted: the acknowledged ones, and those of unknown outcome whose
    /// value was read.
    pub writes: usize,
    /// The number of reads that counted, including the final one of each register.
    pub reads: usize,
    /// Operations that no order allows, at most one violation per register.
    pub violations: Vec<Violation>,
    /// Registers that cannot be checked, because a value was written to them twice.
    pub ambiguous: Vec<String>,
}

impl RegisterProof {
    /// The number of operations that counted.
    pub const fn operations(&self) -> usize {
        self.writes + self.reads
    }

    /// Whether every register is proven linearizable. Without operations, nothing is proven.
    pub const fn holds(&self) -> bool {
        self.operations() > 0 && self.violations.is_empty() && self.ambiguous.is_empty()
    }
}

/// Operations of one register that cannot have taken effect in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key that serves as the register.
    pub key: String,
    /// What clashes, in a sentence.
    pub why: String,
    /// The operations that clash, in the order of their start. The register's final value is not a client's
    /// operation, so only the sentence contains it.
    pub operations: Vec<Operation>,
}

/// Checks every register of a drill. This takes about as long as sorting its operations.
pub fn prove(history: &History) -> RegisterProof {
    let mut registers: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations.iter().filter(|one| one.is_register) {
        registers.entry(&operation.key).or_default().push(operation);
    }
    let mut proof = RegisterProof {
        registers: registers.len(),
        ..RegisterProof::default()
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

/// Checks every register of a drill that restored the cluster: before the loss, and again without what was lost.
pub fn prove_restored(history: &History, restored: &Restored) -> RegisterProof {
    let mut proof = prove(&restored.kept(history));
    let before = prove(&restored.before(history));
    for violation in before.violations {
        proof.violations.retain(|known| known.key != violation.key);
        proof.violations.push(violation);
    }
    for key in before.ambiguous {
        if !proof.ambiguous.contains(&key) {
            proof.ambiguous.push(key);
        }
    }
    let operations = history.operations.iter();
    for lost in operations.filter(|one| one.is_register && restored.lacks(one)) {
        match lost.action {
            Action::Write(_) => proof.writes += 1,
            Action::Read => proof.reads += 1,
        }
    }
    proof
}

/// When something began or ended, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Time {
    /// Before the clients began.
    Beginning,
    /// While the clients were at work.
    At(Duration),
    /// After the clients: the final read.
    End,
    /// It never took effect.
    Never,
}

/// An operation that counts.
#[derive(Debug, Clone, Copy)]
struct Step<'a> {
    begun: Time,
    ended: Time,
    /// None for the initial write and for the final read.
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

    /// Describes which client had done what by when.
    fn told_when_done(&self, value: &str) -> String {
        let Some(operation) = self.operation else {
            return match self.begun {
                Time::End => format!("{value} was there at the end"),
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

    /// Describes which client began to do what, and when.
    fn told_when_begun(&self, value: &str) -> String {
        let Some(operation) = self.operation else {
            return format!("{value} was there at the end");
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
struct ValueCluster<'a> {
    /// None at the beginning.
    value: Option<&'a str>,
    /// The write before the reads.
    steps: Vec<Step<'a>>,
    /// `f`: when the first of them ended.
    ended: Time,
    /// `s`: when the last of them began.
    begun: Time,
}

impl<'a> ValueCluster<'a> {
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
    clusters: BTreeMap<Option<&'a str>, ValueCluster<'a>>,
    /// Writes that were certainly not carried out.
    refused: BTreeMap<&'a str, &'a Operation>,
    reads: usize,
}

/// A value was written twice, so a read does not show which write it saw.
struct WrittenTwice;

impl<'a> Register<'a> {
    fn of(operations: &[&'a Operation]) -> Result<Self, WrittenTwice> {
        let beginning = ValueCluster::new(None, Step::BEGINNING);
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
            let cluster = ValueCluster::new(value, Step::of(operation));
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
        let mut clusters: Vec<&ValueCluster<'_>> = self.clusters.values().collect();
        clusters.sort_by_key(|cluster| cluster.ended);
        let mut top: Option<&ValueCluster<'_>> = None;
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

    /// The number of writes that are known to have taken effect.
    fn writes(&self) -> usize {
        let counts =
            |cluster: &&ValueCluster<'_>| cluster.value.is_some() && cluster.ended != Time::Never;
        self.clusters.values().filter(counts).count()
    }
}

/// Why there is no valid order.
enum Clash<'a> {
    /// A value was read that was never written.
    Unwritten {
        value: &'a str,
        read: Step<'a>,
        /// The refused write of this value, if there was one.
        refused: Option<&'a Operation>,
    },
    /// A value was read before its write began.
    TooEarly {
        value: Option<&'a str>,
        read: Step<'a>,
        write: Step<'a>,
    },
    /// A value was read although another had replaced it.
    Replaced {
        value: Option<&'a str>,
        /// The operation that shows that it was there.
        first: Step<'a>,
        /// The stale read.
        stale: Step<'a>,
        by: Option<&'a str>,
        /// The operation that shows that the other value came after it.
        last: Step<'a>,
        /// The operation that shows that the other value was there by the time of the read.
        done: Step<'a>,
    },
}

impl<'a> Clash<'a> {
    /// The clash of two clusters, of which the first has the smaller `f` and was there first. The stale
    /// operation is a read. If it were the first cluster's write, then one of its reads ended at `f(A) <=
    /// f(B)`, before that write began; condition 1 has ruled that out.
    fn replaced(cluster: &ValueCluster<'a>, by: &ValueCluster<'a>) -> Self {
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
                    None => "a value that was never written".to_owned(),
                    Some(write) => format!(
                        "although client {}'s write of it through {} was refused at {}",
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
                        "{}, although {}",
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
                    None => "no value is ever deleted".to_owned(),
                    Some(_) => format!(
                        "{by} came after {value}: {}, {}",
                        first.told_when_done(&value),
                        last.told_when_begun(&by)
                    ),
                };
                (
                    format!(
                        "{}, although {}, and {order}",
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
