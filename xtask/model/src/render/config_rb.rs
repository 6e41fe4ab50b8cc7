use std::fmt::Write;

use super::quote::ruby;
use super::{Target, generated_line};
use crate::plan::{Machine, Plan};
use crate::profile::MachineBox;
use crate::values::{Channel, ImageVersion};

/// The file that a Vagrantfile reads: coreos-vagrant's plain Ruby globals (as of its commit bb2fe08 of June
/// 2015), followed by those that it does not have.
pub(super) static CONFIG_RB: Target = Target {
    file: "config.rb",
    render,
};

fn render(plan: &Plan) -> String {
    let Machine {
        profile,
        memory,
        cpus,
        serial_log,
        virtualization,
        ..
    } = &plan.machine;
    let mut text = String::from("# -*- mode: ruby; coding: utf-8 -*-\n");
    text.push_str(&generated_line(&plan.name));
    text.push_str("\n\n# The globals that coreos-vagrant's Vagrantfile reads.\n");
    global(&mut text, "num_instances", &plan.members.len().to_string());
    global_text(&mut text, "instance_name_prefix", plan.name_prefix.as_str());
    if let Some(channel) = channel(plan) {
        global_text(&mut text, "update_channel", channel);
    }
    if let Some(version) = image_version(plan) {
        global_text(&mut text, "image_version", version);
    }
    global(&mut text, "enable_serial_logging", &serial_log.to_string());
    global(&mut text, "share_home", "false");
    global(&mut text, "vm_gui", "false");
    global(&mut text, "vm_memory", &memory.to_string());
    global(&mut text, "vm_cpus", &cpus.to_string());
    global(&mut text, "shared_folders", &shared_folders(&plan.machine));
    global(
        &mut text,
        "forwarded_ports",
        &forwarded_ports(&plan.machine),
    );
    text.push_str("\n# The globals that only this project's Vagrantfile reads.\n");
    global_text(&mut text, "cluster_name", plan.name.as_str());
    global_text(&mut text, "profile", profile.id);
    if let MachineBox::Published(published) = &profile.machine_box {
        let channel = channel(plan).unwrap_or_default();
        let version = image_version(plan).unwrap_or_default();
        global_text(&mut text, "box", &(published.name)(channel));
        global_text(
            &mut text,
            "box_url",
            &(published.catalogue)(channel, version),
        );
    }
    global_text(&mut text, "ssh_user", profile.ssh_user);
    global_text(&mut text, "user_data_path", profile.user_data_path);
    if let Some(virtualization) = virtualization {
        global_text(&mut text, "virtualization", virtualization.as_str());
    }
    global_text(&mut text, "subnet", &plan.subnet.to_string());
    global_text(&mut text, "netmask", &plan.subnet.netmask().to_string());
    global(&mut text, "members", &members(plan));
    text
}

/// Adds `$name = value`, with the value in Ruby.
fn global(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "${name} = {value}");
}

fn global_text(text: &mut String, name: &str, value: &str) {
    global(text, name, &ruby::string(value));
}

fn channel(plan: &Plan) -> Option<&str> {
    let chosen = plan.machine.channel.as_ref().map(Channel::as_str);
    chosen.or_else(|| plan.machine.profile.channels.first().copied())
}

fn image_version(plan: &Plan) -> Option<&str> {
    let chosen = plan.machine.image_version.as_ref();
    let pinned = Some(plan.machine.profile.image_version);
    chosen
        .map(ImageVersion::as_str)
        .or_else(|| pinned.filter(|version| !version.is_empty()))
}

/// Host folder to guest folder.
fn shared_folders(machine: &Machine) -> String {
    let pairs = machine.shared_folders.iter().map(|(host, guest)| {
        let (host, guest) = (ruby::string(host.as_str()), ruby::string(guest.as_str()));
        format!("{host} => {guest}")
    });
    hash(pairs.collect())
}

/// Guest port to host port.
fn forwarded_ports(machine: &Machine) -> String {
    let pairs = machine.forwarded_ports.iter();
    hash(
        pairs
            .map(|(guest, host)| format!("{guest} => {host}"))
            .collect(),
    )
}

fn hash(pairs: Vec<String>) -> String {
    if pairs.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", pairs.join(", "))
    }
}

fn members(plan: &Plan) -> String {
    let mut list = String::from("[\n");
    for member in &plan.members {
        let name = ruby::string(member.name.as_str());
        let address = ruby::string(&member.address.to_string());
        let _ = writeln!(
            list,
            "  {{ \"name\" => {name}, \"address\" => {address} }},"
        );
    }
    list.push(']');
    list
}
