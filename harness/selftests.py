# SPDX-License-Identifier: GPL-2.0-only
"""Builds the tree's own selftests of memory management, as static programs for a guest.

Called by the tests that compare what they say of our kernel and of the stock one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from . import assemble, build, packages, paths, ui

PACKAGES = ["libnuma-dev", "liburing-dev", "rsync"]
# Programs that touch isolation, migration and contiguous allocation; more libraries than the usual ones.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "compaction_test": (),
    "gup_longterm": ("-luring",),
    "hugepage-mmap": (),
    "hugepage-mremap": (),
    "hugepage-shm": (),
    "hugepage-vmemmap": (),
    "hugetlb-madvise": (),
    "hugetlb-soft-offline": (),
    "hugetlb_dio": (),
    "hugetlb_fault_after_madv": (),
    "hugetlb_madv_vs_map": (),
    "khugepaged": ("-include", f"{paths.LINUX}/tools/testing/selftests/kselftest.h"),  # which it forgets
    "ksm_functional_tests": (),
    "ksm_tests": ("-lnuma",),
    "map_hugetlb": (),
    "migration": ("-lnuma",),
    "mremap_test": (),
    "split_huge_page_test": (),
    "transhuge-stress": (),
}
_SHARED = ("vm_util.c", "thp_settings.c")
_CONFIG = "#define LOCAL_CONFIG_HAVE_LIBURING 1\n"


def _headers(folder: Path) -> Path:
    """The kernel's headers for user space, of the tree that is tested."""
    where = folder / "headers"
    if not (where / "include/linux/version.h").exists():
        log = paths.LOGS / "selftest-headers.log"
        with assemble.locked(paths.BUILD / ".lock-kbuild", "a kernel build"):
            ui.run(["make", "-s", "-C", paths.LINUX, f"O={folder / 'kbuild'}", "headers_install",
                    f"INSTALL_HDR_PATH={where}"], what="headers", log=log, env=build.environment())
    return where / "include"


def ensure(name: str) -> Path:
    """The program @name, built if it is not there."""
    packages.ensure(PACKAGES)
    folder = paths.BUILD / "selftests-mm"
    folder.mkdir(parents=True, exist_ok=True)
    source = paths.LINUX / "tools/testing/selftests/mm"
    sources = [source / f"{name}.c", *(source / shared for shared in _SHARED)]
    libraries = [option for option in PROGRAMS[name] if option.startswith("-l")]
    options = ["-static", "-O2", "-w", "-U_FORTIFY_SOURCE", "-D_GNU_SOURCE",
               f"-fmacro-prefix-map={source}/=",    # what they name after themselves goes where they run
               *(option for option in PROGRAMS[name] if option not in libraries)]
    key = hashlib.sha256(b"".join([*(path.read_bytes() for path in sources), " ".join(options).encode()])).hexdigest()[:12]
    target = folder / f"{name}-{key}"
    if target.exists():
        return target
    config = folder / "local_config.h"
    if not config.exists():
        config.write_text(_CONFIG)
    partial = folder / f".{name}.{os.getpid()}"
    ui.run(["gcc", *options, f"-I{folder}", f"-I{paths.LINUX}", "-isystem", _headers(folder),
            f"-I{paths.LINUX / 'tools/include/uapi'}", "-o", partial, *sources, *libraries, "-lrt", "-lpthread", "-lm"],
           what=f"selftest {name}", log=paths.LOGS / f"selftest-{name}.log")
    partial.rename(target)
    return target
