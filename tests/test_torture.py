# SPDX-License-Identifier: GPL-2.0-only
"""The torture of make torture for five minutes, and the engine itself: same seed, same operations; what is wrong, is found."""

from __future__ import annotations

import errno
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import trend
from harness.blocks import Block, Memory
from harness.machine import Machine
from harness.scribe import Scribe
from harness.torture import judge, kcsan, layout, main, quiet, report
from harness.torture.engine import Engine, Unexpected
from harness.torture.record import Record
from harness.torture.source import OK, Source

SEED = "1"
MINUTES = 5.0
BETWEEN = 45.0          # seconds from one quiet point to the next


def test_torture(image: Path, kernel_config: str) -> None:
    """Everything at once; no splat, no wrong byte, no page lost, nothing that hangs."""
    run = main.Torture(kernel_config, SEED, MINUTES, BETWEEN).run()
    report.show(run)
    assert not run.wrong, "\n".join([*run.wrong, run.detail])
    assert run.quiet_points and run.operations > 100
    for name in ("writer", "dimm", "virtio-mem", "load"):
        assert run.outcomes[name].get(OK), f"{name} did nothing: {run.outcomes[name]}"
    assert run.verified > 100 << 20


def texts(seed: str, count: int) -> dict[str, list[str]]:
    every, _ = main.sources(layout.choose(seed))
    return {s.label: [f"{o.text} {o.rest}" for o in itertools.islice(s.operations(), count)] for s in every}


def test_a_seed_says_it_all() -> None:
    """Another run chooses the same; another seed does not."""
    first = texts(SEED, 200)
    assert first == texts(SEED, 200)
    other = texts("2", 200)
    assert all(first[label] != other[label] for label in first)
    assert len(first) == len(set(first)) >= 15
    assert layout.choose(SEED) == layout.choose(SEED)
    assert len({layout.choose(str(n)).append for n in range(20)}) > 5


class Fake:
    """As much of a machine as the engine needs."""

    alive = True
    pace = 1.0


class Counter(Source):
    """Says what it is told to."""

    name = "fake"
    rest = (0.0, 0.01)
    outcomes: tuple[str, ...] = (OK,)

    def __init__(self, number: int) -> None:
        super().__init__(layout.choose(SEED), SEED, number)
        self.done = 0

    def choose(self, rng: Any) -> tuple[str, Callable[[Machine], str]]:
        return f"do {rng.random()}", self._do

    def _do(self, machine: Machine) -> str:
        self.done += 1
        return self.outcomes[min(self.done, len(self.outcomes)) - 1]


def engine(tmp_path: Path, *sources: Source) -> Engine:
    return Engine(Fake(), list(sources), Record(tmp_path))     # type: ignore[arg-type]


def test_sources_stand_still_between(tmp_path: Path) -> None:
    """None begins before, none goes on after; each operation is in the file, with its end."""
    fakes = [Counter(1), Counter(2)]
    subject = engine(tmp_path, *fakes)
    time.sleep(0.1)
    assert not any(fake.done for fake in fakes)
    subject.activity(0.3, lambda: None)
    done = [fake.done for fake in fakes]
    time.sleep(0.1)
    assert [fake.done for fake in fakes] == done and all(done)
    subject.activity(0.3, lambda: None)
    assert all(fake.done > before for fake, before in zip(fakes, done))
    subject.end()
    lines = (tmp_path / "operations.log").read_text().splitlines()
    total = sum(fake.done for fake in fakes)
    assert len(lines) == 2 * total and subject.record.operations() == total
    assert f" fake-1 #{fakes[0].done} < {OK} (" in next(line for line in reversed(lines) if "fake-1" in line)
    assert subject.record.by_kind() == {"fake": {OK: total}}


def test_an_outcome_that_nobody_knows_ends_it(tmp_path: Path) -> None:
    fake = Counter(1)
    fake.outcomes = (OK, "EDOM")
    subject = engine(tmp_path, fake)
    with pytest.raises(Unexpected, match="fake-1 #2, .*EDOM"):
        subject.activity(60, lambda: None)
    subject.end()
    assert threading.active_count() < 50


STATE = judge.State(total=1 << 30, managed=1 << 30, present=1 << 30, corrupted=0, memmap=4096, direct=1 << 30)
BLOCK = layout.BLOCK


def block(number: int, state: str = "online", zone: str = "Movable") -> Block:
    return Block(number, state, 1, (zone,), "1", BLOCK, 0, 0)


def shifted(**values: int) -> judge.State:
    return judge.State(**{**vars(STATE), **{name: getattr(STATE, name) + value for name, value in values.items()}})


def test_a_lost_page_is_missed() -> None:
    nothing = quiet.Remains()
    assert not judge.account(STATE, STATE, nothing)
    for name in vars(STATE):
        assert judge.account(shifted(**{name: -4096}), STATE, nothing), name
        assert judge.account(shifted(**{name: 4096}), STATE, nothing), name


