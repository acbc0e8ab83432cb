# SPDX-License-Identifier: GPL-2.0-only
"""Row "notifiers": who hears what of memory that comes and goes, in which order, and who can refuse it.

The test module memory_notifier_test has five callbacks on the chain, from the first
to the last of it. Blocks hold their own memmap here, so that the events' altmap
fields have something to say. A DIMM of four blocks is the only memory of its node.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from notifiers import FILES, NO_NODE, Call, Notifiers, heard_by, story
from pageblocks import migratetypes
from refusals import Watch, in_log
from uevents import MEMORY, Uevents

from harness.machine import Machine

MIB = 1 << 20
PAGE = 4096
BLOCK = 128 * MIB
PAGES = BLOCK // PAGE
MEMMAP = PAGES * 64 // PAGE         # pages of a block that hold its own memmap
NODE = 1
COUNT = 4                           # blocks of the DIMM

CALLBACKS = ["first", "high", "default", "twin", "last"]
# What each event that can be refused is followed by, for whom: those that heard it, or all.
CANCELLATION = {"PREPARE_ONLINE": "FINISH_OFFLINE", "GOING_ONLINE": "CANCEL_ONLINE", "GOING_OFFLINE": "CANCEL_OFFLINE"}

GUEST = dict(append=("memory_hotplug.memmap_on_memory=1",))


def picture(machine: Machine) -> Any:
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones()],
            migratetypes(machine, NODE), machine.node_state("has_memory"), machine.node_state("has_normal_memory"),
            machine.meminfo()["MemTotal"], machine.iomem())


@pytest.fixture
def notifiers(guest: Machine) -> Iterator[Notifiers]:
    module = Notifiers(guest)
    yield module
    module.unload()


@pytest.fixture
def blocks(guest: Machine) -> list[int]:
    """The blocks of a new DIMM, offline."""
    plug = guest.plug_dimm(COUNT * BLOCK, node=NODE)
    return [block.number for block in guest.memory(use=False).of(plug.addr, plug.size)]


def state_file(number: int) -> str:
    return f"{MEMORY}/memory{number}/state"


def first_pfn(number: int) -> int:
    """Of what the events are about: the pages after the block's own memmap."""
    return number * PAGES + MEMMAP


def set_state(notifiers: Notifiers, number: int, wish: str, error: int = 0) -> list[Call]:
    """Writes to a block's state; what was heard meanwhile, all of it from one task."""
    notifiers.machine.sh(f"echo > {FILES}/events")
    assert notifiers.machine.write(state_file(number), wish) == error
    calls = notifiers.calls()
    assert len({call.pid for call in calls}) == 1
    assert [call.seq for call in calls] == list(range(calls[0].seq, calls[0].seq + len(calls)))
    return calls


def heard(calls: list[Call]) -> list[tuple[str, str]]:
    return [(call.event, call.callback) for call in calls]


def to(callbacks: list[str], *events: str) -> list[tuple[str, str]]:
    """Each event, told to these callbacks."""
    return [(event, callback) for event in events for callback in callbacks]


def test_notifiers_hear_all_events_by_priority(notifiers: Notifiers, blocks: list[int]) -> None:
    """Higher priorities first, equal ones as they registered."""
    assert notifiers.callbacks == CALLBACKS
    numbers = list(notifiers.priorities.values())
    assert numbers == sorted(numbers, reverse=True) and numbers[2] == numbers[3]
    number = blocks[0]
    assert heard(set_state(notifiers, number, "online_movable")) == \
        to(CALLBACKS, "PREPARE_ONLINE", "GOING_ONLINE", "ONLINE")
    assert heard(set_state(notifiers, number, "offline")) == \
        to(CALLBACKS, "GOING_OFFLINE", "OFFLINE", "FINISH_OFFLINE")
    # The last two of the eight.
    notifiers.veto("last", "GOING_ONLINE", 1, errno.EBUSY)
    assert heard(set_state(notifiers, number, "online_movable", errno.EBUSY)) == \
        to(CALLBACKS, "PREPARE_ONLINE", "GOING_ONLINE", "CANCEL_ONLINE", "FINISH_OFFLINE")
    set_state(notifiers, number, "online_movable")
    notifiers.veto("last", "GOING_OFFLINE", 1, errno.EBUSY)
    assert heard(set_state(notifiers, number, "offline", errno.EBUSY)) == \
        to(CALLBACKS, "GOING_OFFLINE", "CANCEL_OFFLINE")


