# SPDX-License-Identifier: GPL-2.0-only
"""What make bench makes of what it measured: parsing, profiles, rows, tables. No guest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import ui
from harness.bench import counter, events, guest, occupied, plot, profile, report, rows, sample, symbols
from harness.bench.counter import Record, Run
from harness.bench.rows import Row
from harness.bench.sample import Sample

MAP = """\
0000000000000000 D __per_cpu_start
ffffffff81000000 T _text
ffffffff81000010 T __pfx_offline_pages
ffffffff81000020 T offline_pages
ffffffff81000080 t offline_pages.cold
ffffffff81000100 t scan.isra.0
ffffffff81000200 W memcpy
ffffffff81000200 T __memcpy
ffffffff81001000 D data
ffffffff81002000 T _etext
"""

COUNTED = """\
window acpi
ffffffff81000020 2 14
ffffffff81000031 3 9
ffffffff81000084 1 2
ffffffff81000100 5 20
401000 1 7
ffffffffc0000000 1 3
end
window mark
ffffffff81000200 4 4
end
window acpi
ffffffff81000020 1 7
"""


@pytest.fixture
def kernel() -> symbols.Symbols:
    return symbols.Symbols(MAP.splitlines())


@pytest.fixture
def record() -> Record:
    return counter.parse(COUNTED.splitlines())[0]


def made(time: int, executed: int, copied: int = 0, **notes: float) -> Sample:
    return Sample(time, {"offline_pages": executed - copied, "copy_page": copied}, {"kobject_get_path": 3}, notes)


def test_records_are_read_when_they_are_complete(record: Record) -> None:
    assert [one.name for one in counter.parse(COUNTED.splitlines())] == ["acpi", "mark"]
    assert record.runs[0] == Run(0xffffffff81000020, 2, 14)
    assert record.instructions == 55


def test_reader_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("window a\n10 1 5\nend\n")
    reader = counter.Reader(path)
    assert [one.instructions for one in reader.new()] == [5]
    with path.open("a") as out:
        out.write("window b\n10 2 6\nend\n")
        out.write("window c\n10 2")
    assert [one.name for one in reader.new()] == ["b"]
    with path.open("a") as out:
        out.write("0 60\nend\n")
    assert [one.runs for one in reader.new()] == [(Run(0x10, 20, 60),)]
    assert not reader.new()


def test_windows_are_told_to_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter, "build", lambda: Path("/count.so"))
    words = counter.arguments(Path("/out"), [counter.Window("acpi", 0x1f, 0x2f), counter.Window("later", 1, 2, aside=True)])
    assert words == ("-plugin", "file=/count.so,out=/out,window=acpi:1f:2f,aside=later:1:2")


def test_one_return_is_found() -> None:
    text = "  10:\tcall   20 <other>\n  15:\tret\n  16:\tint3\n"
    assert symbols.only_return(text) == 0x15
    assert symbols.only_return(text.replace("ret", "jmp    90 <__x86_return_thunk>")) == 0x15
    with pytest.raises(ui.Failure, match="2 returns"):
        symbols.only_return(text + text)


def test_addresses_become_functions(kernel: symbols.Symbols) -> None:
    assert kernel.function(0xffffffff81000033) == "offline_pages"
    assert kernel.function(0xffffffff81000090) == "offline_pages"      # a part of it elsewhere
    assert kernel.function(0xffffffff81000104) == "scan"
    assert kernel.function(0x401000) == symbols.USER
    assert kernel.function(0xffffffffc0000000) == kernel.function(0xffffffff80000000) == symbols.UNKNOWN
    assert kernel.address("memcpy") == kernel.address("__memcpy") == 0xffffffff81000200
    with pytest.raises(ui.Failure, match="no missing"):
        kernel.address("missing")


def test_only_beginnings_are_entries(kernel: symbols.Symbols) -> None:
    assert kernel.entry(0xffffffff81000020) == "offline_pages"
    assert kernel.entry(0xffffffff81000100) == "scan"
    assert kernel.entry(0xffffffff81000031) is None
    assert kernel.entry(0xffffffff81000080) is None                     # jumped to, not called


def test_call_returns_behind_itself() -> None:
    text = ("ffffffff81000020 <handler>:\n"
            "ffffffff81000020:\tpush   %rbx\n"
            "ffffffff81000021:\tcall   ffffffff81000200 <other>\n"
            "ffffffff81000026:\tcall   ffffffff81000300 <wanted>\n"
            "ffffffff8100002b:\tmov    %rax,%rbx\n")
    assert symbols.after_call(text, "wanted") == 0xffffffff8100002b
    with pytest.raises(ui.Failure):
        symbols.after_call(text, "want")


def test_profile_is_by_function(record: Record, kernel: symbols.Symbols) -> None:
    shares = profile.shares(record, kernel)
    assert list(shares.items()) == [("offline_pages", 25), ("scan", 20), (symbols.USER, 7), (symbols.UNKNOWN, 3)]
    entered = profile.calls(record, kernel)
    assert entered == {"scan": 5, "offline_pages": 2}
    assert profile.spent_in(shares, ("scan", "nowhere", symbols.USER)) == 27
    head, first, second, rest = profile.table(shares, entered, most=2)
    assert first.split() == ["45.5%", "25", "2", "offline_pages"]
    assert second.split() == ["36.4%", "20", "5", "scan"]
    assert rest.split() == ["18.2%", "10", "2", "others"]


def test_handlers_are_timed_by_the_trace() -> None:
    trace = ("# tracer: nop\n"
             " kworker/0:1-9 [000] ..... 150: workqueue_execute_end: work struct 0x1: function acpi_hotplug_work_fn\n"
             " kworker/0:1-9 [000] ..... 200: workqueue_execute_start: work struct 0x1: function acpi_hotplug_work_fn\n"
             " kworker/0:1-9 [000] ..... 275: workqueue_execute_end: work struct 0x1: function acpi_hotplug_work_fn\n")
    assert guest.spans(trace) == [75]


def test_pages_in_use_are_neither_free_nor_on_lists() -> None:
    zone = ("Node 0, zone   {}\n  pages free     {}\n        spanned  1000\n        present  900\n        managed  800\n"
            "  pagesets\n    cpu: 0\n              count:    7\n              high:  50\n    cpu: 1\n              count:    3\n")
    text = zone.format("Normal", 1) + zone.format("Movable", 500)
    assert occupied.in_use(text, "Movable") == 800 - 500 - 10


def test_only_pages_that_hotplug_moved_count() -> None:
    line = " fill-9 [0] .. 1.0: mm_migrate_pages: nr_succeeded={} nr_failed=2 mode=MIGRATE_SYNC reason={}\n"
    trace = line.format(512, "memory_hotplug") + line.format(30, "compaction") + line.format(8, "memory_hotplug")
    assert occupied.moved(trace) == 520


def test_sample_in_the_middle() -> None:
    assert sample.median([made(9, 9), made(2, 2), made(5, 1), made(7, 7)]).time == 5
    assert made(9, 4).waited == 5
    assert made(9, 10).waited == 0      # the window is a little wider than the clock's


def test_events_are_entries() -> None:
    found = events.count({"kobject_get_path": 3, "zone_pcp_disable": 2, "zone_pcp_enable": 2})
    assert found["uevents"] == 3 and found["pcp lists off or on"] == 4 and found["grace periods"] == 0


def row(name: str) -> Row:
    found, = [one for one in rows.ROWS if one.name == name]
    return found


def test_slopes_are_of_what_is_executed() -> None:
    linear = {f"plug {size}": made(1000, 10 + size) for size in (16, 32, 64)}
    assert row("slope-plug").value(linear) == 1
    square = {f"plug {size}": made(1000, size * size) for size in (16, 32, 64)}
    assert row("slope-plug").value(square) == 2


def test_page_is_what_an_empty_block_does_not_cost() -> None:
    samples = {"empty": made(500, 100, copied=10), "anon": made(5000, 1100, copied=210, pages=100)}
    assert row("pages-anon").value(samples) == (1100 - 210 - (100 - 10)) / 100


@pytest.mark.parametrize("ours, verdict", [(0.2, "aim"), (0.3, "aim"), (0.5, "met"), (0.6, "met"), (0.7, "missed")])
def test_rows_are_judged(ours: float, verdict: str) -> None:
    assert row("offline").verdict(2.9, ours) == verdict


def test_bound_may_be_a_share_of_the_stock_kernels() -> None:
    half = Row("x", "x", "dimm", "M", lambda samples: 0, (), share=0.5)
    assert half.bound(10) == 5 and half.verdict(10, 5) == "met" and half.verdict(10, 6) == "missed"
    assert Row("x", "x", "dimm", "M", lambda samples: 0, ()).verdict(1, 9) == ""


def test_rows_are_chosen() -> None:
    assert rows.choose("") == list(rows.ROWS)
    assert [one.name for one in rows.choose("unplug")] == ["unplug-32", "unplug-64"]
    assert [one.name for one in rows.choose("online,plug-32")] == ["plug-32", "online"]
    assert not rows.choose("plu")


def test_names_of_rows_are_their_own() -> None:
    names = [one.name for one in rows.ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("value, text", [(None, ""), (1234.5, "1,234 M"), (99.94, "99.9 M"), (0.245, "0.24 M"), (0, "0.00 M")])
def test_figures_have_three_digits(value: float | None, text: str) -> None:
    assert report.figure(value, "M" if value is not None else "") == text


def test_ratio_is_first() -> None:
    assert report.line(row("offline"), 2.9, 0.29) == \
        ["10.00×", "offline a block of 128 MiB, idle", "2.90 M", "0.29 M", "≤ 0.60 M, aim 0.30", "aim"]
    assert report.line(row("slope-plug"), 1.5, 0)[0] == "∞"


def test_cells_stand_below_each_other() -> None:
    assert report.layout([["ratio", "what", "n"], ["1", "a word", "100"]]) == ["ratio  what      n", "    1  a word  100"]


def test_wide_table_is_folded() -> None:
    lines = [["", "event", "a", "b", "c"], ["", "uevents", "100/100", "1/1", "2/2"]]
    assert report.fold(lines, 80) == [lines]
    narrow = report.fold(lines, 20)
    assert [part[0] for part in narrow] == [["", "event", "a"], ["", "event", "b", "c"]]
    assert all(len(text) <= 20 for part in narrow for text in report.layout(part))
    assert len(report.fold(lines, 1)) == 3


def test_picture_is_of_shares() -> None:
    samples = {"offline": made(1_000_000, 900_000)}, {"offline": made(500_000, 400_000)}
    assert plot.shares([row("offline")], *samples) == [("offline a block of 128 MiB, idle", 0.5, 0.6)]
    assert plot.curve("plug", {"plug 16": made(9, 2_000_000), "unplug 16": made(9, 3)}) == [(16, 2.0)]


def all_samples() -> dict[str, Sample]:
    shown = dict.fromkeys(name for one in rows.ROWS for name in one.shown)
    return {name: made(1000 + size, 500 + size, pages=10, used=4, moved=6, longest=2_000_000) for size, name in enumerate(
        ["empty", *shown, "plug 32", "unplug 32", "half-full", "fault", "memremap"])}


def test_all_of_it_is_saved_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    stock, ours = all_samples(), all_samples()
    where = report.save(rows.ROWS, stock, ours, "result")
    data = json.loads(Path(where).read_text())
    assert [one["name"] for one in data["rows"]] == [one.name for one in rows.ROWS]
    assert data["samples"]["ours"]["plug 32"]["events"]["uevents"] == 3
    report.table(rows.ROWS, stock, ours)
    report.events(rows.ROWS, stock, ours)
    report.profiles(rows.ROWS[:1], {"stock": stock, "lean": ours})
    shown = capsys.readouterr().out
    assert all(one.title in shown for one in rows.ROWS)
    assert "offline_pages" in shown and "3/3" in shown
