# The first process of a lab, in namespaces of its own (mounts, network, processes): a host of virtual
# machines whose libvirt knows nothing of the one around it. The folder named first is the lab's; what
# libvirt keeps goes there, or into memory. The lab ends with the input, and everything in it too.
set -eu
lab=$1

# With control groups in sight libvirt would make some, and they would outlive the lab. And /sys has
# to show this network's links.
umount --recursive --lazy /sys
mount -t sysfs sysfs /sys
# All of /run, so that the host's system bus, firewall and resolver are out of reach as well.
for folder in /run /etc/libvirt /var/cache/libvirt /var/log/libvirt; do
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
# Of the devices all but KVM: what is proven here is proven for hosts without it. One that is there and
# does not work, as in some virtual machines, costs libvirt ten seconds at each start of a machine.
mkdir "$lab/dev" "$lab/libvirt"
mount -t tmpfs -o mode=755 tmpfs "$lab/dev"
cp --archive /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fd /dev/net "$lab/dev"
mkdir "$lab/dev/pts" "$lab/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$lab/dev/pts"
ln -s pts/ptmx "$lab/dev/ptmx"
umount --recursive --lazy /dev
mount --move "$lab/dev" /dev
mount --bind "$lab/libvirt" /var/lib/libvirt
mkdir -m 700 /run/user
ip link set lo up

# Both as they come: no line of configuration is needed. virtlogd holds the machines' consoles.
virtlogd --daemon
libvirtd >"$lab/libvirtd.log" 2>&1 &

echo ready
# Meanwhile this shell adopts and buries what others leave: libvirt takes a machine that nobody buried
# for one that runs on.
cat >/dev/null
