//! The project's tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod adopt;
mod apply;
mod apply_on_machines;
mod apply_steps;
mod apply_support;
mod apply_under_load;
mod authentication;
mod background;
mod backup;
mod backup_mistakes;
mod backup_proof;
mod backup_source;
mod bootstrap;
mod bootstrap_in_containers;
mod bootstrap_with_tls;
mod boxes;
mod certs;
mod cli_cluster;
mod cli_completions;
mod cli_help;
mod cli_terminal;
mod cli_usage;
#[allow(dead_code, reason = "each subject uses what it needs")]
mod cluster_on_machines;
mod containers;
mod definition_any_text;
mod definition_etcd;
mod definition_files;

mod definition_golden;
mod definition_gone;
mod definition_shipped;
mod doctor;
mod doctor_command;
mod doctor_host;
mod doctor_room;
mod doctor_support;
mod drill_changes;
mod drill_disasters;
mod drill_latency;
mod drill_list;
mod drill_output;
mod drill_registers;
mod drill_report_in_browser;
mod drill_reports;
mod drill_restored;
mod drill_summary;
#[allow(dead_code, reason = "each subject uses what it needs")]
mod drill_support;
#[allow(dead_code, reason = "shared with the other tests")]
mod drilled_cluster;
mod elections;
mod etcd_3_5;
mod etcd_binaries;
mod etcd_release;
mod etcdctl_env;
mod etcds_downgrade;
mod extra_user_data;
mod fault_matrix;
mod file_faults;
mod gateway;
#[allow(dead_code, reason = "shared with the other tests")]
mod harness;
mod hints;
mod hostile;
mod identity;
mod in_place;
mod local;
mod local_host;
mod local_interrupted;
mod local_ports;
mod local_state;
#[allow(dead_code, reason = "each subject uses what it needs")]
mod local_support;
mod loopback_server;
mod machines_in_containers;
mod network;
mod process;
mod readme;
mod recipe_2015;
mod recorded;
mod recorded_snapshots;
mod render;
mod render_flags;
mod render_install;
mod render_read;
mod replace;
mod replace_on_machines;
mod restart;
mod restore;
mod restore_immovable;
mod restore_interrupted;
mod restore_killed;
mod restore_on_machines;
mod restore_refused;
mod restore_revisions;
mod restore_state;
mod restore_survivor;
mod restore_unfinished;
#[allow(dead_code, reason = "each subject uses what it needs")]
mod scratch;
mod state_files;
mod status_output;
mod status_watch;
#[allow(dead_code, reason = "each subject uses what it needs")]
mod support;
mod systemd;
mod terminal;
mod test_command;
mod tidy;
mod tls;
mod tls_in_containers;
mod tls_on_machines;
mod tls_support;
mod tools;
mod typed;
mod upgrade;
mod upgrade_on_machines;
mod upgrade_paths;
mod vagrant_stand_ins;
mod vagrantfile;
mod verify_certificates;
mod verify_checks;
mod verify_explain;
mod verify_history;
mod verify_machines;
mod verify_output;
mod verify_real;
mod verify_stand_ins;
mod verify_support;
mod way_back;

fn main() -> std::process::ExitCode {
    harness::run(&[
        // These make root file systems, for which the others of their kind wait.
        "machines_in_containers::debian",
        "recipe_2015",
        "hints",
        "fault_matrix",
        "machines_in_containers",
        "vagrantfile",
        "verify_real",
        "vagrant_stand_ins",
    ])
}