def nodes(calls: list[Call]) -> dict[str, tuple[int, int]]:
    """What the events said of the node: status_change_nid_normal and status_change_nid."""
    return {call.event: (call.nid_normal, call.nid) for call in calls}


def test_notifiers_hear_of_pages_and_memmap(notifiers: Notifiers, blocks: list[int]) -> None:
    """struct memory_notify: the pages, and where the block keeps their memmap."""
    number = blocks[1]
    for wish in ("online_movable", "offline"):
        for call in set_state(notifiers, number, wish):
            assert (call.pfn, call.nr) == (first_pfn(number), PAGES - MEMMAP)
            assert call.answer == 0
            if call.event in ("PREPARE_ONLINE", "FINISH_OFFLINE"):
                assert (call.altmap, call.altmap_nr) == (number * PAGES, MEMMAP)


NONE = (NO_NODE, NO_NODE)


def test_notifiers_hear_of_node_changes(notifiers: Notifiers, blocks: list[int]) -> None:
    """The first block of a node, the second, the last but one, the last."""
    machine, changes = notifiers.machine, (NO_NODE, NODE)
    assert NODE not in machine.node_state("has_memory")
    calls = set_state(notifiers, blocks[0], "online_movable")
    assert nodes(calls) == {"PREPARE_ONLINE": NONE, "GOING_ONLINE": changes, "ONLINE": changes}
    assert NODE in machine.node_state("has_memory")
    assert set(nodes(set_state(notifiers, blocks[1], "online_movable")).values()) == {NONE}
    assert set(nodes(set_state(notifiers, blocks[0], "offline")).values()) == {NONE}
    assert set(nodes(set_state(notifiers, blocks[1], "offline")).values()) == {changes}
    assert NODE not in machine.node_state("has_memory")


def test_notifiers_hear_of_kernel_memory(notifiers: Notifiers, blocks: list[int]) -> None:
    """The first and last block outside ZONE_MOVABLE, beside movable memory and alone.

    The node has movable memory first, so that the kernel's threads for it are not in these blocks.
    """
    machine, changes = notifiers.machine, (NODE, NO_NODE)
    set_state(notifiers, blocks[3], "online_movable")
    for _ in range(2):
        calls = set_state(notifiers, blocks[0], "online_kernel")
        assert nodes(calls) == {"PREPARE_ONLINE": NONE, "GOING_ONLINE": changes, "ONLINE": changes}
        assert NODE in machine.node_state("has_normal_memory")
        assert set(nodes(set_state(notifiers, blocks[0], "offline")).values()) == {changes}
        assert NODE not in machine.node_state("has_normal_memory")
        assert NODE in machine.node_state("has_memory")
    set_state(notifiers, blocks[0], "online_kernel")
    assert set(nodes(set_state(notifiers, blocks[3], "offline")).values()) == {NONE}
    assert set(nodes(set_state(notifiers, blocks[0], "offline")).values()) == {(NODE, NODE)}
    assert NODE not in machine.node_state("has_memory")
    # And all of it at once, the other way round.
    calls = set_state(notifiers, blocks[1], "online_kernel")
    assert nodes(calls) == {"PREPARE_ONLINE": NONE, "GOING_ONLINE": (NODE, NODE), "ONLINE": (NODE, NODE)}


