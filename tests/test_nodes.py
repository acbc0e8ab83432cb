# SPDX-License-Identifier: GPL-2.0-only
"""Nodes: the first memory makes one, the last unmakes it, and what looks at nodes follows.

Node 1 has no memory at boot and is not online. What follows: node states, its directory in sysfs,
kswapd, the zonelists, memory policies and cpusets. What the zones are is test_online.py's.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator

import pytest
from uevents import MEMORY

from harness.channel import Job
from harness.machine import Machine

MIB = 1 << 20
BLOCK = 128 * MIB
NODE = 1
NODES = "/sys/devices/system/node"
CGROUP = "/sys/fs/cgroup"
PAGES = 4096            # a holder's of 16 MiB
STATES = ("online", "has_memory", "has_normal_memory")


def states(machine: Machine) -> dict[str, bool]:
    """Which of the states node 1 is in."""
    return {name: NODE in machine.node_state(name) for name in STATES}


def in_states(*names: str) -> dict[str, bool]:
    return {name: name in names for name in STATES}


def has_kswapd(machine: Machine) -> bool:
    return f"kswapd{NODE}" in machine.sh("ps -o comm").split()


def fallback(machine: Machine, since: int) -> dict[int, list[int]]:
    """The order of nodes in each node's zonelist, as last announced."""
    machine.mark()
    found = re.findall(r"Fallback order for Node (\d+): ([\d ]+)", machine.log_since(since))
    return {int(node): [int(n) for n in order.split()] for node, order in found}


def grow(machine: Machine, name: str, how: str = "online_movable", size: str = "128M") -> list[int]:
    """A DIMM for node 1; the numbers of its blocks, online."""
    plug = machine.plug_dimm(size, node=NODE, id=name)
    blocks = machine.memory().of(plug.addr, plug.size)
    machine.online(list(blocks), how)
    return [block.number for block in blocks]


def shrink(machine: Machine, name: str) -> None:
    assert machine.unplug_dimm(name).gone


def held(machine: Machine, policy: str) -> Job:
    """16 MiB of a process with this policy."""
    job = machine.start(f"exec numactl {policy} memhold --kind anon --size {PAGES * 4096}")
    job.expect("^ready")
    return job


def placed(machine: Machine, job: Job) -> tuple[str, dict[int, int]]:
    """The policy of a process's largest area, and how many of its pages are on which node."""
    line, = re.findall(rf"^\S+ (\S+)(.* anon={PAGES} .*)$", machine.read(f"/proc/{job.pid}/numa_maps"), re.M)
    return line[0], {int(node): int(pages) for node, pages in re.findall(r"\bN(\d+)=(\d+)", line[1])}


def finish(*jobs: Job) -> None:
    """Each has found its memory as it had written it."""
    for job in jobs:
        job.signal(15)
        assert job.wait().code == 0


def effective(machine: Machine, group: str) -> str:
    return machine.read(f"{CGROUP}/{group}/cpuset.mems.effective")


def follows(machine: Machine, group: str, mems: str) -> None:
    """Cpusets hear of nodes by way of a work item."""
    machine.sh(f"for i in $(seq 100); do [ \"$(cat {CGROUP}/{group}/cpuset.mems.effective)\" = '{mems}' ] && break; "
               "sleep 0.05; done")
    assert effective(machine, group) == mems


def allowed(machine: Machine, job: Job) -> str:
    """The nodes that a task may use."""
    return machine.sh(f"sed -n 's/^Mems_allowed_list:\t//p' /proc/{job.pid}/status")


@pytest.fixture
def cpusets(guest: Machine) -> Iterator[Machine]:
    """Groups "new" on node 1 alone and "both" on nodes 0 and 1."""
    guest.sh(f"echo +cpuset > {CGROUP}/cgroup.subtree_control && mkdir {CGROUP}/new {CGROUP}/both && "
             f"echo {NODE} > {CGROUP}/new/cpuset.mems && echo 0-{NODE} > {CGROUP}/both/cpuset.mems")
    yield guest
    guest.sh(f"rmdir {CGROUP}/new {CGROUP}/both")


