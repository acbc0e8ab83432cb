# SPDX-License-Identifier: GPL-2.0-only
"""make check: what can be said of our files without running them. Any finding fails it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from . import assemble, build, configure, packages, patchset, paths, series, series_order, symvers, ui

Findings = list[str]
_SOURCES = (".c", ".h", ".S")
_OUT = paths.BUILD / "check"
# What checkpatch does not know: trace headers have a layout of their own, user space its own names, and parameters may have been
# documented before (it looks into the patch only).
_ALWAYS_IGNORED = "UNDOCUMENTED_SETUP"
_IGNORED = {"include/trace/": "OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT", "tools/": "CAMELCASE"}
_MISTAKEN = re.compile(r"Avoid CamelCase: <__(Clear|Set)Page")     # it knows them without the underscores only
_PATCH_IGNORED = "FILE_PATH_CHANGES,EMAIL_SUBJECT"
_TOKENS, _SHARE = 60, 5.0       # longest run and share that may stand word for word in the pristine tree


def _kernel_sources() -> list[str]:
    return [name for name in patchset.our_files() if name.endswith(_SOURCES) and not name.startswith("tools/")]


def _checkpatch(targets: Sequence[str | Path], *words: str) -> Findings:
    """Runs it on files named by their path in the tree, which it goes by, outside of the tree, where it leaves a cache."""
    scratch = paths.CACHE / "checkpatch"
    scratch.mkdir(parents=True, exist_ok=True)
    for top in paths.LINUX.iterdir():
        link = scratch / top.name
        if not link.is_symlink():
            link.symlink_to(top)
    run = subprocess.run([paths.LINUX / "scripts/checkpatch.pl", f"--root={paths.LINUX}", "--strict", "--terse",
                          "--no-summary", "--show-types", *words, *targets],
                         cwd=scratch, capture_output=True, text=True, errors="replace", check=False)
    found = [line for line in run.stdout.splitlines() if re.search(r": (ERROR|WARNING|CHECK):", line)]
    return [line for line in found if not _MISTAKEN.search(line)] + run.stderr.splitlines()


def style() -> Findings:
    """checkpatch --strict over each of our files, and over the patches for what hooks add."""
    groups: dict[str, list[str]] = {}
    names = patchset.our_files()
    for name in names:
        ignored = next((types for prefix, types in _IGNORED.items() if name.startswith(prefix)), "")
        groups.setdefault(ignored, []).append(name)
    findings: Findings = []
    for ignored, files in groups.items():
        findings += _checkpatch(files, f"--ignore={_ALWAYS_IGNORED},{ignored}", "-f")
    patches = _checkpatch(series.write(), f"--ignore={_ALWAYS_IGNORED},{_PATCH_IGNORED}", "--showfile")
    return findings + [line for line in patches if line.split(":")[0] not in names]


def warnings() -> Findings:
    """Our objects with W=1 and sparse: no warning from our files."""
    sources = [name for name in _kernel_sources() if name.endswith(".c")]
    log = paths.LOGS / "check-build.log"
    configure.configure("check", paths.LINUX, _OUT)
    objects = [name[:-2] + ".o" for name in sources]
    for name in objects:
        (_OUT / name).unlink(missing_ok=True)
    build.make(paths.LINUX, _OUT, ["W=1", "C=2", "CHECK=sparse", *objects], what="W=1 and sparse", log=log)
    ours = "|".join(re.escape(name) for name in _kernel_sources())
    pattern = re.compile(rf"(?:^|/)({ours}):\d+(?::\d+)?: (?:\w+ )?(?:warning|error)")
    lines = (line.rstrip().replace(f"{paths.LINUX}/", "") for line in log.open(errors="replace"))
    return sorted({line for line in lines if pattern.search(line) or line.startswith("warning: ")})


def kernel_doc() -> Findings:
    run = subprocess.run([paths.LINUX / "scripts/kernel-doc", "-none", "-Wall", *_kernel_sources()], cwd=paths.LINUX,
                         capture_output=True, text=True, errors="replace", check=False)
    return [line for line in run.stderr.splitlines() if "warning" in line or "error" in line.lower()]


def exports() -> Findings:
    """Symbols that the stock kernel exports are exported by ours, in the same flavour."""
    stock, ours = (configure.out(name) / "Module.symvers" for name in ("stock", "lean"))
    if not stock.exists():
        ui.note("skipped: no stock kernel to compare with (make kernel CONFIG=stock)")
        return []
    for name in ("stock", "lean"):
        build.build(name)
    return symvers.compare(stock, ours)


def order() -> Findings:
    """The series links at each step that builds a whole kernel."""
    return series_order.too_early(patchset.load(strict=True).patches)


def likeness() -> Findings:
    """What the tool named by MHP_LIKENESS says about our sources."""
    tool = os.environ.get("MHP_LIKENESS", "")
    if not tool or not Path(tool).exists():
        ui.note("skipped: MHP_LIKENESS names no tool")
        return []
    run = subprocess.run([tool, paths.PRISTINE, *_kernel_sources()], cwd=paths.ROOT, capture_output=True, text=True,
                         check=False)
    if run.returncode:
        return [f"{tool}: exit status {run.returncode}: {run.stderr.strip()}"]
    findings: Findings = []
    for line in run.stdout.splitlines():
        ui.note(line)
        longest = re.search(r"longest run (\d+)", line)
        if longest and int(longest[1]) > _TOKENS and "not counted" not in line:
            findings.append(line.strip())
        if (total := re.match(r"total: ([\d.]+)%", line)) and float(total[1]) >= _SHARE:
            findings.append(line)
    return findings


CHECKS: dict[str, Callable[[], Findings]] = {
    "checkpatch --strict": style,
    "W=1 and sparse": warnings,
    "kernel-doc": kernel_doc,
    "exports": exports,
    "order of the series": order,
    "likeness": likeness,
}


def main() -> int:
    """make check."""
    packages.ensure(packages.TREE + packages.KERNEL + packages.CHECK)
    assemble.assemble()
    failed: list[str] = []
    for name, check in CHECKS.items():
        try:
            with ui.step(name):
                findings = check()
        except ui.Failure as failure:
            failure.step = name     # type: ignore[attr-defined]
            ui.report(failure)
            failed.append(name)
            continue
        for line in findings:
            ui.say("    " + ui.coloured(line, "red"))
        if findings:
            ui.warn(f"{name}: {len(findings)} findings")
            failed.append(name)
    ui.say("check: " + ("failed: " + ", ".join(failed) if failed else "nothing found"))
    return 1 if failed else 0
