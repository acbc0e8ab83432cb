#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory blocks that go offline and come online by each of the ways that sysfs
# offers: what the files read afterwards, where the memory went, what a request
# for the state that there is already gets, and what a refused one leaves.
#
# Takes one block offline that is likely to go (Movable, or else the last) and
# brings it back to its zone.
#
# Documentation/ABI/testing/sysfs-devices-memory

source "$(dirname "$(readlink -f "$0")")"/memory-blocks.sh

# A block to work on: an offline one, a movable one, or the last one
choose_block()
{
	local n state zones chosen=

	for n in $(blocks); do
		state=$(attr "$n" state)
		zones=$(attr "$n" valid_zones)
		[ "$state" = offline ] && { echo "$n"; return; }
		[ "$zones" = Movable ] && chosen=$n
		[ "$zones" = none ] || n_last=$n
	done
	echo "${chosen:-$n_last}"
}

# is BLOCK STATE: both files say so
is()
{
	local online=0

	[ "$2" = online ] && online=1
	[ "$(attr "$1" state)" = "$2" ] && [ "$(attr "$1" online)" = "$online" ]
}

# expect_is DESCRIPTION BLOCK STATE [ZONE]
expect_is()
{
	local problem=

	is "$2" "$3" || problem="state is $(attr "$2" state), online is $(attr "$2" online)"
	if [ -n "$4" ] && [[ ! $(attr "$2" valid_zones) =~ ^($4)$ ]]; then
		problem="$problem valid_zones is $(attr "$2" valid_zones)"
	fi
	result "$1" "$problem"
}

# A block is as good as free right after it came online, but kernel memory may
# have been allocated from it: then the rest cannot be tested.
offline_again()
{
	local try

	for try in 1 2 3 4 5; do
		[ "$(try "$MEMORY/memory$1/state" offline)" = 0 ] && return
		sleep 0.2
	done
	ktap_print_msg "memory$1 does not go offline any more"
	ktap_test_fail "memory$1 goes offline again"
	finish_tests
}

# What is there already: an error from state, none from online
test_no_change()
{
	local dir=$MEMORY/memory$1 word

	if is "$1" offline; then
		expect_write "state: offline twice" EINVAL "$dir/state" offline
		expect_write "online: 0 twice" 0 "$dir/online" 0
		expect_is "it still is offline" "$1" offline
		return
	fi
	for word in online online_kernel online_movable; do
		expect_write "state: $word although online" EINVAL "$dir/state" "$word"
	done
	expect_write "online: 1 twice" 0 "$dir/online" 1
	expect_is "it still is online" "$1" online "$2"
}

# test_online BLOCK FILE WORD ZONE: and off again
test_online()
{
	local dir=$MEMORY/memory$1 offline_total total pages

	offline_total=$(mem_total)
	expect_write "$2: $3" 0 "$dir/$2" "$3"
	expect_is "$2: $3 brings it to ${4//|/ or }" "$1" online "$4"

	total=$(mem_total)
	result "$2: $3 makes MemTotal grow" \
		"$([ "$total" -gt "$offline_total" ] || echo "from $offline_total to $total kB")"
	test_no_change "$1" "$4"

	offline_again "$1"
	expect_is "it goes offline again" "$1" offline
	expect_same "MemTotal is what it was" "$offline_total" "$(mem_total)"
}

# The zone that a refused request named must not be taken up by the next one.
test_wish_is_forgotten()
{
	local dir=$MEMORY/memory$1 zone other=online_movable

	try "$dir/online" 1 > /dev/null
	zone=$(attr "$1" valid_zones)
	[ "$zone" = Movable ] && other=online_kernel
	try "$dir/state" "$other" > /dev/null
	offline_again "$1"
	try "$dir/online" 1 > /dev/null
	expect_is "a refused $other is forgotten" "$1" online "$zone"
	offline_again "$1"
}

# A block of two zones or nodes, or with a hole, is there on most machines.
test_many_zones()
{
	local n

	for n in $(blocks); do
		[ "$(attr "$n" valid_zones)" = none ] || continue
		expect_write "memory$n has no zone of its own: offline" EINVAL \
			"$MEMORY/memory$n/state" offline
		expect_write "memory$n has no zone of its own: online" EINVAL \
			"$MEMORY/memory$n/online" 0
		expect_is "memory$n is online as before" "$n" online none
		return
	done
	ktap_test_skip "a block that has no zone of its own"
}

# The kernel itself does not move.
test_unmovable()
{
	local start n zone

	start=$(awk -F '[ -]+' '/Kernel code/ { print $2; exit }' /proc/iomem)
	n=$((16#${start:-0} / BLOCK_SIZE))
	zone=$(attr "$n" valid_zones 2> /dev/null)
	if [ "$((16#${start:-0}))" -eq 0 ] || [ "$zone" = none ]; then
		ktap_test_skip "the block of the kernel's code stays"
		return
	fi
	expect_write "memory$n has the kernel's code: offline" "EBUSY EINVAL EPERM" \
		"$MEMORY/memory$n/state" offline
	expect_is "memory$n is online as before" "$n" online "$zone"
}

skip_unless_testable
if [ ! -e "$MEMORY/memory$(blocks | head -n 1)/valid_zones" ]; then
	ktap_skip_all "memory cannot go offline: CONFIG_MEMORY_HOTREMOVE is not set"
	exit "$KSFT_SKIP"
fi

BLOCK_SIZE=$((16#$(cat "$MEMORY/block_size_bytes")))
before=$(snapshot)
total_before=$(mem_total)
block=$(choose_block)
dir=$MEMORY/memory$block
zone_before=$(attr "$block" valid_zones)

was_online=
if is "$block" online; then
	was_online=1
	test_no_change "$block" "$zone_before"
	expect_write "memory$block goes offline" 0 "$dir/state" offline
	is "$block" offline || finish_tests
fi
ktap_print_msg "working on memory$block: $(attr "$block" valid_zones)"

zones=$(attr "$block" valid_zones)
test_no_change "$block"
test_online "$block" state online "${zones%% *}"
test_online "$block" state online_movable Movable
test_online "$block" state online_kernel 'DMA|DMA32|Normal|HighMem'
test_online "$block" online 1 "${zones%% *}"
test_wish_is_forgotten "$block"

if [ -n "$was_online" ]; then
	how=online_kernel
	[ "$zone_before" = Movable ] && how=online_movable
	expect_write "memory$block comes back" 0 "$dir/state" "$how"
fi

test_many_zones
test_unmovable

expect_same "all blocks are as they were" "$before" "$(snapshot)"
expect_same "MemTotal is as it was" "$total_before" "$(mem_total)"

finish_tests
