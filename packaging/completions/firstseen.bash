# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Completion in bash of the firstseen command and the firstseend daemon.

_firstseen_commands="status stats watch doctor domains history apps app alerts alert ack allow allowed unallow
	domain-of replay import export report help"
_firstseen_kinds="new_domain new_domain_for_application new_address crawler_digest threat_domain
	learning_complete coverage_gap history_recovered"
_firstseen_settings="detect.window= detect.learning= detect.scope= detect.unnamed= detect.internal_networks=
	detect.internal_domains= detect.private_suffixes= detect.aws_buckets= detect.crawler_domains=
	detect.crawler_window= detect.crawler_host_domains= capture.dns_ports= capture.ring_size=
	capture.sni= capture.volumes= history.path= history.retention= alert.sinks= alert.format=
	alert.syslog_cee= alert.waiting= threat.lists= threat.newly_registered= control.socket=
	metrics.textfile= service.user= enrich.packages= enrich.ptr= enrich.asn=
	enrich.dns_servers= enrich.dns_rate= enrich.dns_origin= enrich.dns_origin6="
_firstseend_options="--config --set --check --version --help"
_firstseen_general="--config --set --db --format --version --help"

# The options of a command.
_firstseen_options()
{
	case $1 in
	domains) echo "--new --since --until --app --limit" ;;
	apps | app) echo "--since --until --limit" ;;
	alerts) echo "--since --until --kind --open --limit" ;;
	ack) echo "--note" ;;
	watch) echo "--filter --alerts" ;;
	replay) echo "--flows --alerts --into" ;;
	import) echo "--client --again" ;;
	export) echo "--since --until --app --csv --output" ;;
	report) echo "--since --until --output" ;;
	esac
}

# Names in a history were chosen by others: none that a shell would take for more than text is offered.
_firstseen_plain()
{
	cut -f "$1" | grep -E '^[A-Za-z0-9._:/@+-]+$'
}

# Asks the history that the line names; quiet where it can not be read.
_firstseen_ask()
{
	local column=$1
	shift
	"${program[@]}" --format tsv "$@" 2>/dev/null | head -n 1000 | _firstseen_plain "$column"
}

# The rules that `firstseen allow` made: those of the configuration are removed there.
_firstseen_rules()
{
	"${program[@]}" --format tsv allowed 2>/dev/null | sed -n '/\tcommand$/p' | _firstseen_plain 1
}

_firstseen_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
	# Behind one of these readline completes the rest alone.
	local break
	for break in : =; do
		if [[ $current == *"$break"* && $COMP_WORDBREAKS == *"$break"* ]]; then
			COMPREPLY=("${COMPREPLY[@]#"${current%"${current##*"$break"}"}"}")
		fi
	done
}

_firstseen_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "${current##*[=:]}")
}

_firstseen_setting()
{
	local key=${current%%=*}

	case $current in
	detect.scope=*) _firstseen_words "$key=host $key=application $key=both" ;;
	detect.unnamed=*) _firstseen_words "$key=alert $key=record $key=ignore" ;;
	alert.format=*) _firstseen_words "$key=ocsf $key=ecs" ;;
	alert.sinks=*) _firstseen_words "$key=syslog $key=journal $key=stdout $key=file:/" ;;
	*.private_suffixes=* | *.aws_buckets=* | *.sni=* | *.syslog_cee=* | *.packages=* | *.ptr=* | *.asn=*)
		_firstseen_words "$key=yes $key=no"
		;;
	*.path=* | *.lists=* | *.newly_registered=* | *.socket=* | *.textfile=*) _firstseen_files ;;
	*=*) ;;
	*)
		_firstseen_words "$_firstseen_settings"
		compopt -o nospace 2>/dev/null
		;;
	esac
}

_firstseen_argument()
{
	case $command in
	"") _firstseen_words "$_firstseen_commands" ;;
	help) _firstseen_words "${_firstseen_commands% help}" ;;
	history) _firstseen_words "$(_firstseen_ask 1 domains --limit 1000)" ;;
	app) _firstseen_words "$(_firstseen_ask 1 apps --limit 1000)" ;;
	alert) _firstseen_words "$(_firstseen_ask 2 alerts --limit 1000)" ;;
	ack) _firstseen_words "$(_firstseen_ask 2 alerts --open --limit 1000)" ;;
	unallow) _firstseen_words "$(_firstseen_rules)" ;;
	allow)
		[[ $arguments -eq 0 ]] && return
		_firstseen_words "domain= application= container= user= network= port= reason= expires="
		compopt -o nospace 2>/dev/null
		;;
	replay | import) _firstseen_files ;;
	esac
}

# "daemon": firstseend; else the command.
_firstseen_line()
{
	# The words, put together where readline parts them at "=" and ":".
	local line=${COMP_LINE:0:COMP_POINT} words=() word command="" previous="" arguments=0 current=""
	local program=(firstseen) skip="" daemon=${1-}

	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	[[ ${#words[@]} -lt 2 ]] && return
	program=("${words[0]/#\~/$HOME}")
	current=${words[-1]}
	unset "words[-1]"
	for word in "${words[@]:1}"; do
		if [[ -n $skip ]]; then
			case $skip in
			-c | --config | --db | --set) program+=("$skip" "$word") ;;
			esac
			skip=""
			previous=""
			continue
		fi
		previous=""
		case $word in
		-c | --config | --db | --set | --format | --since | --until | --app | --kind | --limit | --note | --filter | \
			--into | --client | --output)
			skip=$word
			previous=$word
			;;
		-o)
			if [[ $command == export || $command == report ]]; then
				skip=$word
				previous=$word
			fi
			;;
		--db=* | --config=* | --set=*) program+=("$word") ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			else
				arguments=$((arguments + 1))
			fi
			;;
		esac
	done
	COMPREPLY=()
	if [[ -z $previous && $current == --*=* ]]; then
		previous=${current%%=*}
		current=${current#*=}
	fi
	case $previous in
	--set) _firstseen_setting ;;
	-c | --config | --db | --into | --output | -o) _firstseen_files ;;
	--format)
		_firstseen_words "table json tsv$([[ $command == stats || -z $command ]] && echo " openmetrics")"
		;;
	--kind) _firstseen_words "$_firstseen_kinds" ;;
	--since | --until) _firstseen_words "1h 24h 7d 30d 90d" ;;
	--app) _firstseen_words "$(_firstseen_ask 1 apps --limit 1000)" ;;
	--*) ;;
	"")
		if [[ $daemon ]]; then
			_firstseen_words "$_firstseend_options"
		elif [[ $current == -* ]]; then
			_firstseen_words "$(_firstseen_options "$command") $_firstseen_general"
		else
			_firstseen_argument
		fi
		;;
	esac
}

_firstseen_complete()
{
	_firstseen_line
}

_firstseend_complete()
{
	_firstseen_line daemon
}

complete -F _firstseen_complete firstseen
complete -F _firstseend_complete firstseend