def test_nodes_first_and_last_memory(guest: Machine) -> None:
    """Two DIMMs: the node has memory from the first block online to the last one offline, is there as long as DIMMs."""
    since = guest.mark()
    assert states(guest) == in_states() and not has_kswapd(guest)

    plug = guest.plug_dimm("128M", node=NODE, id="a")
    assert states(guest) == in_states("online") and not has_kswapd(guest)
    assert guest.meminfo(NODE)["MemTotal"] == 0
    guest.online(plug.addr // BLOCK, "online_movable")
    assert states(guest) == in_states("online", "has_memory") and has_kswapd(guest)
    assert fallback(guest, since) == {0: [0, 1], 1: [1, 0]}

    since = guest.mark()
    grow(guest, "b")
    assert fallback(guest, since) == {}     # nothing that zonelists would not know
    shrink(guest, "a")
    assert states(guest) == in_states("online", "has_memory") and has_kswapd(guest)
    assert guest.meminfo(NODE)["MemTotal"] == BLOCK

    shrink(guest, "b")
    assert states(guest) == in_states() and not has_kswapd(guest)
    assert fallback(guest, since)[0] == [0]
    assert not guest.run(f"ls {NODES}/node{NODE}").ok


def test_nodes_offline_memory_keeps_the_node(guest: Machine) -> None:
    """Offline, but there: the node has no memory, and its directory with the links remains."""
    number, = grow(guest, "a")
    guest.offline(number)
    assert states(guest) == in_states("online") and not has_kswapd(guest)
    assert guest.sh(f"readlink -f {NODES}/node{NODE}/memory{number}") == f"{MEMORY}/memory{number}"
    guest.online(number, "online_movable")
    assert states(guest) == in_states("online", "has_memory") and has_kswapd(guest)


def test_nodes_normal_memory(new_machine: Callable[..., Machine], kernel_config: str) -> None:
    """Kernel zones count on their own: has_normal_memory comes and goes with them.

    The kernel may have put something there that stays, and with KASAN it does; then the state stays, too.
    """
    machine = new_machine(kernel=kernel_config.replace("debug", "plain"))
    first, second = grow(machine, "a", "online_movable", "256M")
    machine.offline(first)
    machine.online(first, "online_kernel")
    assert states(machine) == in_states("online", "has_memory", "has_normal_memory")
    machine.offline(second)
    assert states(machine) == in_states("online", "has_memory", "has_normal_memory")
    machine.online(second, "online_movable")
    stays = machine.write(f"{MEMORY}/memory{first}/state", "offline") == errno.EBUSY
    assert states(machine) == in_states("online", "has_memory", *(["has_normal_memory"] if stays else []))


def test_nodes_memory_policies(guest: Machine) -> None:
    """Policies take the new node, and make do with the rest when it goes: data moves, later allocations fall back."""
    assert not guest.run(f"numactl --membind={NODE} true").ok
    grow(guest, "a")
    bound, spread = held(guest, f"--membind={NODE}"), held(guest, f"--interleave=0,{NODE}")
    preferring = held(guest, f"--preferred={NODE}")
    late = guest.start(f"mkfifo /run/go; exec numactl --membind={NODE} sh -c 'echo up; cat /run/go; "
                       f"exec memhold --kind anon --size {PAGES * 4096}'")
    late.expect("^up")
    assert placed(guest, bound) == (f"bind:{NODE}", {NODE: PAGES})
    assert placed(guest, spread) == (f"interleave:0-{NODE}", {0: PAGES // 2, NODE: PAGES // 2})
    assert placed(guest, preferring)[1] == {NODE: PAGES}

    shrink(guest, "a")
    for job, policy in ((bound, "bind:0"), (spread, "interleave:0"), (preferring, "prefer")):
        name, pages = placed(guest, job)
        assert name.startswith(policy) and pages == {0: PAGES}
    assert not guest.run(f"numactl --membind={NODE} true").ok
    guest.sh("echo > /run/go; rm /run/go")
    late.expect("^ready")
    assert placed(guest, late) == ("bind:0", {0: PAGES})

    # A node that comes back is a new one to them.
    grow(guest, "a")
    again = held(guest, f"--membind={NODE}")
    assert placed(guest, again) == (f"bind:{NODE}", {NODE: PAGES})
    finish(again, bound, spread, preferring, late)


def test_nodes_cpusets(cpusets: Machine) -> None:
    """cpuset.mems stays as it was written, cpuset.mems.effective follows the node, and so do the tasks inside.

    None runs in "new": a task that may use nothing but movable memory cannot do much.
    """
    assert (effective(cpusets, "new"), effective(cpusets, "both")) == ("0", "0")
    grow(cpusets, "a")
    follows(cpusets, "both", f"0-{NODE}")
    follows(cpusets, "new", f"{NODE}")

    job = cpusets.start(f"echo $$ > {CGROUP}/both/cgroup.procs; exec numactl --membind={NODE} "
                        f"memhold --kind anon --size {PAGES * 4096}")
    job.expect("^ready")
    assert placed(cpusets, job) == (f"bind:{NODE}", {NODE: PAGES})
    assert allowed(cpusets, job) == f"0-{NODE}"

    shrink(cpusets, "a")
    follows(cpusets, "both", "0")
    follows(cpusets, "new", "0")
    assert cpusets.read(f"{CGROUP}/new/cpuset.mems") == f"{NODE}"
    assert placed(cpusets, job) == ("bind:0", {0: PAGES})
    assert allowed(cpusets, job) == "0"

    grow(cpusets, "a")
    follows(cpusets, "new", f"{NODE}")
    follows(cpusets, "both", f"0-{NODE}")
    assert allowed(cpusets, job) == f"0-{NODE}"
    finish(job)