def test_what_remains_is_accounted_for() -> None:
    normal = quiet.Remains([block(130, zone="Normal")], BLOCK, BLOCK - (2 << 20), BLOCK)
    grown = dict(total=BLOCK, managed=BLOCK, present=BLOCK)
    assert not judge.account(shifted(**grown), STATE, normal)
    assert judge.account(shifted(**{**grown, "total": BLOCK + 4096, "managed": BLOCK + 4096}), STATE, normal)
    assert judge.account(STATE, STATE, normal)
    assert judge.account(shifted(**{**grown, "present": 2 * BLOCK}), STATE, normal)
    movable = quiet.Remains([block(130)], BLOCK, 0, BLOCK)
    assert judge.account(shifted(**grown), STATE, movable) == ["movable blocks do not go: [130]"]


def test_blocks_have_to_settle() -> None:
    home = Memory(BLOCK, (block(1), block(2)))
    assert not judge.settled(home, home)
    assert judge.settled(Memory(BLOCK, (block(1), block(2, "going-offline"))), home)
    assert judge.settled(Memory(BLOCK, (block(1), block(2, "offline"))), home) == ["memory2 does not come online"]
    assert judge.settled(Memory(BLOCK, (block(1),)), home) == ["memory2 does not come online"]


TYPES = """\
Free pages count per migrate type at order       0      1
Node    0, zone  Movable, type      Isolate      7      0

Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate
Node 0, zone      DMA            3            5            0            0            0            0
Node 0, zone  Movable            0          190            0            0            0            {}
"""


def test_what_stays_isolated_is_seen() -> None:
    assert not judge.isolated(TYPES.format(0), "nr_isolated_anon 0\nnr_free_pages 12\n")
    assert judge.isolated(TYPES.format(2), "") == ["2 pageblocks are isolated in zone Movable of node 0"]
    assert judge.isolated(TYPES.format(0), "nr_isolated_file 1\n") == ["nr_isolated_file 1"]


def test_what_stays_in_the_pool_is_seen() -> None:
    assert not judge.pool({"HugePages_Total": 0, "HugePages_Rsvd": 0, "HugePages_Surp": 0})
    assert judge.pool({"HugePages_Total": 6, "HugePages_Free": 6, "HugePages_Surp": 6}) == ["HugePages_Total is 6", "HugePages_Surp is 6"]


def test_a_broken_audit_is_told() -> None:
    assert not judge.audit("ok spans\nok counters\n")
    assert judge.audit("ok spans\nBROKEN counters: 1 too many\n") == ["BROKEN counters: 1 too many"]


RACES = """\
[    9.1] =================================================================={0}
[    9.2] BUG: KCSAN: data-race in mhp_block_set_state / state_show{0}
[    9.3] {0}
[    9.4] write to 0xffff888006a29c38 of 4 bytes by task 68 on cpu 1:{0}
[    9.5]  mhp_block_set_state+0x42/0x90{0}
[    9.6] =================================================================={0}
[   10.1] =================================================================={0}
[   10.2] BUG: KCSAN: data-race in tick_nohz_idle_stop_tick / tick_sched_do_timer{0}
[   10.3]  tick_nohz_idle_stop_tick+0x3f/0x120{0}
[   10.4] =================================================================={0}
[   11.0] memory_hotplug: all is well{0}
"""


def test_races_of_others_are_counted() -> None:
    text = RACES.format("")
    found, others = judge.complaints(text, {"mhp_block_set_state"})
    assert len(found) == 1 and "state_show" in found[0] and "tick_" not in found[0]
    assert others == {"data-race in tick_nohz_idle_stop_tick / tick_sched_do_timer": 1}
    found, others = judge.complaints(text, ())
    assert not found and sum(others.values()) == 2
    rest, _ = kcsan.sift(text, ())
    assert rest == "[   11.0] memory_hotplug: all is well\n"


def test_a_splat_behind_a_race_is_seen() -> None:
    found, _ = judge.complaints(RACES.format("") + "[   12.0] WARNING: CPU: 1 PID: 7 at mm/page_alloc.c:1 x+0x1/0x2\n", ())
    assert len(found) == 1 and "WARNING" in found[0]


def test_a_leak_at_each_quiet_point_is_a_drift() -> None:
    def samples(leak: int) -> list[dict[str, int]]:
        return [{name: 10 ** 8 + (leak if name == "SUnreclaim" else 0) * n + n % 2 * 4096 for name in judge.LIMITS} for n in range(9)]

    assert not judge.excess(judge.drift(samples(0)))
    assert [line.split()[0] for line in judge.excess(judge.drift(samples(128 << 10)))] == ["SUnreclaim"]
    assert not judge.drift(samples(1 << 20)[:5]), "too few to tell"
    assert isinstance(judge.drift(samples(0))["Slab"], trend.Trend)


def test_scribe_answers_each_write(guest: Machine) -> None:
    scribe = Scribe(guest)
    guest.sh("echo > /tmp/a")
    assert scribe.write("/tmp/a", "two words") == 0
    assert guest.read("/tmp/a") == "two words"
    assert scribe.write("/nowhere/a", 1) == errno.ENOENT
    scribe.start("/sys/kernel/mm/ksm/run", 7)
    assert scribe.wait(10) == errno.EINVAL
    scribe.signal(15)       # nothing is under way: nobody is hit
    assert scribe.write("/proc/sys/kernel/hostname", "memhp") == 0
