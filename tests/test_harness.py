# SPDX-License-Identifier: GPL-2.0-only
"""The harness itself: what the scenarios rely on must be able to fail."""

from __future__ import annotations

import errno
import re
import signal
import time
from pathlib import Path

import pytest

from harness import accel, blocks, patchset, procfs, series_order
from harness.console import Console, Splat
from harness.machine import CommandFailed, GuestTimeout, Machine
from harness.ui import Failure

KINDS = ("anon", "thp", "hugetlb", "shared", "memfd", "file", "locked")


def test_command_returns_output_and_code(guest: Machine) -> None:
    result = guest.run("echo out; echo err >&2; exit 7")
    assert (result.out, result.code) == ("out\nerr\n", 7)
    assert guest.run("kill -9 $$").code == 128 + signal.SIGKILL
    with pytest.raises(CommandFailed):
        guest.sh("false")


def test_large_output_and_files_survive(guest: Machine) -> None:
    data = bytes(range(256)) * 8192
    guest.push(data, "/tmp/some file", mode=0o755)
    assert guest.pull("/tmp/some file") == data
    assert guest.sh("stat -c %a '/tmp/some file'") == "755"


def test_commands_run_side_by_side(guest: Machine) -> None:
    jobs = [guest.start(f"sleep 1; echo {n}") for n in range(8)]
    start = time.monotonic()
    assert [job.wait().out for job in jobs] == [f"{n}\n" for n in range(8)]
    assert time.monotonic() - start < 6


def test_timeout_kills_the_whole_group(guest: Machine) -> None:
    with pytest.raises(GuestTimeout) as caught:
        guest.run("echo before; sleep 1234 & sleep 1234", timeout=0.5)
    assert "before" in caught.value.output
    time.sleep(0.5)
    assert "1234" not in guest.sh("ps")


