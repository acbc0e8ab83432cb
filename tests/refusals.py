# SPDX-License-Identifier: GPL-2.0-only
"""What a refusal leaves: a line in the log, an event in the trace."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.machine import Machine

TRACING = "/sys/kernel/tracing"
EVENT = f"{TRACING}/events/memory_hotplug/mhp_refused/enable"

_LINE = re.compile(
    r"memory_hotplug: (?P<op>[\w-]+) \[mem (?P<start>0x[0-9a-f]+)-(?P<last>0x[0-9a-f]+)\] refused: "
    r"(?P<outcome>.+?) \((?P<error>-?\d+)\)(?:, pfn (?P<pfn>0x[0-9a-f]+): (?P<cls>.+))?$", re.M)
_TRACE = re.compile(
    r'mhp_refused: op=(?P<op>\S+) start_pfn=(?P<start>0x[0-9a-f]+) end_pfn=(?P<end>0x[0-9a-f]+) '
    r'outcome="(?P<outcome>[^"]*)" error=(?P<error>-?\d+) pfn=(?P<pfn>0x[0-9a-f]+) class="(?P<cls>[^"]*)"')


@dataclass(frozen=True)
class Refusal:
    """@start and @end are bytes, half-open; @pfn is None where no page is to blame."""

    op: str
    start: int
    end: int
    outcome: str
    error: int
    pfn: int | None
    cls: str | None


def in_log(log: str) -> list[Refusal]:
    return [Refusal(m["op"], int(m["start"], 16), int(m["last"], 16) + 1, m["outcome"], int(m["error"]),
                    int(m["pfn"], 16) if m["pfn"] else None, m["cls"].strip() if m["cls"] else None)
            for m in _LINE.finditer(log)]


def in_trace(trace: str) -> list[Refusal]:
    found = []
    for m in _TRACE.finditer(trace):
        blames = m["cls"] != "none"
        found.append(Refusal(m["op"], int(m["start"], 16) << 12, int(m["end"], 16) << 12, m["outcome"],
                             int(m["error"]), int(m["pfn"], 16) if blames else None, m["cls"] if blames else None))
    return found


class Watch:
    """Collects the refusals of what is done inside the `with`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def __enter__(self) -> Watch:
        self.machine.sh(f"echo > {TRACING}/trace; echo 1 > {EVENT}; echo 1 > {TRACING}/tracing_on")
        self.since = self.machine.mark("refusals: from here")
        return self

    def __exit__(self, *exc: object) -> None:
        self.machine.sh(f"echo 0 > {EVENT}")

    def all(self) -> list[Refusal]:
        """The refusals there were, in order; log and trace must agree on them."""
        self.machine.mark("refusals: to here")
        lines = in_log(self.machine.log_since(self.since))
        events = in_trace(self.machine.read(f"{TRACING}/trace"))
        assert events == lines, "the trace tells another story than the log"
        return lines

    def only(self) -> Refusal:
        """The one refusal there was."""
        lines = self.all()
        assert len(lines) == 1, f"not one line in the log: {lines}\n{self.machine.log_since(self.since)}"
        return lines[0]
