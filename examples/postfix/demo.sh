#!/usr/bin/env bash
# Two providers of certified mail on this machine, each with a Postfix, a Dovecot and a
# ceralacca-postfix of its own, made from the configuration files beside this script; real mail between
# them. Everything lives in one temporary folder and on loopback ports that are free, and is gone at
# the end, also after Ctrl-C. What the users got stays in OUT for looking at.
#
#   demo.sh [OUT]      with `ceralacca` and `ceralacca-postfix` in $BIN, the plug-in in
#                      $CERALACCA_COMPONENT
set -euo pipefail
umask 022
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-demo-out/postfix}
BIN=${BIN:-/usr/bin}
PATH="$PATH:/usr/sbin:/usr/lib/postfix/sbin"
password=segreto
# What needs no privilege runs as this user.
low=nobody

main() {
    start_all
    scene_offer
    scene_virus
    show_service
}

# ---- the stories -------------------------------------------------------------------------------

scene_offer() {
    title "Anna at Alfa writes to Bruno at Beta (swaks, AUTH over TLS)"
    submit alfa anna bruno@pec.beta.example "Offerta n. 12" "Gentile Bruno, in allegato l'offerta."
    await alfa anna 2
    await beta bruno 1
    await alfa ricevute 1
    title "What is in the mailboxes (IMAP)"
    fetch alfa anna
    fetch beta bruno
    fetch alfa ricevute
    title "Do they hold? (ceralacca verify, and OpenSSL)"
    local message
    for message in "$out"/*.eml; do
        verify "$message"
    done
}

scene_virus() {
    title "Anna sends a virus (EICAR; a real clamd looks)"
    # In two halves, so that nobody takes this script for one.
    # shellcheck disable=SC2016
    submit alfa anna bruno@pec.beta.example "Fattura" \
        'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR''-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
    await alfa anna 3
    fetch alfa anna 3
}

show_service() {
    title "What the service at Alfa says of itself"
    "$BIN/ceralacca-postfix" --config "$work/alfa/ceralacca.toml" check-config | quoted
    curl -sf "http://127.0.0.1:${port[alfa-metrics]}/healthz" | sed 's/^/    healthz: /'
    curl -sf "http://127.0.0.1:${port[alfa-metrics]}/metrics" |
        grep -E '^ceralacca_(transactions_total|outbox_pending)' | quoted
    title "Done: the messages are in $out"
}

# ---- the parties -------------------------------------------------------------------------------

start_all() {
    title "Two providers, each with Postfix, Dovecot and ceralacca-postfix, and one ClamAV"
    local name
    for name in alfa beta; do
        for service in access incoming injection bounces imap metrics; do
            port[$name-$service]=$(free_port)
        done
    done
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=mx.example -keyout "$work/tls.key" -out "$work/tls.pem" 2>/dev/null
    clamav
    "$BIN/ceralacca" provider init "$work/alfa" --name "Alfa Posta Certificata S.p.A." \
        --domain pec.alfa.example >/dev/null
    "$BIN/ceralacca" provider init "$work/beta" --name "Beta Posta Sicura S.r.l." \
        --domain pec.beta.example --join "$work/alfa" >/dev/null
    for name in alfa beta; do
        dovecot "$name"
        certified "$name"
        postfix "$name"
    done
    for name in alfa beta; do
        until answers "${port[$name-access]}" && answers "${port[$name-imap]}" &&
            [ -S "$work/$name/queue/pec/milter.sock" ]; do
            patience "the servers of $name do not start"
        done
        say "$name: submission on port ${port[$name-access]}, IMAP on ${port[$name-imap]}"
    done
}

users_of() { # PROVIDER
    case $1 in
    alfa) echo anna ricevute ;;
    beta) echo bruno ricevute ;;
    esac
}

clamav() {
    mkdir "$work/clamav" "$work/clamav/db"
    # Its own databases are large; one signature will do.
    echo 'Eicar-Test-Signature:0:*:58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e544956495255532d544553542d46494c452124482b482a' \
        >"$work/clamav/db/eicar.ndb"
    sed -e "s|^LocalSocket .*|LocalSocket $work/clamav/clamd.ctl|" \
        -e "s|^DatabaseDirectory .*|DatabaseDirectory $work/clamav/db|" \
        -e "s|^User .*||" -e "s|^Foreground .*|Foreground true|" \
        "$here/clamd.conf" >"$work/clamav/clamd.conf"
    chown -R "$low" "$work/clamav"
    run clamav setpriv --reuid "$low" --clear-groups clamd -c "$work/clamav/clamd.conf"
}

dovecot() { # PROVIDER
    local dir=$work/$1/dovecot user
    mkdir -p "$dir/run" "$dir/state" "$work/$1/mail" "$work/$1/queue/private"
    chown "$low" "$work/$1/mail"
    for user in $(users_of "$1"); do
        echo "$user@pec.$1.example:{PLAIN}$password::::::"
    done >"$dir/users"
    {
        sed -e "s|pec\.alfa\.example|pec.$1.example|g" \
            -e "s|/var/vmail|$work/$1/mail|g" \
            -e "s|/etc/dovecot/users|$dir/users|" -e "s|vmail|$low|g" \
            -e "s|/var/spool/postfix|$work/$1/queue|" \
            -e "s|gid=$low|gid=$(id -g "$low")|" \
            -e "s|group = ceralacca|mode = 0666|" -e "/mode = 0660/d" \
            -e "s|user = ceralacca|user = $low|" \
            -e "s|^ssl_cert = .*|ssl_cert = <$work/tls.pem|" -e "s|^ssl_key = .*|ssl_key = <$work/tls.key|" \
            "$here/dovecot.conf"
        cat <<END
base_dir = $dir/run
state_dir = $dir/state
log_path = $work/$1/dovecot.log
listen = 127.0.0.1
first_valid_uid = 1
first_valid_gid = 1
service imap-login {
  inet_listener imap {
    port = ${port[$1-imap]}
  }
  inet_listener imaps {
    port = 0
  }
}
END
    } >"$dir/dovecot.conf"
    run "$1" dovecot -F -c "$dir/dovecot.conf"
}

certified() { # PROVIDER
    local dir=$work/$1
    mkdir -p "$dir/state" "$dir/cache" "$dir/queue/pec"
    sed -e "s|Alfa Posta Certificata S.p.A.|$(provider_name "$1")|" \
        -e "s|pec\.alfa\.example|pec.$1.example|g" \
        -e "s|/var/lib/ceralacca\"|$dir/state\"|" \
        -e "s|/var/spool/postfix|$dir/queue|" -e "s|^group = .*|mode = \"0666\"|" \
        -e "s|127.0.0.1:10026|127.0.0.1:${port[$1-injection]}|" \
        -e "s|/run/dovecot/|$dir/dovecot/run/|" -e "s|^#dovecot = |dovecot = |" \
        -e "s|/run/clamav|$work/clamav|" \
        -e "s|127.0.0.1:9154|127.0.0.1:${port[$1-metrics]}|" \
        -e "s|^#config-directory = .*|config-directory = \"$dir/postfix\"|" \
        "$here/ceralacca.toml" >"$dir/ceralacca.toml"
    chown -R "$low" "$dir/state" "$dir/cache" "$dir/queue/pec" "$dir/key.pem"
    CACHE_DIRECTORY=$dir/cache run "$1" setpriv --reuid "$low" --clear-groups \
        "$BIN/ceralacca-postfix" --config "$dir/ceralacca.toml"
}

provider_name() { # PROVIDER
    sed -n 's/^name = "\(.*\)"/\1/p' "$work/$1/provider.toml"
}

postfix() { # PROVIDER
    local dir=$work/$1 other=beta queue
    [ "$1" = alfa ] || other=alfa
    mkdir "$dir/postfix" "$dir/data"
    (
        cd "$dir/queue"
        for queue in active bounce corrupt defer deferred flush hold incoming private saved trace; do
            mkdir -p "$queue" && chmod 700 "$queue"
        done
        mkdir -p pid
        mkdir -m 730 maildrop
        mkdir -m 710 public
        chown postfix active bounce corrupt defer deferred flush hold incoming maildrop private \
            public saved trace ../data
        chgrp postdrop maildrop public
    )
    {
        sed -e "s|pec\.alfa\.example|pec.$1.example|g" -e "s|127.0.0.1\]:10027|127.0.0.1]:${port[$1-bounces]}|" \
            -e "s|^smtpd_tls_cert_file = .*|smtpd_tls_cert_file = $work/tls.pem|" \
            -e "s|^smtpd_tls_key_file = .*|smtpd_tls_key_file = $work/tls.key|" "$here/main.cf"
        cat <<END
# A private instance: everything in one folder, and a network of two.
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/mail.log
maillog_file_prefixes = $work
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_host_lookup = native
alias_maps =
alias_database =
transport_maps = inline:{ { pec.$other.example = smtp:[127.0.0.1]:${port[$other-incoming]} } }
default_transport = error:5.1.2 there is no other network here
END
    } >"$dir/postfix/main.cf"
    sed -e "s|^submission inet|127.0.0.1:${port[$1-access]} inet|" \
        -e "s|^smtp      inet|127.0.0.1:${port[$1-incoming]} inet|" \
        -e "s|^127.0.0.1:10026|127.0.0.1:${port[$1-injection]}|" \
        -e "s|^127.0.0.1:10027|127.0.0.1:${port[$1-bounces]}|" \
        "$here/master.cf" >"$dir/postfix/master.cf"
    run "$1" master -d -c "$dir/postfix"
}

# ---- what people do ----------------------------------------------------------------------------

submit() { # PROVIDER USER TO SUBJECT TEXT
    swaks --server 127.0.0.1 --port "${port[$1-access]}" --tls --auth PLAIN \
        --auth-user "$2@pec.$1.example" --auth-password "$password" \
        --from "$2@pec.$1.example" --to "$3" --h-From "$2@pec.$1.example" --h-Subject "$4" \
        --body "$5" --suppress-data --hide-informational >"$work/swaks" 2>&1 ||
        fail "the message was not taken: $(grep '^<.. ' "$work/swaks" | tail -n 1)"
    grep -E '^ ?[<~-]+>? +(MAIL|RCPT|235|250 2)' "$work/swaks" | quoted
}

await() { # PROVIDER USER COUNT
    until [ "$(imap "$1" "$2" '' -X 'STATUS INBOX (MESSAGES)' | tr -dc 0-9)" -ge "$3" ] 2>/dev/null; do
        patience "$2@pec.$1.example has not got $3 messages"
    done
}

# Shows a user's messages, from number FIRST on, and keeps them.
fetch() { # PROVIDER USER [FIRST]
    local number=${3:-1} file
    say "$2@pec.$1.example"
    while imap "$1" "$2" "INBOX;MAILINDEX=$number;SECTION=HEADER.FIELDS%20(SUBJECT)" 2>/dev/null |
        tr -d '\r' | sed -n "s/^Subject: /    $number  /p" | grep .; do
        file=$out/$1-$2-$number.eml
        imap "$1" "$2" "INBOX;MAILINDEX=$number" >"$file"
        number=$((number + 1))
    done
}

imap() { # PROVIDER USER WHAT [CURL OPTION…]
    local provider=$1 user=$2 what=$3
    shift 3
    curl -s -k --ssl-reqd --user "$user@pec.$provider.example:$password" \
        "imap://127.0.0.1:${port[$provider-imap]}/$what" "$@"
}

verify() { # MESSAGE
    "$BIN/ceralacca" verify "$1" --directory "$work/beta/directory.ldif" \
        --roots "$work/beta/roots.pem" | sed -n '1p' | quoted
    openssl cms -verify -in "$1" -CAfile "$work/beta/roots.pem" -purpose smimesign -out /dev/null 2>&1 |
        sed 's/^/      openssl: /'
}

# ---- machinery ---------------------------------------------------------------------------------

declare -A port
pids=()
deadline=$((SECONDS + 120))

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
say() { echo "  $*"; }
quoted() { sed 's/^/    /'; }

# In the background, ended by `clean`.
run() { # FOLDER COMMAND…
    local folder=$1
    shift
    setsid "$@" </dev/null >>"$work/$folder/$(basename "${!#}").out" 2>&1 &
    pids+=($!)
}

patience() { # COMPLAINT
    [ "$SECONDS" -lt "$deadline" ] || fail "$1"
    sleep 0.2
}

fail() {
    echo "demo: $1" >&2
    tail -n 20 "$work"/*/*.log "$work"/*/*.out >&2 || true
    exit 1
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
    local number
    while :; do
        number=$((20000 + RANDOM % 12000))
        # The same number twice is as bad as one in use.
        case " ${port[*]} " in *" $number "*) continue ;; esac
        answers "$number" || break
    done
    echo "$number"
}

clean() {
    trap '' INT TERM
    [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
}

install_missing() {
    local missing=() pair
    for pair in postfix:postfix dovecot:dovecot-core /usr/lib/dovecot/imap:dovecot-imapd \
        /usr/lib/dovecot/lmtp:dovecot-lmtpd clamd:clamav-daemon swaks:swaks curl:curl \
        openssl:openssl setpriv:util-linux; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    perl -MNet::SSLeay -e 1 2>/dev/null || missing+=(libnet-ssleay-perl)
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    # Debian starts what it installs, unless a policy forbids it. In a shell of its own, so that the
    # policy goes away however this ends.
    (
        local policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap 'rm -f "$policy"' EXIT
            trap 'exit 130' INT TERM
            printf '#!/bin/sh\nexit 101\n' >$policy
            chmod 755 $policy
        fi
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" \
            >/dev/null
    )
}

if [ "$(id -u)" != 0 ]; then
    # Postfix's master wants to be root, and so does apt; what can do without is told to.
    exec sudo --preserve-env=BIN,CERALACCA_COMPONENT -- "$0" "$@"
fi
install_missing
work=$(mktemp -d)
chmod 755 "$work"
trap clean EXIT
trap 'exit 130' INT TERM
mkdir -p "$out"
rm -f "$out"/*.eml
main
