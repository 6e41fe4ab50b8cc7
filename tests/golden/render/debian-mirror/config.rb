# -*- mode: ruby; coding: utf-8 -*-
# Generated from cluster/debian-mirror.toml by `cargo xtask render`: change that file, not this one.

# The globals that coreos-vagrant's Vagrantfile reads.
$num_instances = 3
$instance_name_prefix = "core"
$enable_serial_logging = true
$share_home = false
$vm_gui = false
$vm_memory = 512
$vm_cpus = 2
$shared_folders = { "./data" => "/srv/data", "~/My Files" => "/srv/files" }
$forwarded_ports = { 80 => 8080, 2379 => 12379 }

# The globals that only this project's Vagrantfile reads.
$cluster_name = "debian-mirror"
$profile = "debian-13"
$ssh_user = "vagrant"
$user_data_path = "/var/lib/cloud/seed/nocloud/user-data"
$subnet = "10.9.8.0/24"
$netmask = "255.255.255.0"
$members = [
  { "name" => "alpha", "address" => "10.9.8.7" },
  { "name" => "beta", "address" => "10.9.8.8" },
  { "name" => "gamma", "address" => "10.9.8.9" },
]
