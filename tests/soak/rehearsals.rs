//! Every fault of processes, repeatedly and in any order; and hundreds of looks at healthy
//! clusters.

use std::thread;
use std::time::Duration;

use test_attribute::test;

use crate::drilled_cluster::{
    self, Cluster, begin, begun, nothing, of_processes, of_processes_with_tls, tell,
};
use crate::local_support::{get, put};
use crate::random::Random;

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
fn faults_with_tls_are_found_and_healed_alone() {
    let mut random = Random::of("faults with TLS");
    let cluster = Cluster::start_with_tls("certified", 6);
    put(&cluster.scratch, "certified", "survivor", "yes");
    cluster.bears(&random.shuffled(of_processes_with_tls()));
    cluster.is_as_it_was();
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

/// Kills drills that restore the cluster, at any moment: all members have the old data or the restored data.
#[test]
fn disasters_end_well_whenever_they_are_killed_alone() {
    const KILLS: usize = 20;
    let mut random = Random::of("disasters");
    let cluster = Cluster::start("disasters", 4);
    put(&cluster.scratch, "disasters", "survivor", "yes");
    let faults = [
        "majority-lost-for-good",
        "majority-lost-survivor",
        "all-data-lost",
    ];
    let mut decided = 0;
    for _ in 0..KILLS {
        let fault = random.one_of(&faults);
        let words = ["drill", "disasters", fault, "--yes", "--hold", "1s"];
        let drill = begun(&mut cluster.scratch.command(&words), &cluster, fault);
        thread::sleep(Duration::from_millis(random.below(9_000)));
        drop(drill);
        decided += usize::from(cluster.state("restore.json").exists());
        cluster.up().expect(0);
        cluster.comes_to_report(&nothing(), fault);
        assert_eq!(get(&cluster.scratch, "disasters", "survivor"), "yes\n");
        for left in ["drill.json", "restore.json"] {
            assert!(!cluster.state(left).exists(), "{fault}: {left}");
        }
    }
    tell(&format!(
        "{KILLS} disasters were killed, {decided} of them during the restoration; no member kept other data"
    ));
}

#[test]
fn healthy_cluster_is_never_called_broken_alone() {
    drilled_cluster::nothing_healthy_is_called_broken(100, 10);
}