@pytest.mark.parametrize("callback", ["first", "twin", "last"])
@pytest.mark.parametrize("event", list(CANCELLATION))
def test_notifiers_veto(notifiers: Notifiers, blocks: list[int], event: str, callback: str) -> None:
    """All who were asked, the one who refused included, hear the cancellation, and nobody else."""
    machine, number = notifiers.machine, blocks[2]
    error = errno.ENODEV if callback == "twin" else errno.ENOMEM
    offline = event == "GOING_OFFLINE"
    if offline:
        machine.online(number, "online_movable")
    asked = CALLBACKS[:CALLBACKS.index(callback) + 1]
    before = picture(machine)
    notifiers.forget()
    notifiers.veto(callback, event, 1, error)
    with Watch(machine) as watch:
        calls = set_state(notifiers, number, "offline" if offline else "online_movable", error)
        told = watch.only()
    assert (told.op, told.outcome, told.error) == ("offline" if offline else "online", "vetoed by a notifier", -error)
    assert picture(machine) == before
    expected = to(asked, event, CANCELLATION[event])
    if event == "GOING_ONLINE":     # all have heard that it is prepared
        expected = to(CALLBACKS, "PREPARE_ONLINE") + expected + to(CALLBACKS, "FINISH_OFFLINE")
    assert heard(calls) == expected
    assert [(c.event, c.callback, c.answer) for c in calls if c.answer] == [(event, callback, -error)]
    # Once: it works the next time.
    set_state(notifiers, number, "offline" if offline else "online_movable")


@pytest.fixture
def all_online(guest: Machine, blocks: list[int]) -> list[int]:
    """Two blocks in a kernel zone, which has nothing in it, then two in Movable."""
    guest.online(blocks[2:], "online_movable")
    guest.online(blocks[:2], kernel_zone(guest))
    return blocks


def kernel_zone(machine: Machine) -> str:
    """How to online what should have a zone of its own: with KASAN the kernel is quick to have a slab in Normal."""
    return "online_movable" if machine.config.kernel == "debug" else "online_kernel"


def gone(numbers: list[int]) -> list[tuple[str, int]]:
    """One block after the other; what nobody touches any more is said when all are."""
    return [(event, first_pfn(number)) for number in numbers for event in ("GOING_OFFLINE", "OFFLINE")]


def finished(numbers: list[int]) -> list[tuple[str, int]]:
    return [("FINISH_OFFLINE", first_pfn(number)) for number in numbers]


def refused(number: int) -> list[tuple[str, int]]:
    return [(event, first_pfn(number)) for event in ("GOING_OFFLINE", "CANCEL_OFFLINE")]


def back(number: int) -> list[tuple[str, int]]:
    return [(event, first_pfn(number)) for event in ("PREPARE_ONLINE", "GOING_ONLINE", "ONLINE")]


@pytest.mark.parametrize("nth", [2, COUNT], ids=["second", "last"])
def test_notifiers_veto_in_an_operation_over_blocks(notifiers: Notifiers, all_online: list[int], nth: int) -> None:
    """The blocks before the one that is refused come online again, in the zones they had; user space hears nothing."""
    machine, blocks = notifiers.machine, all_online
    before = picture(machine)
    notifiers.forget()
    notifiers.veto("high", "GOING_OFFLINE", nth, errno.ENODEV)
    with Watch(machine) as watch, Uevents(machine) as uevents:
        assert notifiers.withdraw(blocks[0] * BLOCK, COUNT * BLOCK).wait(timeout=60).code == errno.ENODEV
        told = watch.only()
        assert not [event for event in uevents.seen() if event.subsystem == "memory"]
    assert (told.op, told.outcome, told.error) == ("offline", "vetoed by a notifier", -errno.ENODEV)
    assert (told.start, told.end) == (blocks[0] * BLOCK, (blocks[-1] + 1) * BLOCK)
    assert picture(machine) == before
    before_it, vetoed = blocks[:nth - 1], blocks[nth - 1]
    calls = notifiers.calls()
    again = finished(before_it) + [call for number in reversed(before_it) for call in back(number)]
    assert story(calls, "high") == gone(before_it) + refused(vetoed) + again
    assert story(calls, "last") == gone(before_it) + again


