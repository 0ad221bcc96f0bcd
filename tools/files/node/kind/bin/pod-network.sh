#!/bin/bash
# The Pod network of a node: its own Pods through the plugins ptp and host-local, every other node's by a route. Follows
# the Node objects, and may read them once kind's default network manifest is applied.
set -o errexit -o nounset -o pipefail
self=$(hostname)
directory=/etc/cni/net.d

configure() { # Pod ranges of this node
  local cidr ranges='' routes=''
  for cidr in "$@"; do
    ranges+=",[{\"subnet\":\"$cidr\"}]"
    case $cidr in *:*) routes+=',{"dst":"::/0"}' ;; *) routes+=',{"dst":"0.0.0.0/0"}' ;; esac
  done
  cat > $directory/.new <<JSON
{"cniVersion":"0.4.0","name":"kindnet","plugins":[
 {"type":"ptp","ipMasq":false,"ipam":{"type":"host-local","dataDir":"/run/cni-ipam-state","routes":[${routes:1}],"ranges":[${ranges:1}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
JSON
  cmp --silent $directory/.new $directory/10-kindnet.conflist || mv $directory/.new $directory/10-kindnet.conflist
}

route() { # Pod ranges of another node, its addresses
  local cidr address
  for cidr in $1; do
    for address in $2; do
      case "$cidr $address" in
        *:*\ *:*) ip -6 route replace "$cidr" via "$address" ;;
        *:*\ * | *\ *:*) ;;
        *) ip route replace "$cidr" via "$address" ;;
      esac
    done
  done
}

mkdir --parents $directory
fields='{.metadata.name}|{.spec.podCIDRs[*]}|{.status.addresses[?(@.type=="InternalIP")].address}{"\n"}'
kubectl --kubeconfig=/etc/kubernetes/kubelet.conf get nodes --watch --output=jsonpath="$fields" |
  while IFS='|' read -r name cidrs addresses; do
    [ -n "$cidrs" ] || continue
    # shellcheck disable=SC2086 # several ranges are several words
    if [ "$name" = "$self" ]; then configure $cidrs; else route "$cidrs" "$addresses"; fi
  done
