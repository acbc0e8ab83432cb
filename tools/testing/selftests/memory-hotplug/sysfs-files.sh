#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The files of memory hotplug in sysfs: formats, modes, and that bad input gets
# the documented errno and changes nothing. No memory changes its state here.
#
# Documentation/ABI/testing/sysfs-devices-memory

source "$(dirname "$(readlink -f "$0")")"/memory-blocks.sh

BAD_WORDS=("onlin" "online " "online_" "ONLINE" "offlined" "2" "-1" " " $'\n')

# First address of block $1, as probe takes it
address_of()
{
	printf '0x%x' $(($1 * BLOCK_SIZE))
}

test_block_size()
{
	local problem=

	expect_read "block_size_bytes is hexadecimal" '[0-9a-f]+' "$MEMORY/block_size_bytes"
	if [ "$BLOCK_SIZE" -le 0 ] || [ $((BLOCK_SIZE & (BLOCK_SIZE - 1))) -ne 0 ]; then
		problem="$BLOCK_SIZE"
	fi
	result "block_size_bytes is a power of two" "$problem"
}

test_modes()
{
	local n=$1 dir=$MEMORY/memory$1

	expect_mode "files to read only, of the subsystem" 444 \
		"$MEMORY/block_size_bytes" "$MEMORY/crash_hotplug"
	expect_mode "auto_online_blocks" 644 "$MEMORY/auto_online_blocks"
	expect_mode "files to write only" 200 "$MEMORY/probe" \
		"$MEMORY/soft_offline_page" "$MEMORY/hard_offline_page"
	expect_mode "files to read only, of memory$n" 444 "$dir/phys_index" \
		"$dir/phys_device" "$dir/removable" "$dir/valid_zones"
	expect_mode "files to read and write, of memory$n" 644 \
		"$dir/state" "$dir/online" "$dir/uevent"
}

test_auto_online()
{
	local file=$MEMORY/auto_online_blocks
	local before word problem=

	before=$(cat "$file")
	expect_read "auto_online_blocks is one of four words" \
		'offline|online|online_kernel|online_movable' "$file"

	for word in offline online online_kernel online_movable; do
		[ "$(try "$file" "$word")" = 0 ] && [ "$(cat "$file")" = "$word" ] ||
			problem="'$word' does not stick"
	done
	[ "$(try "$file" $'online\n')" = 0 ] || problem="a newline is not ignored"
	result "auto_online_blocks takes each of them" "$problem"
	try "$file" "$before" > /dev/null

	problem=
	for word in "${BAD_WORDS[@]}"; do
		[ "$(try "$file" "$word")" = EINVAL ] || problem="'$word' is not refused"
	done
	result "auto_online_blocks refuses all others" "$problem"
	expect_same "auto_online_blocks keeps its value" "$before" "$(cat "$file")"
}

test_crash_hotplug()
{
	if [ -e "$MEMORY/crash_hotplug" ]; then
		expect_read "crash_hotplug is 0 or 1" '[01]' "$MEMORY/crash_hotplug"
	else
		ktap_test_skip "crash_hotplug is 0 or 1"
	fi
}

# An address far above anything: whole blocks, but nothing there
test_probe()
{
	local probe=$MEMORY/probe first=$1

	if [ ! -e "$probe" ]; then
		ktap_test_skip "probe: CONFIG_ARCH_MEMORY_PROBE is not set"
		return
	fi
	expect_write "probe: no number" EINVAL "$probe" "memory$first"
	expect_write "probe: nothing but a newline" EINVAL "$probe" $'\n'
	expect_write "probe: negative" EINVAL "$probe" "-$BLOCK_SIZE"
	expect_write "probe: more than 64 bits" EINVAL "$probe" 0x10000000000000000
	expect_write "probe: not the start of a block" EINVAL "$probe" \
		"$(printf '0x%x' $((first * BLOCK_SIZE + 4096)))"
	expect_write "probe: a block that is there" EEXIST "$probe" "$(address_of "$first")"
	expect_write "probe: the last block of 64 bits" EINVAL "$probe" \
		"$(printf '0x%x' $((-BLOCK_SIZE)))"
	expect_write "probe: no memory there" "EINVAL ENODEV" "$probe" \
		"$(printf '0x%x' $((1 << 50)))"
}

