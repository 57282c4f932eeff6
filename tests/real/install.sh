#!/bin/sh
# Installs the distribution's servers that `make test-real` talks to. Nothing is started: the tests start their own.
set -eu

wanted="postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd squid unbound nginx nftables iproute2 openssl
  orthanc orthanc-dicomweb dcmtk openssh-server prometheus prometheus-alertmanager
  prometheus-blackbox-exporter monitoring-plugins-basic
  kamailio kamailio-tls-modules sip-tester flite chromium faketime prosody
  systemd-container mmdebstrap podman runc docker-compose gcc libc6-dev"

missing=""
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"

# Packages must not start their servers here: a policy that denies it stands while they are installed.
policy=/usr/sbin/policy-rc.d
placed=""
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    placed=yes
fi
trap '[ -z "$placed" ] || $as_root rm -f "$policy"' EXIT

$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
# shellcheck disable=SC2086 # a list of names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
