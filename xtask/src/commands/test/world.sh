# Runs a command with mounts, network, processes and control groups of its own. Every process that it
# starts ends with the command, and nothing is left behind. Run this script with `unshare --mount --net
# sh -c`; the command follows the script's name.
set -eu
mount -t tmpfs -o mode=755 tmpfs /run
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/world-$$
mkdir "$group"
(
  echo 0 >"$group/cgroup.procs" || exit
  # The control groups are mounted again, so that the outermost visible one is the group made above.
  exec unshare --cgroup --mount --pid --fork --kill-child --mount-proc sh -c '
    umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' world "$@"
) && status=0 || status=$?
find "$group" -depth -type d -exec rmdir {} +
exit "$status"
