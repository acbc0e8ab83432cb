# SPDX-License-Identifier: GPL-2.0-only
"""Online policies: which zone memory goes to when nobody names one.

What should come out is worked out here from the rule as the administrator's guide
has it, out of what /proc/zoneinfo said before any memory was added. Most of it is
asked of valid_zones, whose first word is the choice; machines of their own then
bring memory online, as what is in a kernel zone need not go again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from kernels import WITHOUT_CHECKS
from uevents import MEMORY

from harness.blocks import Block
from harness.machine import Machine, VirtioMem

MIB = 1 << 20
BLOCK = 128 * MIB
PAGES = BLOCK // 4096
CMA = 64 * MIB
PARAMETERS = "/sys/module/memory_hotplug/parameters"

# Both nodes have memory from boot on, some of it CMA. On the command line is what no test below sets.
MACHINE = dict(nodes=("1G", "512M"), append=("cma=64M", "memory_hotplug.online_policy=auto-movable",
                                             "memory_hotplug.auto_movable_ratio=150",
                                             "memory_hotplug.auto_movable_numa_aware=N"))
GUEST = MACHINE

NewMachine = Callable[..., Machine]


@dataclass
class Node:
    """What the policy counts, in pages: kernel memory of boot, and what is movable."""

    kernel: int = 0
    movable: int = 0


@dataclass
class Model:
    """The auto-movable policy as documented. Takes note of what it decided."""

    nodes: dict[int, Node]
    ratio: int = 301
    numa_aware: bool = True
    sections: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, machine: Machine) -> Model:
        """Of a machine to which nothing has been added yet. CMA is as good as movable."""
        nodes: dict[int, Node] = {}
        for zone in machine.zones():
            if zone.present:
                node = nodes.setdefault(zone.node, Node())
                node.kernel += zone.present - zone.cma
                node.movable += zone.cma
        return cls(nodes)

    def scopes(self, node: int) -> list[Node]:
        """What has to keep the ratio: the machine, and the node if that is wanted."""
        machine = Node(sum(n.kernel for n in self.nodes.values()), sum(n.movable for n in self.nodes.values()))
        return [machine, self.nodes.get(node, Node())] if self.numa_aware else [machine]

    def movable(self, node: int, pages: int, own_kernel: int = 0) -> bool:
        """Whether that many more pages may become movable; @own_kernel: kernel pages of a dynamic group."""
        return all(scope.kernel and scope.movable + pages <= (scope.kernel + own_kernel) * self.ratio // 100
                   for scope in self.scopes(node))

    def least_ratio(self, node: int, pages: int) -> int:
        """The smallest ratio that allows it."""
        return max(-(-(scope.movable + pages) * 100 // scope.kernel) for scope in self.scopes(node))

    def add(self, node: int, pages: int, own_kernel: int = 0) -> str:
        """Decides, and counts: movable memory does, added kernel memory does not."""
        if not self.movable(node, pages, own_kernel):
            return "Normal"
        self.nodes.setdefault(node, Node()).movable += pages
        return "Movable"


def setting(machine: Machine, **values: object) -> None:
    for name, value in values.items():
        assert machine.write(f"{PARAMETERS}/{name}", value) == 0


def use(machine: Machine, model: Model) -> None:
    setting(machine, auto_movable_ratio=model.ratio, auto_movable_numa_aware="Y" if model.numa_aware else "N")


def choices(machine: Machine, blocks: list[Block]) -> set[str]:
    """Where blocks would go now."""
    numbers = {block.number for block in blocks}
    return {block.zones[0] for block in machine.memory(use=False) if block.number in numbers}


def zones(machine: Machine, blocks: list[Block]) -> list[str | None]:
    numbers = {block.number for block in blocks}
    return [block.zone for block in machine.memory(use=False) if block.number in numbers]


def plug(machine: Machine, size: str, node: int = 1) -> list[Block]:
    dimm = machine.plug_dimm(size, node=node)
    return machine.memory(use=False).of(dimm.addr, dimm.size)


def test_policy_of_the_command_line(guest: Machine) -> None:
    assert guest.read(f"{PARAMETERS}/online_policy") == "auto-movable"
    assert guest.read(f"{PARAMETERS}/auto_movable_ratio") == "150"
    assert guest.read(f"{PARAMETERS}/auto_movable_numa_aware") == "N"
    blocks = plug(guest, "256M")
    assert choices(guest, blocks) == {"Movable"}


@pytest.mark.parametrize("numa_aware", [True, False], ids=["in-the-node", "in-the-machine"])
def test_auto_movable_ratio_and_cma(guest: Machine, numa_aware: bool) -> None:
    """A DIMM in each node is movable from exactly the ratio on that leaves room for all of it, and CMA counts."""
    model = Model.of(guest)
    model.numa_aware = numa_aware
    assert sum(node.movable for node in model.nodes.values()) * 4096 == CMA
    blind = Model({number: Node(node.kernel + node.movable) for number, node in model.nodes.items()}, 0, numa_aware)
    least = set()
    for node in (0, 1):
        blocks = plug(guest, "384M", node)
        ratio = model.least_ratio(node, 3 * PAGES)
        assert model.nodes[node].movable == 0 and numa_aware or ratio != blind.least_ratio(node, 3 * PAGES)
        for model.ratio in (ratio - 1, ratio, ratio - 1, ratio + 1):
            use(guest, model)
            assert choices(guest, blocks) == {"Normal" if model.ratio < ratio else "Movable"}, f"{model.ratio}%"
        least.add(ratio)
    assert len(least) == (2 if numa_aware else 1)


def test_auto_movable_least_and_largest_ratio(guest: Machine) -> None:
    model = Model.of(guest)
    for model.ratio, model.numa_aware, zone in ((0, False, "Normal"), ((1 << 32) - 1, True, "Movable")):
        use(guest, model)
        assert choices(guest, plug(guest, "128M", 0)) == {zone}


def test_dimm_goes_whole_to_one_zone(guest: Machine) -> None:
    """Two DIMMs, blocks of both by turns, and room for one of them: what begins has it, all of it."""
    model = Model.of(guest)
    model.numa_aware = False
    first, second = plug(guest, "384M"), plug(guest, "256M")
    model.ratio = model.least_ratio(1, len(first) * PAGES)
    use(guest, model)
    assert choices(guest, first) == choices(guest, second) == {"Movable"}
    guest.online(first[0])
    assert zones(guest, first[:1]) == ["Movable"]
    assert choices(guest, second) == {"Normal"}     # what is left is for the rest of the first
    assert choices(guest, first[1:]) == {"Movable"}
    setting(guest, auto_movable_ratio=1)
    guest.online(first[1:])
    assert zones(guest, first) == ["Movable"] * 3
    guest.offline(first)
    assert choices(guest, first) == {"Normal"}
    use(guest, model)
    assert choices(guest, second) == {"Movable"}


def test_auto_movable_over_several_dimms(new_machine: NewMachine) -> None:
    """Memory comes online by itself as it is plugged: each DIMM goes where the rule says, in one piece."""
    machine = new_machine(kernel=WITHOUT_CHECKS, **MACHINE)
    model = Model.of(machine)
    assert machine.write(f"{MEMORY}/auto_online_blocks", "online") == 0
    seen = []
    for ratio, numa_aware, size, node in (
            (100, True, 256, 1),    # fits beside what CMA has of the node
            (100, True, 384, 1),    # does not, though the machine has room
            (100, False, 384, 1),   # now it does
            (100, False, 512, 0),
            (100, False, 512, 0),
            (301, True, 512, 0),
            (301, True, 1024, 1),
            (301, True, 128, 1)):
        model.ratio, model.numa_aware = ratio, numa_aware
        use(machine, model)
        zone = model.add(node, size * MIB // 4096)
        assert zones(machine, plug(machine, f"{size}M", node)) == [zone] * (size * MIB // BLOCK), len(seen)
        seen.append(zone)
    assert seen.count("Movable") > 2 and seen.count("Normal") > 2


def test_auto_movable_dynamic_group(new_machine: NewMachine) -> None:
    """Unit by unit: what of the group is kernel memory allows for more movable memory in it."""
    machine = new_machine(kernel=WITHOUT_CHECKS, virtio_mem=(VirtioMem("vm", "2G", node=1),), **MACHINE)
    model = Model.of(machine)
    model.ratio, model.numa_aware = 40, True
    use(machine, model)
    assert machine.write(f"{MEMORY}/auto_online_blocks", "online") == 0
    before = {block.number for block in machine.memory(use=False)}
    machine.resize("vm", "2G")
    machine.wait_resized("vm")
    expected, kernel = [], 0
    for _ in range(2048 * MIB // BLOCK):
        expected.append(model.add(1, PAGES, kernel))
        kernel += PAGES * (expected[-1] == "Normal")
    assert [block.zone for block in machine.memory(use=False) if block.number not in before] == expected
    # Both, and movable again after kernel memory.
    assert "Normal Movable" in " ".join(expected) and "Movable Normal" in " ".join(expected)


def test_contig_zones(new_machine: NewMachine) -> None:
    """Within the span of Movable alone it is Movable, everywhere else a kernel zone."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G", 0))
    assert machine.read(f"{PARAMETERS}/online_policy") == "contig-zones"
    blocks = plug(machine, "1G")
    assert choices(machine, blocks) == {"Normal"}
    machine.online([blocks[2], blocks[5]], "online_movable")
    for block, zone in zip(blocks, ("Normal", "Normal", None, "Movable", "Movable", None, "Normal", "Normal"), strict=True):
        assert zone is None or choices(machine, [block]) == {zone}, block
    machine.online(blocks[3])
    assert zones(machine, [blocks[3]]) == ["Movable"]
    # With kernel memory on both sides the place belongs to both.
    machine.online([blocks[0], blocks[7]])
    assert zones(machine, [blocks[0], blocks[7]]) == ["Normal", "Normal"]
    assert choices(machine, [blocks[4]]) == {"Normal"}
    # The policy can be changed at any time, and who names a zone need not ask it.
    setting(machine, online_policy="auto-movable")
    assert choices(machine, [blocks[4]]) == {"Normal"}      # its DIMM is in a kernel zone already
    machine.online(blocks[4], "online_movable")
    assert zones(machine, [blocks[4]]) == ["Movable"]
    # 301% of no memory at boot is none, of the machine's there is some left.
    another = plug(machine, "128M")
    assert choices(machine, another) == {"Normal"}
    setting(machine, auto_movable_numa_aware="N")
    assert choices(machine, another) == {"Movable"}


def test_contig_zones_with_movable_node(new_machine: NewMachine) -> None:
    """movable_node turns it round: a kernel zone within the span of such zones alone."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G", 0), append=("movable_node",))
    blocks = plug(machine, "512M")
    assert choices(machine, blocks) == {"Movable"}
    machine.online([blocks[0], blocks[2]], "online_kernel")
    assert choices(machine, [blocks[1]]) == {"Normal"}
    machine.online(blocks[3])
    assert zones(machine, [blocks[3]]) == ["Movable"]