test_page_offline()
{
	local name file

	for name in soft_offline_page hard_offline_page; do
		file=$MEMORY/$name
		if [ ! -e "$file" ]; then
			ktap_test_skip "$name: CONFIG_MEMORY_FAILURE is not set"
			continue
		fi
		expect_write "$name: no number" EINVAL "$file" "page"
		expect_write "$name: more than 64 bits" EINVAL "$file" 0x10000000000000000
		expect_write "$name: no memory there" "ENXIO EIO" "$file" \
			"$(printf '0x%x' $((1 << 50)))"
		test_page_offline_capability "$name"
	done
}

# Root without CAP_SYS_ADMIN may open the file, and no more.
test_page_offline_capability()
{
	local what="$1: needs CAP_SYS_ADMIN" said

	if ! setpriv --bounding-set=-sys_admin true 2> /dev/null; then
		ktap_test_skip "$what: setpriv cannot drop it"
		return
	fi
	said=$(setpriv --bounding-set=-sys_admin \
		bash -c "echo page > '$MEMORY/$1'" 2>&1)
	case $said in
	*"Operation not permitted") result "$what" ;;
	*) result "$what" "said: $said" ;;
	esac
}

# each_block DESCRIPTION FUNCTION: FUNCTION prints what is wrong with block $1
each_block()
{
	local n problem

	for n in $(blocks); do
		problem=$("$2" "$n")
		[ -z "$problem" ] && continue
		result "$1" "memory$n: $problem"
		return
	done
	result "$1"
}

wrong_index()
{
	[ "$(attr "$1" phys_index)" = "$(printf '%08x' "$1")" ] || attr "$1" phys_index
}

wrong_state()
{
	case "$(attr "$1" state):$(attr "$1" online)" in
	online:1 | offline:0 | going-offline:1) ;;
	*) echo "state and online do not agree" ;;
	esac
}

# Says what the kernel can do, not what the block can.
wrong_removable()
{
	local want=0

	[ -e "$MEMORY/memory$1/valid_zones" ] && want=1
	[ "$(attr "$1" removable)" = "$want" ] || echo "not $want"
}

wrong_phys_device()
{
	[[ $(attr "$1" phys_device) =~ ^[0-9]+$ ]] || attr "$1" phys_device
}

wrong_zones()
{
	local zone='DMA|DMA32|Normal|HighMem|Movable' zones

	[ -e "$MEMORY/memory$1/valid_zones" ] || return
	zones=$(attr "$1" valid_zones)
	case $(attr "$1" state) in
	offline)
		[[ $zones =~ ^($zone)( ($zone))?$ ]] || echo "offline: '$zones'"
		[[ " $zones " = *" Movable "* ]] || echo "never Movable: '$zones'"
		;;
	online)
		[[ $zones =~ ^($zone|none)$ ]] || echo "online: '$zones'"
		;;
	esac
}

wrong_links()
{
	local dir=$MEMORY/memory$1 link found=

	for link in "$dir"/node[0-9]*; do
		[ -L "$link" ] || continue
		found=1
		[ "$link/memory$1" -ef "$dir" ] ||
			echo "no link back from ${link##*/}"
	done
	[ -n "$found" ] || [ ! -d /sys/devices/system/node ] || echo "no link to a node"
}

test_blocks()
{
	each_block "phys_index is the block's number, eight hexadecimal digits" wrong_index
	each_block "state and online agree" wrong_state
	each_block "removable is the same for all" wrong_removable
	each_block "phys_device is a number" wrong_phys_device
	each_block "valid_zones has one zone, or those to choose from" wrong_zones
	each_block "blocks and nodes link each other" wrong_links
}

# test_bad_state BLOCK: every bad word, to both files
test_bad_state()
{
	local dir=$MEMORY/memory$1 what word problem=

	what="memory$1, $(attr "$1" state)"
	for word in "${BAD_WORDS[@]}" going-offline none Movable; do
		[ "$(try "$dir/state" "$word")" = EINVAL ] || problem="'$word' is not refused"
	done
	result "state of $what refuses what is no state" "$problem"

	problem=
	for word in "" x o 2 -1; do
		[ -z "$word" ] && word=$'\n'
		[ "$(try "$dir/online" "$word")" = EINVAL ] || problem="'$word' is not refused"
	done
	result "online of $what refuses what is no truth value" "$problem"
}

skip_unless_testable
BLOCK_SIZE=$((16#$(cat "$MEMORY/block_size_bytes")))
first=$(blocks | head -n 1)
last=$(blocks | tail -n 1)
before=$(snapshot)

test_block_size
test_modes "$first"
test_auto_online
test_crash_hotplug
test_blocks
test_probe "$first"
test_page_offline
test_bad_state "$first"
test_bad_state "$last"
expect_same "no block has come, gone or changed" "$before" "$(snapshot)"

finish_tests
