# SPDX-License-Identifier: Apache-2.0
# Completion of flowcheck for bash; needs nothing but bash 4. tests/cli/completion.py holds the
# options against those that flowcheck --help prints.

# Words that begin with what was typed.
_flowcheck_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_flowcheck_files()
{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Values of a setting that has a closed list of them; false for what is no setting.
_flowcheck_setting()
{
    case $1 in
        enable-policy)
            _flowcheck_words "default always never" "$2"
            ;;
        policy-cidr-match-mode)
            _flowcheck_words "nodes pods nodes,pods" "$2"
            ;;
        fqdn-evidence)
            _flowcheck_words "names identity" "$2"
            ;;
        policy-default-local-cluster | fqdn-double-star | enable-host-firewall | \
            enable-non-default-deny-policies | enable-node-selector-labels)
            _flowcheck_words "true false" "$2"
            ;;
        cluster-name | labels) ;;
        *)
            return 1
            ;;
    esac
}

_flowcheck_value()
{
    local option=$1 cur=$2

    case $option in
        -f | --policies | --snapshot | --intent | --baseline | --partial-out | --exporter | --tls-ca-cert-files | --tls-client-cert-file | \
            --tls-client-key-file)
            _flowcheck_files "$cur"
            ;;
        --engine)
            _flowcheck_words "cilium-1.17 cilium-1.18 cilium-1.19 cilium-1.20 kubernetes" "$cur"
            ;;
        -o | --output)
            case ${COMP_WORDS[1]} in
                convert) _flowcheck_words "json protobuf archive" "$cur" ;;
                record) _flowcheck_files "$cur" ;;
                check) _flowcheck_words "text json jsonl arrow" "$cur" ;;
                *) _flowcheck_words "text json jsonl" "$cur" ;;
            esac
            ;;
        --set)
            compopt -o nospace 2>/dev/null
            _flowcheck_words "enable-policy= policy-cidr-match-mode= policy-default-local-cluster=
                fqdn-double-star= fqdn-evidence= labels= enable-non-default-deny-policies=
                enable-node-selector-labels= enable-host-firewall= cluster-name=" "$cur"
            ;;
        --fail-on)
            _flowcheck_words "info low medium high critical" "$cur"
            ;;
        --color)
            _flowcheck_words "auto always never" "$cur"
            ;;
        --direction | --traffic-direction)
            _flowcheck_words "egress ingress" "$cur"
            ;;
        --from | --to)
            _flowcheck_words "world host remote-node kube-apiserver ingress health" "$cur"
            ;;
        --verdict)
            _flowcheck_words "forwarded dropped error audit redirected traced translated" "$cur"
            ;;
        --type)
            _flowcheck_words "drop trace policy-verdict trace-sock l7" "$cur"
            ;;
        --protocol)
            _flowcheck_words "TCP UDP SCTP ICMPv4 ICMPv6 VRRP IGMP" "$cur"
            ;;
        --var | --default-namespace | --max-undecided | --min-coverage | --at | --limit | --threads | --uuid) ;;
        --server | --tls-server-name | --basic-auth-* | --timeout | --request-timeout) ;;
        --idle-check | --*interval | --metrics-listen | --last | --first | --rotate-size) ;;
        --level) ;;
        --since | --until | --node-name | --*namespace | --*pod | --*ip | --*port | --*identity) ;;
        *)
            return 1
            ;;
    esac
}

_flowcheck_option()
{
    local shared="-f --policies --snapshot --engine --set --var --default-namespace --partial
        --intent
        -o --output --help"
    local live="--server --tls --tls-allow-insecure --tls-ca-cert-files
        --tls-client-cert-file --tls-client-key-file --tls-server-name --basic-auth-username
        --basic-auth-password --timeout --request-timeout --idle-check"
    local report="--baseline --fail-on --max-undecided --min-coverage --limit --color
        --partial-out"
    local filters="--since --until --verdict --type --traffic-direction
        --namespace --from-namespace --to-namespace --pod --from-pod --to-pod
        --ip --from-ip --to-ip --protocol --port --from-port --to-port
        --identity --from-identity --to-identity --node-name --uuid"

    case $1 in
        check)
            _flowcheck_words "$shared $filters $report --threads --no-progress" "$2"
            ;;
        merge)
            _flowcheck_words "-o --output --help $report" "$2"
            ;;
        approvals)
            _flowcheck_words "list validate usage -o --output --help --intent --var --at" "$2"
            ;;
        doctor)
            _flowcheck_words "$shared --exporter" "$2"
            ;;
        watch)
            _flowcheck_words "$shared $live $filters --quiet --interval --metrics-listen --no-reload
                --last --first --follow --no-follow --status --fail-on --max-undecided --limit" "$2"
            ;;
        record)
            _flowcheck_words "-o --output --help $live $filters --rotate-size --rotate-interval
                --frame-interval --level --last --no-follow" "$2"
            ;;
        convert)
            _flowcheck_words "-o --output --help $filters --level --no-progress" "$2"
            ;;
        explain)
            _flowcheck_words "$shared --uuid --from --to --port --direction" "$2"
            ;;
    esac
}

_flowcheck()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} head="" behind_equals=false i

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _flowcheck_words "approvals check convert doctor explain merge record watch --help --version" "$cur"
        return
    fi
    # bash cuts words at '=' unless it was told not to: "--engine=k" is three words, or one
    if [[ $cur == "=" ]]; then
        behind_equals=true
        cur=""
    elif [[ $prev == "=" ]]; then
        behind_equals=true
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $cur == --*=* ]]; then
        prev=${cur%%=*}
        head=$prev=
        cur=${cur#*=}
    fi
    if [[ ($prev == -o || $prev == --output) && $cur == *=* ]]; then
        head+=${cur%%=*}=
        _flowcheck_files "${cur#*=}"
    elif [[ $prev == --set && $cur == *=* ]]; then
        head+=${cur%%=*}=
        _flowcheck_setting "${cur%%=*}" "${cur#*=}"
    elif $behind_equals && _flowcheck_setting "$prev" "$cur"; then
        :
    elif $behind_equals && [[ $prev == text || $prev == json || $prev == jsonl || $prev == archive ||
        $prev == protobuf || $prev == arrow ]]; then
        _flowcheck_files "$cur"
    elif _flowcheck_value "$prev" "$cur"; then
        :
    elif [[ $cur == -* ]]; then
        _flowcheck_option "$command" "$cur"
    else
        _flowcheck_files "$cur"
    fi
    if [[ -n $head ]]; then
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=$head${COMPREPLY[i]}
        done
    fi
}

complete -F _flowcheck flowcheck
