//! `drill --format json`: one object, stable within its `format`.
//!
//! Fields may be added without a new format. Existing fields are not removed and keep their
//! meaning. Times are in milliseconds and say so in their names. Unknown values are `null`.

mod latency;
mod restored;
mod run;

use std::time::Duration;

use serde::Serialize;

use super::{Figures, closing};
use crate::drill::history::{Action, Answer, Operation};
use crate::drill::registers::Violation;
use crate::drill::run::Run;
use crate::drill::summary::{Gap, Lost, Summary};
use crate::drill::{Disturbance, Drill, Event, Moment};
use crate::ui::json;
use crate::values::HostName;
use latency::LatenciesJson;
use restored::RestoredJson;
use run::RunJson;

/// The number of this format.
pub const FORMAT: u32 = 1;

/// The meaning of the fields, for the help page.
pub const HELP: &str = "\
JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, passed, summary, faults, found (by verify), changes, acknowledged_writes,
  lost_writes (without those that restorations announced; null if nothing could be read back
    after some drill)
  run: started (in UTC), host, kernel, processors (null if unknown), driver, xtask (its version),
    command (the command line), hold_milliseconds (null without a fault), rate (requests per
    second, at most)
  drills[]: fault, change (one of them is null), done (in words), version, members[], passed,
    reasons[]: name, text
    expected[], reported[] (by verify), afterwards (in its words), span_milliseconds
    writes: acknowledged, acknowledged_once (of write-once keys), per_minute,
      refused, unknown (of unknown outcome), unknown_that_took_effect (null if not known)
    reads
    latencies: writes (acknowledged) and reads (answered), each before, during (requests under way
      between the start of the injection or change and the end of the healing or change) and
      after: null if there are none, or count, p50_milliseconds, p90_milliseconds,
      p99_milliseconds, max_milliseconds, with fractions
    read_back (null if that was not possible): lost[]: key, value, through,
      acknowledged_milliseconds, holds (another value, or null); refused_and_there[]
    registers: linearizable, count, writes, reads, ambiguous[], violations[]: key, why,
      operations[]
    longest_gap (between two acknowledged writes of any clients), gap_under_fault (or under
      the change; null if it is the same), rests[] (in which the clients sent no requests):
      from_milliseconds, to_milliseconds
    restored (null if the drill restores nothing): survivor (null if from a backup),
      snapshot_revision, revision (at which the restored cluster began), at_milliseconds,
      lost_as_announced (acknowledged writes after the snapshot), lost_beyond (write-once
      keys; null if they could not be read back), served_after_milliseconds (from the start
      of the restoration to the first acknowledged write)
    new_leader (null if leadership did not change): name, term, after_milliseconds
    found_after_milliseconds, written_after_milliseconds (since the injection began),
    healthy_after_milliseconds (since healing began or the change was complete); null if it
      did not happen
    moments[]: event (backed-up, injecting, injected, new-leader, found, healing, restored,
      healed, healthy, changing, step, changed), at_milliseconds, leader, term, step (in words)
  An operation: client, through, key, action (read, write), value (null if there is none),
    answer (acknowledged, value, refused, unknown), error, begun_milliseconds,
    ended_milliseconds
Reasons: not-injected, not-changed, nothing-written, not-read-back, lost, not-taken-back,
  refused-and-there, not-linearizable, not-shown-linearizable, not-found, not-healthy.
Moments are counted from the clients' start.";

/// Renders drills as indented JSON, with a newline at the end.
pub fn render(run: &Run, drills: &[Drill]) -> String {
    let summaries: Vec<Summary> = drills.iter().map(Summary::of).collect();
    let figures = Figures::of(drills, &summaries);
    let document = Document {
        format: FORMAT,
        cluster: drills.first().map(|drill| drill.cluster.as_str()),
        passed: !drills.is_empty() && summaries.iter().all(Summary::is_passed),
        summary: closing(drills),
        faults: figures.faults,
        found: figures.found,
        changes: figures.changes,
        acknowledged_writes: figures.acknowledged,
        lost_writes: (figures.not_read_back == 0).then_some(figures.lost),
        run: RunJson::of(run),
        drills: drills
            .iter()
            .zip(&summaries)
            .map(|(drill, summary)| DrillReport::of(drill, summary))
            .collect(),
    };
    json(&document)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    cluster: Option<&'a str>,
    passed: bool,
    summary: String,
    faults: usize,
    found: usize,
    changes: usize,
    acknowledged_writes: usize,
    lost_writes: Option<usize>,
    run: RunJson<'a>,
    drills: Vec<DrillReport<'a>>,
}

