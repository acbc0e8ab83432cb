# SPDX-License-Identifier: GPL-2.0-only
"""Free huge pages of memory that leaves are no place for what has to leave it."""

from __future__ import annotations

from collections.abc import Callable

from kernels import WITHOUT_CHECKS

from harness.machine import Machine

POOL = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/{}"


def test_pool_on_the_leaving_node(new_machine: Callable[..., Machine]) -> None:
    """A pool in use by half: its free pages go, those in use move to the other node's pool, each once."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("2G", 0), append=("memhp_default_state=online_movable",))
    dimm = machine.plug_dimm("256M", 1)
    machine.sh(f"echo 64 > {POOL.format(1, 'nr_hugepages')}; echo 40 > {POOL.format(0, 'nr_hugepages')}", timeout=60)
    assert machine.read(POOL.format(1, "nr_hugepages")) == "64"
    holder = machine.hold("hugetlb", "64M", node=1, prefer=True)
    moved = machine.vmstat()["pgmigrate_success"]
    assert machine.unplug_dimm(dimm.id, timeout=60).gone
    assert machine.vmstat()["pgmigrate_success"] - moved < 2 * 32 * 512
    assert machine.read(POOL.format(0, "nr_hugepages")) == "40"
    assert holder.stop().ok


def test_overcommit_beside_a_pool_that_shrinks(new_machine: Callable[..., Machine]) -> None:
    """Pages beyond the pool come and go while it is emptied and filled: none is counted as surplus twice."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G",), cpus=2)
    machine.sh("echo 64 > /proc/sys/vm/nr_overcommit_hugepages")
    faults = [machine.start(f"while :; do fallocate -l 24M /dev/hugepages/{n} && rm /dev/hugepages/{n}; done") for n in range(2)]
    pool = machine.start("while :; do echo 0 > /proc/sys/vm/nr_hugepages; echo 8 > /proc/sys/vm/nr_hugepages; done")
    for _ in range(20):
        total, surplus = machine.sh("sleep 0.5; sed -n 's/^HugePages_\\(Total\\|Surp\\): *//p' /proc/meminfo").split()
        assert int(surplus) <= int(total)
    for job in (*faults, pool):
        job.kill()
        job.wait()
    machine.sh("rm -f /dev/hugepages/*; echo 0 > /proc/sys/vm/nr_hugepages")
    found = machine.meminfo()
    assert (found["HugePages_Total"], found["HugePages_Surp"]) == (0, 0)


def test_surplus_stays_with_its_pages(new_machine: Callable[..., Machine]) -> None:
    """A pool with reserved pages that shrinks, grows on the other node and shrinks again: no node has more surplus than pages."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G", 0), append=("memhp_default_state=online_movable",))
    dimm = machine.plug_dimm("256M", 1)
    machine.sh(f"echo 10 > {POOL.format(1, 'nr_hugepages')}; mkdir /tmp/reserved; "
               "mount -t hugetlbfs -o min_size=20M none /tmp/reserved; "
               f"echo 0 > /proc/sys/vm/nr_hugepages; echo 28 > {POOL.format(0, 'nr_hugepages')}; "
               "echo 0 > /proc/sys/vm/nr_hugepages")
    for node in range(2):
        pages, surplus = (int(machine.read(POOL.format(node, name))) for name in ("nr_hugepages", "surplus_hugepages"))
        assert surplus <= pages, f"node {node}"
    assert machine.meminfo()["HugePages_Rsvd"] == 10
    machine.sh("umount /tmp/reserved")
    machine.sh(f"echo {machine.meminfo()['HugePages_Total']} > /proc/sys/vm/nr_hugepages; echo 0 > /proc/sys/vm/nr_hugepages")
    found = machine.meminfo()
    assert (found["HugePages_Total"], found["HugePages_Surp"]) == (0, 0)
    assert machine.unplug_dimm(dimm.id).gone


def test_freed_while_the_pool_shrinks(new_machine: Callable[..., Machine]) -> None:
    """A file of huge pages goes while the pool is emptied: none of its pages stays behind, free and of no use."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G",), cpus=2)
    left = machine.sh("cd /dev/hugepages; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do "
                      "echo 128 > /proc/sys/vm/nr_hugepages; fallocate -l 64M file; "
                      "rm file & echo 0 > /proc/sys/vm/nr_hugepages; wait; "
                      "sed -n 's/^HugePages_Total: *//p' /proc/meminfo; done", timeout=60)
    assert left.split() == ["0"] * 12


def test_pool_shrinks_beside_overcommit(new_machine: Callable[..., Machine]) -> None:
    """Pages beyond the pool in use on one node are no reason to keep free ones on the other."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G", 0), append=("memhp_default_state=online_movable",))
    dimm = machine.plug_dimm("256M", 1)
    machine.sh(f"echo 64 > /proc/sys/vm/nr_overcommit_hugepages; echo 8 > {POOL.format(1, 'nr_hugepages')}; "
               "numactl -m 0 fallocate -l 8M /dev/hugepages/file")
    assert machine.meminfo()["HugePages_Surp"] == 4
    machine.sh("echo 0 > /proc/sys/vm/nr_hugepages")
    found = machine.meminfo()
    assert (found["HugePages_Total"], found["HugePages_Free"], found["HugePages_Surp"]) == (4, 0, 4)
    machine.sh("rm /dev/hugepages/file")
    assert machine.meminfo()["HugePages_Total"] == 0
    assert machine.unplug_dimm(dimm.id).gone
