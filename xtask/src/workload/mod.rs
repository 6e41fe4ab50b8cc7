//! Clients that work on a cluster: they write and read through every member and record each
//! request. Their records are judged afterwards.

mod client;
mod leader;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::drill::Moment;
use crate::drill::history::{History, Operation};
use crate::etcd::gateway::{Gateway, Unanswered};
use crate::etcd::tools::Tools;
use crate::pause::pause;
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use client::{Client, Keys};
use leader::LeaderWatch;

/// Running clients.
pub struct Clients {
    plan: Plan,
    /// What the members are queried with.
    tools: Tools,
    prefix: String,
    lease: String,
    begun: Instant,
    orders: Arc<Orders>,
    /// The maximum requests per second of all clients together.
    rate: u32,
    /// All clients, also those whose member is gone.
    clients: Vec<AtWork>,
    leaders: LeaderWatch,
}

/// A client that was started.
struct AtWork {
    through: Member,
    is_over: Arc<AtomicBool>,
    account: JoinHandle<Vec<Operation>>,
}

/// The signals to all clients.
#[derive(Debug, Default)]
struct Orders {
    pause: AtomicBool,
    stop: AtomicBool,
    /// The number of requests under way.
    under_way: AtomicUsize,
    /// The minimum time between the starts of two requests of one client.
    interval: Mutex<Duration>,
}

impl Orders {
    /// Counts a request while the returned value lives. `None` if the clients are paused.
    fn request(&self) -> Option<UnderWay<'_>> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let under_way = UnderWay(self);
        (!self.pause.load(Ordering::SeqCst)).then_some(under_way)
    }

    fn interval(&self) -> Duration {
        *self.interval.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way.
struct UnderWay<'a>(&'a Orders);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How long a client waits for an answer, in seconds. A request to a dying leader gets none, and
/// the client does not retry before this time. Most elections are over by then, so requests that
/// wait for one rarely fail.
const PATIENCE: u64 = 2;

/// The lifetime of the values in addition to the expected working time, in case nobody removes
/// them. Machines may take an hour to come back.
const LEASE: Duration = Duration::from_secs(2 * 3600);

/// How long each member may take to return all keys, and how long other members are tried after
/// that.
const LAST_PATIENCE: Duration = Duration::from_secs(30);

impl Clients {
    /// Starts clients on a healthy cluster: two for each member, one with write-once keys and one
    /// with the registers. `at_work`: the expected working time. `rate`: the maximum requests per
    /// second of all clients together.
    ///
    /// # Errors
    ///
    /// Fails if no member grants the lease for the values.
    pub fn begin(plan: &Plan, tools: &Tools, at_work: Duration, rate: u32) -> Result<Self, Reason> {
        let gateways = gateways(plan, tools, PATIENCE);
        let seconds = (at_work + LEASE).as_secs();
        let lease = first_answer(&gateways, |gateway| gateway.grant_lease(seconds))?;
        let begun = Instant::now();
        let mut clients = Self {
            plan: plan.clone(),
            leaders: LeaderWatch::new(begun, tools.clone()),
            tools: tools.clone(),
            prefix: prefix(plan),
            lease,
            begun,
            orders: Arc::new(Orders::default()),
            rate,
            clients: Vec::new(),
        };
        clients.follow(plan);
        Ok(clients)
    }

    /// Adapts to the members that the same cluster has now: each gets two clients, and those of a member that
    /// is gone, or has moved, stop after their current request.
    pub fn follow(&mut self, plan: &Plan) {
        self.plan = plan.clone();
        let mut served: Vec<&Member> = Vec::new();
        for client in &self.clients {
            if !is_there(plan, &client.through) {
                client.is_over.store(true, Ordering::SeqCst);
            } else if !client.is_over.load(Ordering::SeqCst) {
                served.push(&client.through);
            }
        }
        let new = plan.members.iter();
        let new = new.filter(|member| !served.iter().any(|one| is_same(one, member)));
        let new: Vec<Member> = new.cloned().collect();
        let count = u32::try_from(plan.members.len() * KINDS.len()).unwrap_or(u32::MAX);
        let interval = &self.orders.interval;
        *interval.lock().unwrap_or_else(PoisonError::into_inner) =
            Duration::from_secs(1) * count / self.rate.max(1);
        for member in new {
            for keys in KINDS {
                self.start(&member, keys);
            }
        }
        self.leaders.follow(plan);
    }

    fn start(&mut self, member: &Member, keys: Keys) {
        let is_over = Arc::new(AtomicBool::new(false));
        let client = Client {
            number: self.clients.len(),
            through: member.name.clone(),
            gateway: Gateway::of(&self.plan, &self.tools, member, PATIENCE),
            keys,
            prefix: self.prefix.clone(),
            lease: self.lease.clone(),
            begun: self.begun,
            is_over: Arc::clone(&is_over),
        };
        let orders = Arc::clone(&self.orders);
        self.clients.push(AtWork {
            through: member.clone(),
            is_over,
            account: thread::spawn(move || client.work(&orders)),
        });
    }

    /// The time since the clients' start.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Pauses the clients, each after its current request.
    pub fn pause(&self) {
        self.orders.pause.store(true, Ordering::SeqCst);
    }

    /// Divides the requests, while no member runs, into those to the cluster before and those to the restored
    /// one: none is under way at the returned time.
    pub fn divide(&self) -> Duration {
        self.pause();
        while self.orders.under_way.load(Ordering::SeqCst) > 0 {
            pause(Duration::from_millis(5));
        }
        self.leaders.forget();
        let divided = self.elapsed();
        self.go_on();
        divided
    }

    /// Resumes the clients.
    pub fn go_on(&self) {
        self.orders.pause.store(false, Ordering::SeqCst);
    }

    /// Stops the clients, reads all keys back and removes them. Also returns the changes of the
    /// leader.
    pub fn end(self) -> (History, Vec<Moment>) {
        self.orders.stop.store(true, Ordering::SeqCst);
        let accounts = self.clients.into_iter().map(|client| {
            let account = client.account.join();
            // Without its record, a loss could go unnoticed.
            account.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let mut operations: Vec<Operation> = accounts.flatten().collect();
        operations.sort_by_key(|operation| (operation.begun, operation.client));
        let gateways = gateways(&self.plan, &self.tools, LAST_PATIENCE.as_secs());
        let left = first_answer(&gateways, |gateway| gateway.all(&self.prefix));
        // If no member does it, the lease expires.
        let _ = first_answer(&gateways, |gateway| gateway.revoke_lease(&self.lease));
        let history = History {
            operations,
            left: left.ok(),
        };
        (history, self.leaders.end())
    }
}

/// The kinds of clients that each member has.
const KINDS: [Keys; 2] = [Keys::Once, Keys::Registers];

/// Whether a member of this plan is reached where this one was.
fn is_there(plan: &Plan, member: &Member) -> bool {
    plan.members.iter().any(|one| is_same(one, member))
}

fn is_same(one: &Member, other: &Member) -> bool {
    (&one.name, one.client_socket()) == (&other.name, other.client_socket())
}

fn gateways(plan: &Plan, tools: &Tools, patience: u64) -> Vec<Gateway> {
    let gateway = |member| Gateway::of(plan, tools, member, patience);
    plan.members.iter().map(gateway).collect()
}

/// The first answer of any member, or the last error if none answers in time.
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

/// A unique key prefix for these clients.
fn prefix(plan: &Plan) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    let process = std::process::id();
    format!("/xtask-drill-{}-{process}-{now}/", plan.name)
}