#[derive(Serialize)]
struct DrillReport<'a> {
    fault: Option<&'static str>,
    change: Option<&'static str>,
    done: &'a str,
    version: String,
    members: Vec<&'a str>,
    passed: bool,
    reasons: Vec<ReasonJson>,
    expected: &'a [String],
    reported: &'a [String],
    afterwards: &'a str,
    span_milliseconds: u64,
    writes: Writes,
    reads: usize,
    latencies: LatenciesJson,
    read_back: Option<ReadBack<'a>>,
    registers: Registers<'a>,
    longest_gap: Between,
    gap_under_fault: Option<Between>,
    rests: Vec<Between>,
    restored: Option<RestoredJson<'a>>,
    new_leader: Option<NewLeader<'a>>,
    found_after_milliseconds: Option<u64>,
    written_after_milliseconds: Option<u64>,
    healthy_after_milliseconds: Option<u64>,
    moments: Vec<TimelineEntry<'a>>,
}

impl<'a> DrillReport<'a> {
    fn of(drill: &'a Drill, summary: &'a Summary) -> Self {
        let (fault, change) = match drill.disturbance {
            Disturbance::Fault(name) => (Some(name), None),
            Disturbance::Change(name) => (None, Some(name)),
        };
        Self {
            fault,
            change,
            done: &drill.done,
            version: drill.version.to_string(),
            members: drill.members.iter().map(HostName::as_str).collect(),
            passed: summary.is_passed(),
            reasons: summary
                .reasons
                .iter()
                .map(|reason| ReasonJson {
                    name: reason.name(),
                    text: reason.to_string(),
                })
                .collect(),
            expected: &drill.expected,
            reported: &drill.reported,
            afterwards: &drill.afterwards,
            span_milliseconds: milliseconds(summary.span),
            writes: Writes {
                acknowledged: summary.writes.acknowledged,
                acknowledged_once: summary.writes.acknowledged_once,
                per_minute: summary.writes.per_minute,
                refused: summary.writes.refused,
                unknown: summary.writes.unknown,
                unknown_that_took_effect: summary.writes.unknown_that_took_effect,
            },
            reads: summary.reads,
            latencies: LatenciesJson::of(&summary.latencies),
            read_back: summary.read_back.as_ref().map(|read_back| ReadBack {
                lost: read_back.lost.iter().map(LostWrite::of).collect(),
                refused_and_there: read_back
                    .refused_and_there
                    .iter()
                    .map(RequestJson::of)
                    .collect(),
            }),
            registers: Registers {
                linearizable: summary.registers.holds(),
                count: summary.registers.registers,
                writes: summary.registers.writes,
                reads: summary.registers.reads,
                ambiguous: &summary.registers.ambiguous,
                violations: summary
                    .registers
                    .violations
                    .iter()
                    .map(Conflict::of)
                    .collect(),
            },
            longest_gap: Between::of(&summary.longest_gap),
            gap_under_fault: summary
                .gap_under_fault
                .filter(|gap| *gap != summary.longest_gap)
                .as_ref()
                .map(Between::of),
            rests: summary.rests.iter().map(Between::of).collect(),
            restored: RestoredJson::of(drill, summary),
            new_leader: summary.new_leader.as_ref().map(|new| NewLeader {
                name: new.leader.as_str(),
                term: new.term,
                after_milliseconds: milliseconds(new.after),
            }),
            found_after_milliseconds: summary.found_after.map(milliseconds),
            written_after_milliseconds: summary.written_after.map(milliseconds),
            healthy_after_milliseconds: summary.healthy_after.map(milliseconds),
            moments: drill.moments.iter().map(TimelineEntry::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct ReasonJson {
    name: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Writes {
    acknowledged: usize,
    acknowledged_once: usize,
    per_minute: usize,
    refused: usize,
    unknown: usize,
    unknown_that_took_effect: Option<usize>,
}

#[derive(Serialize)]
struct ReadBack<'a> {
    lost: Vec<LostWrite<'a>>,
    refused_and_there: Vec<RequestJson<'a>>,
}

#[derive(Serialize)]
struct LostWrite<'a> {
    key: &'a str,
    value: &'a str,
    through: &'a str,
    acknowledged_milliseconds: u64,
    holds: Option<&'a str>,
}

impl<'a> LostWrite<'a> {
    fn of(lost: &'a Lost) -> Self {
        Self {
            key: &lost.key,
            value: &lost.value,
            through: lost.through.as_str(),
            acknowledged_milliseconds: milliseconds(lost.acknowledged),
            holds: lost.holds.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Registers<'a> {
    linearizable: bool,
    count: usize,
    writes: usize,
    reads: usize,
    ambiguous: &'a [String],
    violations: Vec<Conflict<'a>>,
}

#[derive(Serialize)]
struct Conflict<'a> {
    key: &'a str,
    why: &'a str,
    operations: Vec<RequestJson<'a>>,
}

impl<'a> Conflict<'a> {
    fn of(violation: &'a Violation) -> Self {
        Self {
            key: &violation.key,
            why: &violation.why,
            operations: violation.operations.iter().map(RequestJson::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct RequestJson<'a> {
    client: usize,
    through: &'a str,
    key: &'a str,
    action: &'static str,
    value: Option<&'a str>,
    answer: &'static str,
    error: Option<&'a str>,
    begun_milliseconds: u64,
    ended_milliseconds: u64,
}

impl<'a> RequestJson<'a> {
    fn of(operation: &'a Operation) -> Self {
        let (action, written) = match &operation.action {
            Action::Write(value) => ("write", Some(value.as_str())),
            Action::Read => ("read", None),
        };
        let (answer, read, error) = match &operation.answer {
            Answer::Acknowledged => ("acknowledged", None, None),
            Answer::Value(value) => ("value", value.as_deref(), None),
            Answer::Refused(why) => ("refused", None, Some(why.as_str())),
            Answer::Unknown(why) => ("unknown", None, Some(why.as_str())),
        };
        Self {
            client: operation.client,
            through: operation.through.as_str(),
            key: &operation.key,
            action,
            value: written.or(read),
            answer,
            error,
            begun_milliseconds: milliseconds(operation.begun),
            ended_milliseconds: milliseconds(operation.ended),
        }
    }
}

#[derive(Serialize)]
struct Between {
    from_milliseconds: u64,
    to_milliseconds: u64,
}

impl Between {
    fn of(gap: &Gap) -> Self {
        Self {
            from_milliseconds: milliseconds(gap.from),
            to_milliseconds: milliseconds(gap.to),
        }
    }
}

#[derive(Serialize)]
struct NewLeader<'a> {
    name: &'a str,
    term: u64,
    after_milliseconds: u64,
}

#[derive(Serialize)]
struct TimelineEntry<'a> {
    event: &'static str,
    at_milliseconds: u64,
    leader: Option<&'a str>,
    term: Option<u64>,
    step: Option<&'a str>,
}

impl<'a> TimelineEntry<'a> {
    fn of(moment: &'a Moment) -> Self {
        let (leader, term) = match &moment.event {
            Event::NewLeader { leader, term } => (Some(leader.as_str()), Some(*term)),
            _ => (None, None),
        };
        let step = match &moment.event {
            Event::Step { what, .. } => Some(what.as_str()),
            _ => None,
        };
        Self {
            event: match moment.event {
                Event::BackedUp => "backed-up",
                Event::Injecting => "injecting",
                Event::Injected => "injected",
                Event::NewLeader { .. } => "new-leader",
                Event::Found => "found",
                Event::Healing => "healing",
                Event::Restored => "restored",
                Event::Healed => "healed",
                Event::Healthy => "healthy",
                Event::Changing => "changing",
                Event::Step { .. } => "step",
                Event::Changed => "changed",
            },
            at_milliseconds: milliseconds(moment.at),
            leader,
            term,
            step,
        }
    }
}
