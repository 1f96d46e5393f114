#!/usr/bin/env bash
# One Ceph of one node on loopback, for tests: a monitor, an OSD in memory and a radosgw, which speaks S3, IAM and STS.
#   serve.sh DIR          everything lives in DIR, an empty folder; every port is a free one
# Prints the endpoint once it answers. Lives until its standard input ends, so that nothing is left behind whatever happens
# to who started it; then it ends its three servers and removes DIR. More lines for [client.rgw.a] come in RGW_CONF.
set -euo pipefail
dir=$(cd "$1" && pwd)
mkdir "$dir"/{mon,osd,run,log,rgw}
exec 3>&1 4>&2 1>"$dir/log/serve.log" 2>&1

pids=()
finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  ((status == 0)) || tail -n 20 "$dir/log/serve.log" >&4
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

free_ports() {
  node -e '
    const { createServer } = require("node:net");
    const servers = Array.from({ length: 3 }, () => createServer().listen(0, "127.0.0.1"));
    const ready = Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
    ready.then(() => {
      console.log(servers.map((server) => server.address().port).join(" "));
      for (const server of servers) server.close();
    });'
}
read -r mon2 mon1 port < <(free_ports)
fsid=$(cat /proc/sys/kernel/random/uuid)
sts_key=$(node -p 'require("node:crypto").randomBytes(8).toString("hex")')

cat > "$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$mon2,v1:127.0.0.1:$mon1]
public network = 127.0.0.0/8
ms bind ipv6 = false
# Without cephx the radosgw never finishes to start.
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $dir/keyring
run dir = $dir/run
admin socket = $dir/run/\$name.\$pid.asok
pid file = $dir/run/\$name.pid
log file = $dir/log/\$name.log
mon cluster log file = $dir/log/cluster.log
log to stderr = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
osd crush chooseleaf type = 0
# How full the machine's disk is does not matter: the objects are in memory.
mon data avail warn = 1
mon data avail crit = 1
mon osd full ratio = .99
osd failsafe full ratio = .995
[mon.a]
mon data = $dir/mon
[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd op num shards = 2
osd class load list = *
osd class default list = *
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$port
rgw data = $dir/rgw
rgw thread pool size = 64
rgw enable usage log = false
rgw s3 auth use sts = true
rgw sts key = $sts_key
rgw verify ssl = false
rgw crypt require ssl = false
# Deleted data is freed within seconds, or a test of large objects fills the memory.
rgw lc debug interval = 10
rgw gc obj min wait = 2
rgw gc processor period = 5
rgw gc processor max time = 60
${RGW_CONF:-}
CONF
export CEPH_CONF="$dir/ceph.conf"

key() { ceph-authtool "$dir/keyring" --gen-key -n "$@"; }
ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
key client.admin --cap mon 'allow *' --cap osd 'allow *'
key client.rgw.a --cap mon 'allow *' --cap osd 'allow *'
key osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon2,v1:127.0.0.1:$mon1]" "$dir/monmap"

ceph-mon -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring"
ceph-mon -f -i a < /dev/null &
pids+=($!)
osd=$(cat /proc/sys/kernel/random/uuid)
timeout 60 ceph osd new "$osd"
ceph-osd -i 0 --mkfs --osd-uuid "$osd"
ceph-osd -f -i 0 < /dev/null &
pids+=($!)
timeout 60 ceph osd crush add osd.0 1.0 host=localhost root=default
radosgw -f -n client.rgw.a < /dev/null &
pids+=($!)

answers() { curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/"; }
for ((tries = 0; tries < 400; tries++)); do
  for pid in "${pids[@]}"; do kill -0 "$pid"; done
  if answers; then break; fi
  sleep 0.2
done
answers
user() { timeout 60 radosgw-admin user create "$@"; }
user --uid admin --display-name admin --access-key AKIAADMIN0000000TEST --secret admin-secret-key-for-tests \
  --caps 'roles=*;user-policy=*;oidc-provider=*;users=*'
user --uid plain --display-name plain --access-key AKIAPLAIN0000000TEST --secret plain-secret-key-for-tests

echo "http://127.0.0.1:$port" >&3
cat >/dev/null
