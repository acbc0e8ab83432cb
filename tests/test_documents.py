# SPDX-License-Identifier: GPL-2.0-only
"""What the documents promise is what the sources have. No guest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "Documentation/admin-guide/mm/memory-hotplug.rst").read_text()
INSIDE = (ROOT / "Documentation/mm/memory-hotplug.rst").read_text()
TESTED = "\n".join((ROOT / f"Documentation/mm/memory-hotplug-{page}.rst").read_text() for page in ("tests", "guarantees"))
ABI = (ROOT / "Documentation/ABI/testing/sysfs-devices-memory").read_text()
OUTCOMES = (ROOT / "mm/hotplug/outcome.c").read_text()
CLASSES = (ROOT / "mm/isolation/class.c").read_text()
VIEW = (ROOT / "drivers/base/memory.c").read_text()
SOURCES = [*(path for part in ("hotplug", "hotplug/audit", "isolation", "sparsemem") for path in (ROOT / "mm" / part).glob("*.c")),
           ROOT / "drivers/acpi/acpi_memhotplug.c"]

# The notifier's or the lower layer's, whatever the table in outcome.c falls back to.
PASSED_ON = {"MHP_VETOED", "MHP_FAILED", "MHP_NOT_RESTORED"}
NEVER_SHOWN = {"MHP_DONE"}


def outcomes() -> list[tuple[str, str, str]]:
    rows = re.findall(r"\[(MHP_\w+)\]\s*=\s*\{\s*-?(\w+),\s*\"([^\"]+)\"", OUTCOMES)
    return [row for row in rows if row[0] not in NEVER_SHOWN]


def page_classes() -> list[str]:
    return [name for key, name in re.findall(r"\[(PAGE_CLASS_\w+)\]\s*=\s*\"([^\"]+)\"", CLASSES) if key != "PAGE_CLASS_NONE"]


def parameters() -> list[str]:
    names = []
    for path in SOURCES:
        prefix = "acpi_memhotplug" if path.stem == "acpi_memhotplug" else "memory_hotplug"
        names += [f"{prefix}.{name}" for name in re.findall(r"^module_param(?:_cb|_named)?\((\w+),", path.read_text(), re.M)]
    return names


def attributes() -> list[str]:
    return re.findall(r"^static DEVICE_ATTR_\w+\((\w+)\)", VIEW, re.M)


def step_tables() -> list[list[str]]:
    tables = []
    for path in SOURCES:
        for body in re.findall(r"struct mhp_step \w+\[\] = \{(.*?)^\};", path.read_text(), re.M | re.S):
            tables.append(re.findall(r"\{ (?:\.name = )?\"([^\"]+)\"", body))
    return tables


def test_there_is_something_to_look_at() -> None:
    assert len(outcomes()) > 15 and len(page_classes()) > 10 and len(parameters()) > 4
    assert len(attributes()) > 8 and len(step_tables()) >= 4


@pytest.mark.parametrize("outcome, error, phrase", outcomes())
def test_guide_has_each_refusal(outcome: str, error: str, phrase: str) -> None:
    shown = r"\(any\)" if outcome in PASSED_ON else error
    assert re.search(rf"^{shown} +{re.escape(phrase)} ", GUIDE, re.M), f"{error}, {phrase}"


def test_guide_has_no_other_refusal() -> None:
    table = re.search(r"^errno +reason.*?\n(=+ =+ =+)\n(.*?)\n\1", GUIDE, re.M | re.S)
    assert table
    width = [len(column) for column in table[1].split()]
    rows = [line[width[0] + 1:width[0] + 1 + width[1]].strip() for line in table[2].splitlines() if line[:1] != " "]
    assert sorted(rows) == sorted(phrase for _, _, phrase in outcomes())


@pytest.mark.parametrize("name", page_classes())
def test_guide_has_each_class_of_page(name: str) -> None:
    assert re.search(rf"^``{re.escape(name)}`` ", GUIDE, re.M)


@pytest.mark.parametrize("name", parameters())
def test_guide_has_each_parameter(name: str) -> None:
    assert f"``{name}``" in GUIDE


@pytest.mark.parametrize("name", attributes())
def test_each_file_is_described(name: str) -> None:
    elsewhere = "sysfs-memory-page-offline" if name.endswith("_offline_page") else ""
    assert f"``{name}``" in GUIDE
    assert elsewhere or re.search(rf"^What:\s+\S+/{name}$", ABI, re.M)


def test_the_map_of_the_house_is_complete() -> None:
    missing = [path.name for path in SOURCES if not path.stem.endswith("_kunit") and path.name not in INSIDE]
    assert not missing


@pytest.mark.parametrize("steps", step_tables(), ids=lambda steps: steps[0] + ".." + steps[-1])
def test_the_steps_are_listed(steps: list[str]) -> None:
    listed = re.sub(r"\s+", " ", INSIDE.replace("|", ","))
    assert ", ".join(steps) in re.sub(r" ,", ",", listed)


def named_tests() -> list[str]:
    return re.findall(r"``(test_\w+\.py(?:::\w+)?)``", TESTED)


@pytest.mark.parametrize("name", named_tests())
def test_each_test_that_is_named_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    source = (ROOT / "tests" / path).read_text()
    assert re.search(rf"^def {function or 'test_'}", source, re.M)


def test_each_promise_has_a_test() -> None:
    rows = re.findall(r"^   \* - (.*?)\n     - (.*?)(?=^   \* |^$)", TESTED, re.M | re.S)
    assert len(rows) > 45
    assert not [what for what, tests in rows if what != "What" and "``test_" not in tests]
