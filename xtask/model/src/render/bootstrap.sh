# etcd reads its initial flags only while it has no data. A member without data asks the others what to do,
# on the ports where etcd lists its members even before there is a quorum.
state=new
has_data() {
  for log in "$data/member/wal" "$data/wal"; do
    [ -z "$(ls -A "$log" 2>/dev/null)" ] || return 0
  done
  return 1
}

say() {
  [ "${said-}" = "$*" ] || echo "etcd-member: $*" >&2
  said=$*
}

# Stops for good: another try would not help.
refuse() {
  say "$name was started before, and its data is lost: $1"
  echo "hint: $way_back" >&2
  exit "$lost_data"
}

# Ordered by precedence: one of these is what an answer decides.
found=0 wait=1 join=2 lost=3

decide() {
  [ "$1" -gt "$decision" ] || return 0
  decision=$1 reason=${2-} list=${entries-}
}

# What the answer of one member decides.
hear() {
  who=$1 entries='' code=0
  answer=$(curl --disable --silent --fail --noproxy '*' --connect-timeout 2 --max-time 10 --include \
    --write-out '\n%{time_connect}' "$2/members") || code=$?
  case $code-$answer in
  0-*) ;;
  127-*)
    say 'curl is missing, and the other members cannot be asked without it'
    exit 1
    ;;
  # Refused, unreachable, or never connected.
  7-* | 28-*'
0.000000') return ;;
  *)
    decide "$wait" "$who does not list its members: curl ends with $code"
    return
    ;;
  esac
  belongs_to=$(printf '%s\n' "$answer" | sed -n 's/\r$//; s/^X-Etcd-Cluster-Id: \([0-9a-f]*\)$/\1/Ip')
  entries=$(printf '%s\n' "$answer" | sed -n 's/^\[{\(.*\)}\]$/\1/p' | sed 's/},{/\n/g')
  if [ -z "$belongs_to" ] || [ -z "$entries" ]; then
    decide "$wait" "$who does not list its members"
    return
  fi
  entry=$(printf '%s\n' "$entries" | grep -F "\"$peer_url\"" | head -n 1)
  entry_id=${entry#*'"id":'} entry_id=${entry_id%%,*}
  entry_name='' was_started=''
  case $entry in
  *'"name":"'*) entry_name=${entry##*'"name":"'} entry_name=${entry_name%%'"'*} ;;
  *) ;;
  esac
  case $entry in
  *'"clientURLs":["'*) was_started=yes ;;
  *) ;;
  esac

  foreign="$who belongs to the cluster $belongs_to"
  if [ "$belongs_to" != "${joined_cluster:-$belongs_to}" ]; then
    decide "$wait" "$foreign"
  elif [ -z "$entry" ] || [ "$entry_id" != "${joined_id:-$entry_id}" ]; then
    if [ -n "$joined_cluster" ] || [ "$belongs_to" = "$cluster" ]; then
      decide "$wait" "$who does not list it"
    else
      decide "$wait" "$foreign"
    fi
  elif [ -z "$entry_name" ] && { [ "$entry_id" != "$id" ] || [ -n "$joined_id" ]; }; then
    decide "$join"
  elif [ "$entry_name" != "$name" ]; then
    decide "$wait" "$who lists $entry_name at $peer_url"
  elif [ -n "$was_started" ] || [ "$entry_id" != "$id" ] || [ -n "$joined_id" ]; then
    decide "$lost" "$who lists it as started"
  elif [ "$belongs_to" != "$cluster" ]; then
    decide "$wait" "$foreign"
  fi
}

# The list of a running cluster as etcd wants it. Only a member's own name matters to etcd.
joined_members() {
  pairs=''
  for pair in $(printf '%s\n' "$list" | sed -n 's/^"id":\([0-9]*\),"peerURLs":\["\([^]]*\)"\].*/\1=\2/
    :more
    s/^\([0-9]*\)=\(.*\)","/\1=\2,\1=/
    t more
    p'); do
    [ "${pair#*=}" != "$peer_url" ] || pair=$name=$peer_url
    pairs=$pairs,$pair
  done
  echo "${pairs#,}"
}

joined_cluster='' joined_id='' asked=$members
if [ -e "$handed_over" ]; then
  joined_cluster=$(sed -n 's/^cluster=//p' "$handed_over")
  joined_id=$(sed -n 's/^member=//p' "$handed_over")
  asked=$asked,$(sed -n 's/^members=//p' "$handed_over")
fi
until has_data; do
  decision=$found reason='' list=''
  for other in $(echo "$asked" | tr , '\n' | sort -u); do
    [ "${other#*=}" = "$peer_url" ] || hear "${other%%=*}" "${other#*=}"
  done
  case $decision in
  "$found")
    # Other members that are added to the same cluster must not found a second one with this one.
    if [ ! -e "$handed_over" ]; then
      [ ! -e "$had_data" ] || refuse 'it has noted so itself'
      break
    fi
    reason='it joins a running cluster, of which no member answers'
    ;;
  "$join")
    state=existing members=$(joined_members)
    break
    ;;
  "$lost") refuse "$reason" ;;
  *) ;;
  esac
  say "$name waits: $reason"
  sleep 2
done
# For the day when the data is lost. Not before etcd has written some: it may fail at its first start.
(
  (
    until has_data; do sleep 1; done
    : >"$had_data"
  ) &
)
