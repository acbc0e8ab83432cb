# SPDX-License-Identifier: GPL-2.0-only
"""The scenarios' own tools must be able to tell good from bad. No guest."""

from __future__ import annotations

import random
import struct

import pagetables
import refusals
import vmcore

from harness import trend

DUMP = """\
---[ Kernel Space ]---
0xffff800000000000-0xffff888000000000        8704G                               pgd
---[ Low Kernel Mapping ]---
0xffff888000000000-0xffff888000200000           2M     RW                 GLB NX pte
0xffff888000200000-0xffff888000400000           2M     ro         PSE     GLB NX pmd
0xffff888000400000-0xffff888000600000           2M                               pmd
0xffff888000600000-0xffff888000800000           2M     RW         PSE     GLB NX pmd
---[ vmalloc() Area ]---
0xffffc90000000000-0xffffc90000002000           8K     RW                 GLB NX pte
"""


def test_dump_is_read() -> None:
    area = pagetables.parse(DUMP, pagetables.DIRECT_MAP)
    assert area.parts == ((0, 4 << 20), (6 << 20, 8 << 20))
    assert area.mapped(3 << 20, 4 << 20) == 2 << 20
    assert area.total == 6 << 20


def test_a_leaked_page_is_a_trend() -> None:
    noise = random.Random(1)
    still = [1e6 + noise.gauss(0, 20e3) for _ in range(90)]
    leaking = [value + 4096 * n for n, value in enumerate(still)]
    assert not trend.fit(still).exceeds(2048)
    assert trend.fit(leaking).exceeds(2048)
    assert trend.fit([-value for value in leaking]).exceeds(2048)


def test_refusals_are_read() -> None:
    log = ("[   11.5] memory_hotplug: offline [mem 0x108000000-0x10fffffff] refused: unmovable page (-16), "
           "pfn 0x108123: slab\n[   12.5] memory_hotplug: online [mem 0x108000000-0x10fffffff] refused: "
           "vetoed by a notifier (-12)\n")
    page, veto = refusals.in_log(log)
    assert page == refusals.Refusal("offline", 0x108000000, 0x110000000, "unmovable page", -16, 0x108123, "slab")
    assert veto.error == -12 and veto.pfn is None and veto.cls is None
    event = ('put-71 [000] ..... 11.5: mhp_refused: op=offline start_pfn=0x108000 end_pfn=0x110000 '
             'outcome="unmovable page" error=-16 pfn=0x108123 class="slab"\n')
    assert refusals.in_trace(event) == [page]


def test_dump_is_listed() -> None:
    def header(kind: int, offset: int, start: int, size: int) -> bytes:
        return struct.pack("<IIQQQQQQ", kind, 7, offset, 0, start, size, size, 0)

    headers = [header(4, 0x100, 0, 0x80), header(1, 0x1000, 0x100000, 0x5000), header(1, 0x6000, 0x200000, 0x1000)]
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 4, 62, 1, 0, 64, 0, 0, 64, 56, len(headers), 0, 0, 0) + b"".join(headers)
    listed = vmcore.segments(head)
    assert [(s.start, s.end) for s in listed] == [(0x100000, 0x105000), (0x200000, 0x201000)]
    assert vmcore.covered(listed, 0x104000, 0x300000) == 0x2000
    assert vmcore.covered(listed, 0x105000, 0x200000) == 0
    assert vmcore.offset(listed, 0x200010) == 0x6010
    assert vmcore.offset(listed, 0x105000) is None
