# -*- mode: ruby; coding: utf-8 -*-
# Generated from cluster/debian-tls.toml by `cargo xtask render`: change that file, not this one.

# The globals that coreos-vagrant's Vagrantfile reads.
$num_instances = 3
$instance_name_prefix = "core"
$enable_serial_logging = false
$share_home = false
$vm_gui = false
$vm_memory = 1024
$vm_cpus = 1
$shared_folders = {}
$forwarded_ports = {}

# The globals that only this project's Vagrantfile reads.
$cluster_name = "debian-tls"
$profile = "debian-13"
$ssh_user = "vagrant"
$user_data_path = "/var/lib/cloud/seed/nocloud/user-data"
$subnet = "192.168.56.0/24"
$netmask = "255.255.255.0"
$members = [
  { "name" => "core-01", "address" => "192.168.56.101" },
  { "name" => "core-02", "address" => "192.168.56.102" },
  { "name" => "core-03", "address" => "192.168.56.103" },
]
