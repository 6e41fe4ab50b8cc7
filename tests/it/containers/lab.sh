# A network with a mirror, and machines on it: systemd in containers, each from a copy of its own of
# one root file system. Runs in a world of its own (`world.sh`), in the folder with that file system;
# the folder named first becomes the lab, the second is the address of the mirror. Each line of the
# input is the name of a machine to boot. The machines end with the input.
exec 2>&1
set -eu
lab=$1
address=$2

mount -t tmpfs -o mode=755 tmpfs "$lab"
mkdir "$lab/base" "$lab/mirror"
# From inside: names of folders may hold what the options of a mount cannot.
mount --bind . "$lab/base"
cd "$lab"
if [ -d base/packages ]; then
  mkdir mirror/packages
  mount --bind base/packages mirror/packages
fi

ip link set lo up
ip link add bridge type bridge
ip address add "$address/24" dev bridge
ip link set bridge up
/usr/bin/python3 -m http.server --bind "$address" --directory mirror 8080 >mirror.log 2>&1 &

echo ready
while read -r name; do
  mkdir -p "$name/upper" "$name/work" "$name/root" "$name/images" "/sys/fs/cgroup/$name"
  mountpoint --quiet "$name/root" || mount -t overlay \
    -o "lowerdir=base/root,upperdir=$name/upper,workdir=$name/work" overlay "$name/root"
  (
    echo 0 >"/sys/fs/cgroup/$name/cgroup.procs"
    # What runs containers of its own needs what a machine would grant, and no overlay under it.
    exec systemd-nspawn --quiet --boot --machine="$name" --directory="$name/root" \
      --bind="./$name/images:/var/lib/containers" \
      --capability=all --system-call-filter='@keyring bpf' \
      --register=no --keep-unit --network-bridge=bridge --resolv-conf=off --timezone=off \
      --link-journal=no --console=read-only systemd.journald.forward_to_console=1 \
      </dev/null >>"$name/console" 2>&1
  ) &
done
