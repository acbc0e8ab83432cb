# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests of the memory hotplug ABI share: to be sourced, by bash.
#
# Each expect_*() reports one test. What went wrong stands in front of it, as a
# diagnostic line.

MEMORY=/sys/devices/system/memory
export LC_ALL=C

DIR="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
source "${DIR}"/../kselftest/ktap_helpers.sh

# How strerror() puts it in the C locale
declare -A ERRNO_NAMES=(
	["Operation not permitted"]=EPERM
	["Interrupted system call"]=EINTR
	["Input/output error"]=EIO
	["No such device or address"]=ENXIO
	["Argument list too long"]=E2BIG
	["Cannot allocate memory"]=ENOMEM
	["Permission denied"]=EACCES
	["Device or resource busy"]=EBUSY
	["File exists"]=EEXIST
	["No such device"]=ENODEV
	["Invalid argument"]=EINVAL
	["Numerical result out of range"]=ERANGE
	["Memory page has hardware error"]=EHWPOISON
)

# skip_unless_testable: root, and blocks to look at
skip_unless_testable()
{
	ktap_print_header
	if [ "$(id -u)" != 0 ]; then
		ktap_skip_all "must be run as root"
		exit "$KSFT_SKIP"
	fi
	if [ ! -e "$MEMORY/block_size_bytes" ]; then
		ktap_skip_all "no memory blocks: CONFIG_MEMORY_HOTPLUG is not set"
		exit "$KSFT_SKIP"
	fi
}

# The plan is known at the end only, which TAP allows.
finish_tests()
{
	ktap_set_plan $((KTAP_TESTNO - 1))
	ktap_finished
}

# result DESCRIPTION PROBLEM: passed if there is no problem
result()
{
	if [ -z "$2" ]; then
		ktap_test_pass "$1"
	else
		ktap_print_msg "$1: $2"
		ktap_test_fail "$1"
	fi
}

# try FILE VALUE: one write. Prints the errno's name, or 0.
try()
{
	local said text

	# The builtin's own message is the only way to an errno in a shell.
	said=$( { printf '%s' "$2" > "$1"; } 2>&1 ) && { echo 0; return; }
	text=${said##*: }
	echo "${ERRNO_NAMES[$text]:-$said}"
}

# expect_write DESCRIPTION WANTED FILE VALUE: "WANTED" is an errno, several of
# them, or 0
expect_write()
{
	local got

	got=$(try "$3" "$4")
	case " $2 " in
	*" $got "*) result "$1" ;;
	*) result "$1" "writing '$4' to $3 gave $got, not $2" ;;
	esac
}

# expect_read DESCRIPTION PATTERN FILE: bash's extended regular expression
expect_read()
{
	local text

	text=$(cat "$3" 2>&1)
	if [[ $text =~ ^($2)$ ]]; then
		result "$1"
	else
		result "$1" "$3 reads '$text'"
	fi
}

# expect_mode DESCRIPTION MODE FILE...
expect_mode()
{
	local what=$1 want=$2 file problem=

	shift 2
	for file; do
		[ -e "$file" ] || continue
		[ "$(stat -c %a "$file")" = "$want" ] && continue
		problem="$file has mode $(stat -c %a "$file"), not $want"
	done
	result "$what" "$problem"
}

# expect_same DESCRIPTION BEFORE AFTER
expect_same()
{
	if [ "$2" = "$3" ]; then
		result "$1"
	else
		result "$1" "was '$2', is '$3'"
	fi
}

# blocks: the numbers of all memory blocks
blocks()
{
	local dir

	for dir in "$MEMORY"/memory[0-9]*; do
		echo "${dir##*/memory}"
	done | sort -n
}

# attr BLOCK FILE: what one of a block's files reads
attr()
{
	local text

	# There are many blocks, and a program for each file takes its time.
	[ -r "$MEMORY/memory$1/$2" ] || return
	read -r text < "$MEMORY/memory$1/$2" && echo "$text"
}

# snapshot: the state and zone of every block
snapshot()
{
	local n

	for n in $(blocks); do
		echo "$n:$(attr "$n" state):$(attr "$n" online):$(
			attr "$n" valid_zones 2>/dev/null)"
	done
}

mem_total()
{
	awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo
}