def test_notifiers_veto_of_an_eject(notifiers: Notifiers, guest: Machine) -> None:
    """The same for the firmware's request: refused as a whole, and granted the next time."""
    plug = guest.plug_dimm(COUNT * BLOCK, node=NODE)
    blocks = [block.number for block in guest.memory(use=False).of(plug.addr, plug.size)]
    guest.online(blocks, "online_movable")
    holder = guest.hold("anon", "16M", node=NODE)
    before = picture(guest)
    notifiers.forget()
    notifiers.veto("last", "GOING_OFFLINE", COUNT, errno.EBUSY)
    with Watch(guest) as watch:
        assert guest.unplug_dimm(plug.id).error
        assert watch.only().outcome == "vetoed by a notifier"
    assert picture(guest) == before
    assert holder.verify().ok
    assert guest.unplug_dimm(plug.id).gone
    assert holder.stop().ok


def test_notifiers_veto_of_the_way_back(notifiers: Notifiers, all_online: list[int]) -> None:
    """The one undo that can be refused: it is said by name, and concerns no block but those that were refused."""
    machine, blocks = notifiers.machine, all_online
    before = machine.memory(use=False)
    notifiers.forget()
    notifiers.veto("twin", "GOING_OFFLINE", COUNT, errno.EBUSY)
    notifiers.veto("default", "GOING_ONLINE", 2, errno.ENOMEM)   # of blocks 2, 1, 0
    lost = blocks[1]
    with Uevents(machine) as uevents:
        since = machine.mark("way back: from here")
        assert notifiers.withdraw(blocks[0] * BLOCK, COUNT * BLOCK).wait(timeout=60).code == errno.EBUSY
        machine.mark("way back: to here")
        first, last = in_log(machine.log_since(since))
        assert [(e.action, e.name) for e in uevents.seen() if e.subsystem == "memory"] == [("offline", f"memory{lost}")]
    assert (first.op, first.outcome, first.error) == ("online", "vetoed by a notifier", -errno.ENOMEM)
    assert (first.start, first.end) == (lost * BLOCK, (lost + 1) * BLOCK)
    assert (last.op, last.outcome) == ("offline", "refused, and not all blocks came online again")
    assert last.error == -errno.EBUSY
    after = machine.memory(use=False)
    assert [b for b in after if b.number != lost] == [b for b in before if b.number != lost]
    assert after.block(lost).state == "offline" and machine.read(f"{MEMORY}/memory{lost}/online") == "0"
    assert story(list(heard_by(notifiers.calls(), "last")), "last")[-3:] == back(blocks[0])
    machine.online(lost, kernel_zone(machine))
    assert machine.memory(use=False) == before


@pytest.mark.long
def test_notifiers_module_minds_its_manners(notifiers: Notifiers, blocks: list[int]) -> None:
    """It refuses what it does not understand, is root's alone, and leaves whenever it is told to."""
    machine = notifiers.machine
    for wish in ("", "high", "high MEM_GOING_OFFLINE 1", "high MEM_OFFLINE 1 16", "nobody MEM_GOING_OFFLINE 1 16",
                 "high MEM_GOING_OFFLINE 0 16", "high MEM_GOING_OFFLINE 1 0", "high MEM_GOING_OFFLINE 1 5000",
                 "high MEM_GOING_OFFLINE 1 16 5"):
        assert machine.write(f"{FILES}/vetoes", wish or " ") == errno.EINVAL, wish
    assert machine.sh(f"stat -c %a {FILES}/events {FILES}/vetoes {FILES}/callbacks {FILES}/withdraw").split() == \
        ["600", "600", "400", "200"]
    notifiers.veto("high", "GOING_ONLINE", "2+", errno.EBUSY)
    assert machine.write(state_file(blocks[0]), "online_movable") == 0
    for number in blocks[1:]:
        assert machine.write(state_file(number), "online_movable") == errno.EBUSY
    assert machine.read(f"{FILES}/vetoes") == "high MEM_GOING_ONLINE 2+ 16 heard=4 refused=3"
    flip = "; ".join(f"put {state_file(n)} {wish}" for n in blocks for wish in ("online_movable", "offline"))
    job = machine.start(f"for i in 1 2 3; do {flip}; done >/dev/null; true")
    machine.sh("for i in 1 2 3 4 5; do modprobe -r memory_notifier_test && modprobe memory_notifier_test || exit; done",
               timeout=60)
    assert job.wait(timeout=120).code == 0
    machine.online([b for b in machine.memory(use=False).offline(NODE)], "online_movable")
