# -*- mode: ruby; coding: utf-8 -*-
# Generated from cluster/five.toml by `cargo xtask render`: change that file, not this one.

# The globals that coreos-vagrant's Vagrantfile reads.
$num_instances = 5
$instance_name_prefix = "core"
$enable_serial_logging = false
$share_home = false
$vm_gui = false
$vm_memory = 1024
$vm_cpus = 1
$shared_folders = {}
$forwarded_ports = {}

# The globals that only this project's Vagrantfile reads.
$cluster_name = "five"
$profile = "debian-13"
$ssh_user = "vagrant"
$user_data_path = "/var/lib/cloud/seed/nocloud/user-data"
$subnet = "192.168.58.0/24"
$netmask = "255.255.255.0"
$members = [
  { "name" => "core-01", "address" => "192.168.58.101" },
  { "name" => "core-02", "address" => "192.168.58.102" },
  { "name" => "core-03", "address" => "192.168.58.103" },
  { "name" => "core-04", "address" => "192.168.58.104" },
  { "name" => "core-05", "address" => "192.168.58.105" },
]
