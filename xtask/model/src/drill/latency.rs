//! How long requests took to be answered before, during and after the fault or the change.

use std::time::Duration;

use super::history::{Answer, Operation};
use super::{Drill, Event, first};

/// The latencies of a drill's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latencies {
    /// Of acknowledged writes.
    pub writes: Phases,
    /// Of answered reads.
    pub reads: Phases,
}

/// The latencies of one kind of request. A phase is none if no request was answered in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phases {
    /// Of requests that were answered before the injection or the change began.
    pub before: Option<Latency>,
    /// Of requests that were under way at any time between then and the end of the healing or the change.
    pub during: Option<Latency>,
    /// Of requests that were sent after that.
    pub after: Option<Latency>,
}

/// The distribution of some latencies. A percentile is the shortest latency that this percentage of the
/// requests did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// The number of requests.
    pub count: usize,
    /// The median.
    pub p50: Duration,
    /// The 90th percentile.
    pub p90: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Latencies {
    pub(super) fn of(drill: &Drill) -> Self {
        Self {
            writes: Phases::of(drill, |answer| *answer == Answer::Acknowledged),
            reads: Phases::of(drill, |answer| matches!(answer, Answer::Value(_))),
        }
    }
}

impl Phases {
    fn of(drill: &Drill, is_counted: fn(&Answer) -> bool) -> Self {
        let begun = first(drill, Event::begins);
        let over = first(drill, Event::ends);
        let is_before = |one: &Operation| begun.is_none_or(|begun| one.ended <= begun);
        let is_after =
            |one: &Operation| !is_before(one) && over.is_some_and(|over| one.begun >= over);
        let latency = |is_in: &dyn Fn(&Operation) -> bool| {
            let operations = drill.history.operations.iter();
            let counted = operations.filter(|one| is_counted(&one.answer) && is_in(one));
            Latency::of(counted.map(|one| one.ended.saturating_sub(one.begun)))
        };
        Self {
            before: latency(&is_before),
            during: latency(&|one| !is_before(one) && !is_after(one)),
            after: latency(&is_after),
        }
    }
}

impl Latency {
    fn of(latencies: impl Iterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<Duration> = latencies.collect();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        let percentile = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied().unwrap_or(max)
        };
        Some(Self {
            count: sorted.len(),
            p50: percentile(50),
            p90: percentile(90),
            p99: percentile(99),
            max,
        })
    }
}