def test_signal_reaches_a_job(guest: Machine) -> None:
    job = guest.start("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
    job.expect("^ready$")
    job.signal(signal.SIGTERM)
    result = job.wait()
    assert result.code == 5 and result.out.endswith("caught\n")


def test_write_returns_the_errno(guest: Machine) -> None:
    assert guest.write("/proc/sys/kernel/hostname", "memhp") == 0
    assert guest.write("/proc/sys/kernel/version", "x") in (errno.EACCES, errno.EPERM)
    assert guest.write("/nowhere", "x") == errno.ENOENT
    assert guest.write("/sys/devices/system/memory/memory0/state", "nonsense") == errno.EINVAL


def test_an_oops_ends_the_guest(guest: Machine) -> None:
    """And with it all who wait for something in it."""
    assert guest.read("/proc/sys/kernel/panic_on_oops") == "1"
    assert guest.read("/proc/sys/kernel/panic") == "-1"


def test_mark_splits_the_log(guest: Machine) -> None:
    first = guest.mark("first")
    guest.run("echo between > /dev/kmsg", check=True)
    second = guest.mark("second")
    assert "between" in guest.log_since(first)
    assert "between" not in guest.log_since(second)


@pytest.mark.parametrize("line", [
    "BUG: KASAN: slab-use-after-free in mhp_nothing+0x1/0x2",
    "WARNING: CPU: 0 PID: 1 at mm/nothing.c:1 nothing+0x1/0x2",
    "WARNING: possible circular locking dependency detected",
    "INFO: task put:123 blocked for more than 120 seconds.",
    "Oops: general protection fault, probably for non-canonical address",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "BUG: Bad page state in process nothing  pfn:12345",
    "WARNING: suspicious RCU usage",
])
def test_a_splat_is_seen(guest: Machine, line: str) -> None:
    since = guest.mark()
    guest.run(f"echo '<4>{line}' > /dev/kmsg", check=True)
    guest.mark()
    with pytest.raises(Splat):
        guest.check_log(since)
    guest.expect_splat("nothing|put:123|circular|canonical|rcu_preempt|suspicious")
    guest.check_log(since)


def test_console_without_splats(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("[    0.1] kasan: KernelAddressSANitizer initialized (generic)\n[    0.2] offlining pages\n")
    Console(log).check()


@pytest.mark.parametrize("kind", KINDS)
def test_memhold_holds(guest: Machine, kind: str) -> None:
    holder = guest.hold(kind, "16M", busy=True)
    assert holder.bytes == 16 << 20
    first = holder.verify()
    assert first.ok and first.bytes == 16 << 20 and first.bad_addr is None
    where = holder.blocks()
    assert sum(where.values()) == (16 << 20) // 4096 and -1 not in where
    if kind == "thp":
        assert holder.huge_bytes >= 8 << 20
    last = holder.stop()
    assert last.ok and last.passes > first.passes
    assert guest.meminfo()["HugePages_Total"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_memhold_finds_a_flipped_byte(guest: Machine, kind: str) -> None:
    holder = guest.hold(kind, "8M", corrupt=0x123456)
    check = holder.verify()
    assert not check.ok and check.wrong >= 1
    assert check.bad_addr == 0x123456 & ~7
    assert not holder.stop().ok


def test_memhold_pins_and_lets_go(guest: Machine) -> None:
    for pin in ("vmsplice", "uring"):
        holder = guest.hold("anon", "1M", pin=pin)
        holder.unpin()
        assert holder.stop().ok


def test_dimm_comes_and_goes(guest: Machine) -> None:
    before = len(guest.memory())
    plug = guest.plug_dimm("256M", node=1, id="harness")
    assert plug.ost == 0 and plug.size == 256 << 20
    new = guest.memory().of(plug.addr, plug.size)
    assert len(new) * guest.memory().block_size == plug.size
    guest.offline([b for b in new if b.online])
    eject = guest.unplug_dimm("harness")
    assert eject.gone and not eject.error and eject.ost[-1][1] == 0
    assert not guest.dimms() and len(guest.memory()) == before


def test_guest_memory_is_read(guest: Machine) -> None:
    memory = guest.memory()
    assert guest.node_state("possible") == {0, 1} and guest.node_state("has_memory") == {0}
    assert sum(b.size for b in memory.online()) == 2 << 30
    assert memory.block(1).zone and 0 <= (memory.block(1).use or 0) <= 1
    managed = sum(z.managed for z in guest.zones())
    assert managed * 4096 == guest.meminfo()["MemTotal"] == guest.meminfo(0)["MemTotal"]
    assert any(r.name == "System RAM" and r.depth == 0 for r in guest.iomem())
    assert "pgmigrate_success" in guest.vmstat()


def test_map_is_drawn() -> None:
    memory = blocks.parse("size 134217728\n0 online 0 1 5 10 none\n1 online 0 1 0 10 DMA32\n"
                          "32 offline 1 1 0 0 Normal Movable\n33 going-offline 1 1 10 10 Movable\n")
    text = blocks.render(memory)
    assert "*▅ d▁" in text and "-· !█" in text and "\033" not in text
    assert "\033" in blocks.render(memory, colour=True)
    assert "node 2   no memory" in blocks.render(memory, nodes={2})


def test_proc_is_parsed() -> None:
    zones = procfs.parse_zoneinfo("Node 0, zone      DMA\n  pages free     7\n        spanned  4095\n"
                                  "        present  3998\n        managed  3840\n  start_pfn:           1\n"
                                  "Node 1, zone  Movable\n  pages free     0\n  start_pfn: 5\n")
    assert zones[0] == procfs.Zone(0, "DMA", 1, 4095, 3998, 3840, 7)
    assert zones[1].node == 1 and zones[1].start_pfn == 5
    assert procfs.parse_numbers("0-2,5\n") == {0, 1, 2, 5} and procfs.parse_numbers("\n") == set()


def test_the_guest_knows_how_fast_its_clock_is(guest: Machine) -> None:
    """Under emulation it is told: what it finds out by itself is wrong where the host is busy."""
    khz = accel.tsc_khz()
    if guest.accel != "tcg" or khz is None:
        pytest.skip("it has a clock that says so")
    found = re.search(r"tsc: Detected ([\d.]+) MHz", guest.log())
    assert found and float(found[1]) == pytest.approx(khz / 1000, rel=0.01)


@pytest.mark.parametrize("message", ["", "a line of 76 columns " + "." * 55, "fine\n--- a cut line"])
def test_a_message_that_cannot_be_sent_is_refused(message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    series = patchset.load(strict=True)
    series.patches[0].message = message
    monkeypatch.setattr(patchset, "_parse", lambda: series)
    with pytest.raises(Failure, match="message"):
        patchset.load(strict=True)


def test_a_call_before_its_step_is_found() -> None:
    """Of the series as it is there is none; what its last step brings is too late for what is linked before."""
    patches = patchset.load(strict=True).patches
    assert series_order.too_early(patches) == []
    late = "mm/hotplug/supply.c"
    for patch in patches:
        if late in patch.claimed:
            patch.claimed.remove(late)
    patches[-1].claimed.append(late)
    line, = series_order.too_early(patches)
    assert line.startswith("mm/hotplug/sections.c: mhp_memmap_obtainable() ")
