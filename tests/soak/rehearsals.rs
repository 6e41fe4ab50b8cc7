//! Every fault of processes, repeatedly and in any order; and hundreds of looks at healthy
//! clusters.

use std::thread;
use std::time::Duration;

use test_attribute::test;
use xtask::fault::FAULTS;
use xtask::values::DriverName;

use crate::drilled_cluster::{self, Cluster, begin, tell};
use crate::local_support::put;
use crate::random::Random;

fn of_processes() -> Vec<&'static str> {
    let possible = FAULTS
        .iter()
        .filter(|fault| fault.drivers.contains(&DriverName::Local));
    possible.map(|fault| fault.name).collect()
}

#[test]
fn faults_are_found_and_healed_in_any_order_alone() {
    let mut random = Random::of("faults");
    let cluster = Cluster::start("faults", 1);
    put(&cluster.scratch, "faults", "survivor", "yes");
    for _ in 0..3 {
        cluster.bears(&random.shuffled(of_processes()));
        cluster.is_as_it_was();
    }
}

#[test]
fn up_heals_killed_drills_alone() {
    let mut random = Random::of("killed drills");
    let cluster = Cluster::start("killed", 2);
    put(&cluster.scratch, "killed", "survivor", "yes");
    let faults = random.shuffled(of_processes());
    for fault in &faults {
        let drill = begin(&cluster, fault, fault);
        thread::sleep(Duration::from_millis(random.below(3000)));
        drop(drill);
        cluster.up().expect(0);
        cluster.is_mended();
    }
    tell(&format!(
        "{0} of {0} killed drills were healed",
        faults.len()
    ));
}

#[test]
fn healthy_cluster_is_never_called_broken_alone() {
    drilled_cluster::nothing_healthy_is_called_broken(100, 10);
}
