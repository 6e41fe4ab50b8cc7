# Runs a command in a world of its own: mounts, network, processes and control groups. Everything that
# begins in it ends with the command, and nothing of it is left. In front belong `unshare --mount --net`
# and `sh -c`; the command follows the script's name.
set -eu
mount -t tmpfs -o mode=755 tmpfs /run
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/world-$$
mkdir "$group"
(
  echo 0 >"$group/cgroup.procs" || exit
  # The groups are mounted again, so that this world's own is the outermost that can be seen.
  exec unshare --cgroup --mount --pid --fork --kill-child --mount-proc sh -c '
    umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' world "$@"
) && status=0 || status=$?
find "$group" -depth -type d -exec rmdir {} +
exit "$status"
