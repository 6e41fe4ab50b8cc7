//! The latencies of requests, in the JSON of `drill`.

use std::time::Duration;

use serde::Serialize;

use crate::drill::latency::{Latencies, Latency, Phases};

#[derive(Serialize)]
pub(super) struct LatenciesJson {
    writes: PhasesJson,
    reads: PhasesJson,
}

impl LatenciesJson {
    pub(super) fn of(latencies: &Latencies) -> Self {
        Self {
            writes: PhasesJson::of(&latencies.writes),
            reads: PhasesJson::of(&latencies.reads),
        }
    }
}

#[derive(Serialize)]
struct PhasesJson {
    before: Option<LatencyJson>,
    during: Option<LatencyJson>,
    after: Option<LatencyJson>,
}

impl PhasesJson {
    fn of(phases: &Phases) -> Self {
        Self {
            before: phases.before.map(LatencyJson::of),
            during: phases.during.map(LatencyJson::of),
            after: phases.after.map(LatencyJson::of),
        }
    }
}

#[derive(Serialize)]
struct LatencyJson {
    count: usize,
    p50_milliseconds: f64,
    p90_milliseconds: f64,
    p99_milliseconds: f64,
    max_milliseconds: f64,
}

impl LatencyJson {
    fn of(latency: Latency) -> Self {
        // Precise to the microsecond: local members answer within a few milliseconds.
        let milliseconds = |time: Duration| time.as_micros() as f64 / 1_000.0;
        Self {
            count: latency.count,
            p50_milliseconds: milliseconds(latency.p50),
            p90_milliseconds: milliseconds(latency.p90),
            p99_milliseconds: milliseconds(latency.p99),
            max_milliseconds: milliseconds(latency.max),
        }
    }
}
