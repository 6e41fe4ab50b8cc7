use super::{CloudImage, MachineBox, Profile, Runtime};
use crate::render::debian;
use crate::values::{Architecture, EtcdVersion};

/// Debian 13, configured by cloud-init.
pub(super) static DEBIAN_13: Profile = Profile {
    id: "debian-13",
    title: "Debian 13",
    cloud_config: debian::cloud_config,
    machine_box: MachineBox::Made(CloudImage {
        build: "20260712-2537",
        url: |build, architecture| {
            format!(
                "https://cloud.debian.org/images/cloud/trixie/{build}/debian-13-genericcloud-{architecture}-{build}.qcow2"
            )
        },
        // As published beside the images, in SHA512SUMS.
        sha512: &[
            (
                Architecture::Amd64,
                "7ae53e9dbee282bfc16f289dec483dde3a8598769c38a267948310f7a2a52c662620198603bc52c142627efba379863d16079698a10b34102d55bcedd40e8d32",
            ),
            (
                Architecture::Arm64,
                "8543d795f2fde630eb66c492f245a8c1da19dedc636e0a8e7b3d0f95920e1a05aa911ef2d82d177d41cc53ced5fccbd2a3945d07fa5e15018914c4d864bb07ed",
            ),
        ],
        suite: "trixie",
    }),
    ssh_user: "vagrant",
    user_data_path: "/var/lib/cloud/seed/nocloud/user-data",
    runtimes: &[Runtime::Release, Runtime::Container, Runtime::Package],
    etcdctl_in_container: "sudo --preserve-env=ETCDCTL_USER podman exec --env=ETCDCTL_USER etcd etcdctl",
    has_fleet: false,
    members_can_join: true,
    channels: &[],
    image_version: "",
    usual_etcd: EtcdVersion::new(3, 6, 14),
    packaged_etcd: Some(EtcdVersion::new(3, 5, 16)),
};
