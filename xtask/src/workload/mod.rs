//! Clients at work on a cluster: they write and read through every member, and keep account of each
//! request. What their accounts prove is told by `drill`.

mod client;
mod leader;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::drill::Moment;
use crate::drill::history::{History, Operation};
use crate::etcd::gateway::{Gateway, Unanswered};
use crate::pause::pause;
use crate::plan::Plan;
use crate::reason::Reason;
use client::{Client, Keys};
use leader::LeaderWatch;

/// Clients that write and read until they are told to stop.
pub struct Clients {
    plan: Plan,
    prefix: String,
    lease: String,
    begun: Instant,
    orders: Arc<Orders>,
    clients: Vec<JoinHandle<Vec<Operation>>>,
    leaders: LeaderWatch,
}

/// What all clients are told while they work.
#[derive(Debug, Default)]
struct Orders {
    pause: AtomicBool,
    stop: AtomicBool,
}

/// How long a client waits for one answer, in seconds. What is on its way to a leader that dies gets none,
/// and whoever waits for it does not try again before. Most elections are over by then, so a request that
/// has to wait for one is rarely given up.
const PATIENCE: u64 = 2;

/// How long the values live when nobody comes to remove them, beside the time that the clients are sure
/// to work. Machines may take an hour to come back.
const LEASE: Duration = Duration::from_secs(2 * 3600);

/// How long each member may take to hand everything back, and how long another one is tried after that.
const LAST_PATIENCE: Duration = Duration::from_secs(30);

impl Clients {
    /// Sends clients to work on a cluster that is healthy: two to each member, one that writes keys
    /// once and one that writes and reads the registers. `at_work`: how long they are sure to work.
    /// `rate`: how many requests a second all of them send together at most.
    ///
    /// # Errors
    /// Fails where no member grants the lease that all their values are bound to.
    pub fn begin(plan: &Plan, at_work: Duration, rate: u32) -> Result<Self, Reason> {
        let gateways = gateways(plan, PATIENCE);
        let seconds = (at_work + LEASE).as_secs();
        let lease = first_answer(&gateways, |gateway| gateway.grant_lease(seconds))?;
        let prefix = prefix(plan);
        let begun = Instant::now();
        let orders = Arc::new(Orders::default());
        let kinds = [Keys::Once, Keys::Registers];
        let count = u32::try_from(plan.members.len() * kinds.len()).unwrap_or(u32::MAX);
        let interval = Duration::from_secs(1) * count / rate.max(1);
        let both = plan
            .members
            .iter()
            .zip(gateways)
            .flat_map(|member| kinds.map(|keys| (member.clone(), keys)));
        let clients = both.enumerate().map(|(number, ((member, gateway), keys))| {
            let client = Client {
                number,
                through: member.name.clone(),
                gateway,
                keys,
                prefix: prefix.clone(),
                lease: lease.clone(),
                begun,
                interval,
            };
            let orders = Arc::clone(&orders);
            thread::spawn(move || client.work(&orders))
        });
        Ok(Self {
            clients: clients.collect(),
            leaders: LeaderWatch::begin(plan, begun),
            plan: plan.clone(),
            prefix,
            lease,
            begun,
            orders,
        })
    }

    /// How long they have been at work.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Has them wait, each after its current request.
    pub fn pause(&self) {
        self.orders.pause.store(true, Ordering::SeqCst);
    }

    /// Has them go on.
    pub fn go_on(&self) {
        self.orders.pause.store(false, Ordering::SeqCst);
    }

    /// Ends their work, reads everything back and removes it. Also returned: who began to lead, when.
    pub fn end(self) -> (History, Vec<Moment>) {
        self.orders.stop.store(true, Ordering::SeqCst);
        let accounts = self.clients.into_iter().map(|client| {
            let account = client.join();
            // Without its account nobody could say that nothing of its was lost.
            account.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let mut operations: Vec<Operation> = accounts.flatten().collect();
        operations.sort_by_key(|operation| (operation.begun, operation.client));
        let gateways = gateways(&self.plan, LAST_PATIENCE.as_secs());
        let left = first_answer(&gateways, |gateway| gateway.all(&self.prefix));
        // Where nobody does it, the lease's end does.
        let _ = first_answer(&gateways, |gateway| gateway.revoke_lease(&self.lease));
        let history = History {
            operations,
            left: left.ok(),
        };
        (history, self.leaders.end())
    }
}

fn gateways(plan: &Plan, patience: u64) -> Vec<Gateway> {
    let gateway = |member| Gateway::of(plan, member, patience);
    plan.members.iter().map(gateway).collect()
}

/// The first answer that any of them gives; what the last one said where none does in time.
fn first_answer<T>(
    gateways: &[Gateway],
    ask: impl Fn(&Gateway) -> Result<T, Unanswered>,
) -> Result<T, Reason> {
    let deadline = Instant::now() + LAST_PATIENCE;
    loop {
        let mut last = "there is no member".to_owned();
        for gateway in gateways {
            match ask(gateway) {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Refused(why) | Unanswered::Unknown(why)) => last = why,
            }
        }
        if Instant::now() > deadline {
            return Err(last.into());
        }
        pause(Duration::from_millis(100));
    }
}

/// A key prefix of these clients' own.
fn prefix(plan: &Plan) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    let process = std::process::id();
    format!("/xtask-drill-{}-{process}-{now}/", plan.name)
}
