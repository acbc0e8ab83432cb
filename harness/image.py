# SPDX-License-Identifier: GPL-2.0-only
"""Builds the initramfs that every guest boots into.

What goes in: busybox, a few dynamic programs of the host's packages with the
libraries they need (for the host's own architecture only), our static guest programs (harness/guest), the modules of
the kernel it is for, and the tree's memory-hotplug kselftest. The same inputs
give the same bytes. Rebuilt when the hash over the inputs changes.

Called by machine (before a boot), run, shell and the tests.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import debian, paths, ui
from .arch import ARCHES, BOARDS, HOST

GUEST = paths.ROOT / "harness" / "guest"
SELFTESTS = "tools/testing/selftests"

BUSYBOX = "busybox"
TOOLS = ("bash", "lsmem", "chmem", "setpriv", "numactl", "migratepages")
# Only for a guest that asks for them: with their libraries they are most of an image, and a kernel with checks unpacks it for seconds.
DAX = ("daxctl", "ndctl")
KEXEC = ("kexec", "makedumpfile")
EXTRA = (*DAX, *KEXEC, "udevadm", "stress-ng")
PACKAGES = {
    "busybox": "busybox-static",
    "depmod": "kmod",
    "lsmem": "util-linux",
    "chmem": "util-linux",
    "setpriv": "util-linux",
    "stress-ng": "stress-ng",
    "numactl": "numactl",
    "migratepages": "numactl",
    "daxctl": "daxctl",
    "ndctl": "ndctl",
    "kexec": "kexec-tools",
    "makedumpfile": "makedumpfile",
    "udevadm": "udev",
}
# Static programs of ours: name, sources.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "agent": ("agent.c",),
    "blocks": ("blocks.c",),
    "fill": ("fill.c",),
    "fuzz": ("fuzz.c",),
    "init": ("init.c",),
    "memhold": ("memhold.c", "hold_map.c", "hold_pin.c"),
    "owners": ("owners.c",),
    "put": ("put.c",),
    "ring": ("ring.c",),
    "stalls": ("stalls.c",),
    "stamp": ("stamp.c",),
    "timed": ("timed.c",),
    "touched": ("touched.c",),
}
HEADERS = ("mark.h", "memhold.h", "pagemap.h")
CFLAGS = ("-static", "-s", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Wshadow", "-Werror")
DIRECTORIES = ("bin", "dev", "etc", "lib64", "mnt", "proc", "root", "run", "sys", "tmp", "usr", "var")
FORMAT = "1"  # raise when the image would come out different from the same files


class ImageError(ui.Failure):
    """The image cannot be built; says what is missing and which package has it."""


@dataclass(frozen=True)
class Entry:
    """One file of the archive: a regular file has data, a link has a target."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def _file(path: str, data: bytes, executable: bool = True) -> Entry:
    return Entry(path, 0o100755 if executable else 0o100644, data)


def _link(path: str, target: str) -> Entry:
    return Entry(path, 0o120777, target.encode())


def _which(name: str) -> Path:
    found = shutil.which(name, path=os.defpath + ":/usr/local/bin:/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        raise ImageError(f"{name} is not installed: apt-get install {PACKAGES.get(name, name)}")
    return Path(found)


def _libraries(program: Path) -> set[Path]:
    """The shared libraries of a dynamic program, the loader with them."""
    result = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    missing = re.findall(r"^\s*(\S+) => not found", result.stdout, re.M)
    if missing:
        raise ImageError(f"{program} lacks libraries: {', '.join(missing)}")
    return {Path(p) for p in re.findall(r"(/\S+) \(0x", result.stdout)}


def kernel_dir(config: str) -> Path:
    return paths.BUILD / config


def kernel(config: str, arch: str = HOST) -> Path:
    return kernel_dir(config) / BOARDS[arch].image


def bzimage(config: str) -> Path:
    return kernel(config)


def _tree(config: str) -> Path:
    """The source tree that a kernel was built out of."""
    source = kernel_dir(config) / "source"
    if source.exists():
        return source.resolve()
    return paths.LINUX


def _modules(config: str) -> list[Path]:
    order = kernel_dir(config) / "modules.order"
    if not order.exists():
        return []
    names = [line.strip() for line in order.read_text().splitlines() if line.strip()]
    return [kernel_dir(config) / re.sub(r"\.o$", ".ko", name) for name in names]


def _builtin_index(config: str) -> bytes:
    """What libkmod, and with it daxctl, looks up to know of a module that it need not be loaded."""
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "lib/modules/0.0"
        folder.mkdir(parents=True)
        (folder / "modules.order").touch()
        shutil.copy(kernel_dir(config) / "modules.builtin", folder)
        subprocess.run([str(_which("depmod")), "-b", top, "0.0"], capture_output=True, check=True)
        return (folder / "modules.builtin.bin").read_bytes()


def _module_entries(config: str) -> list[Entry]:
    """The modules and the dependency list that modprobe reads."""
    release_file = kernel_dir(config) / "include/config/kernel.release"
    modules = [m for m in _modules(config) if m.exists()]
    if not modules or not release_file.exists():
        return []
    base = f"lib/modules/{release_file.read_text().strip()}"
    where = {m.stem.replace("-", "_"): f"kernel/{m.relative_to(kernel_dir(config))}" for m in modules}
    needs: dict[str, list[str]] = {}
    for module in modules:
        found = re.search(rb"\0depends=([^\0]*)\0", module.read_bytes())
        names = found.group(1).decode().split(",") if found else []
        needs[module.stem.replace("-", "_")] = [n.replace("-", "_") for n in names if n]

    def chain(name: str) -> list[str]:
        out: list[str] = []
        for other in needs.get(name, []):
            out += [other, *chain(other)]
        return list(dict.fromkeys(out))

    entries = [_file(f"{base}/{where[m.stem.replace('-', '_')]}", m.read_bytes(), False) for m in modules]
    lines = [f"{where[n]}: {' '.join(where[d] for d in chain(n) if d in where)}".rstrip() for n in sorted(where)]
    entries.append(_file(f"{base}/modules.dep", ("\n".join(lines) + "\n").encode(), False))
    entries.append(_file(f"{base}/modules.builtin.bin", _builtin_index(config), False))
    return entries


def _selftest_entries(config: str) -> list[Entry]:
    base = _tree(config) / SELFTESTS
    entries = []
    for folder in ("memory-hotplug", "kselftest"):
        for path in sorted((base / folder).rglob("*")):
            if path.is_file() and path.suffix in ("", ".sh", ".pl"):
                entries.append(_file(f"kselftest/{path.relative_to(base)}", path.read_bytes()))
    return entries


def build_programs(arch: str = HOST) -> dict[str, Path]:
    """Compiles the guest programs that changed; returns where each stands."""
    out_dir = paths.BUILD / "guest"
    compiler = ARCHES[arch].cross + "gcc"
    out_dir.mkdir(parents=True, exist_ok=True)
    headers = b"".join((GUEST / h).read_bytes() for h in HEADERS)
    built = {}
    for name, sources in PROGRAMS.items():
        content = b"".join((GUEST / s).read_bytes() for s in sources)
        key = hashlib.sha256(headers + content + repr((compiler, CFLAGS)).encode()).hexdigest()[:16]
        target = out_dir / f"{name}-{key}"
        built[name] = target
        if target.exists():
            continue
        partial = out_dir / f".{name}-{key}.{os.getpid()}"
        command = [compiler, *CFLAGS, "-o", str(partial), *(str(GUEST / s) for s in sources)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise ImageError(f"guest program {name} does not compile", detail=result.stderr)
        partial.rename(target)
    return built


def _collect(config: str, arch: str, extra: tuple[str, ...]) -> list[Entry]:
    """Everything that goes into the image, without the folders."""
    host_busybox = _which(BUSYBOX)
    busybox = host_busybox if arch == HOST else debian.fetch(PACKAGES[BUSYBOX], arch) / "bin/busybox"
    entries = [_file("bin/busybox", busybox.read_bytes())]
    entries += [_file("init" if name == "init" else f"bin/{name}", path.read_bytes())
                for name, path in build_programs(arch).items()]
    libraries: set[Path] = set()
    for name in (*TOOLS, *extra) if arch == HOST else ():
        path = _which(name)
        entries.append(_file(f"bin/{name}", path.read_bytes()))
        libraries |= _libraries(path)
    for library in sorted(libraries):
        folder = "lib64" if library.name.startswith("ld-linux") else "lib"
        entries.append(_file(f"{folder}/{library.name}", library.read_bytes()))
    taken = {e.path for e in entries}
    applets = subprocess.run([str(host_busybox), "--list"], capture_output=True, text=True, check=True).stdout.split()
    entries += [_link(f"bin/{a}", "busybox") for a in applets if f"bin/{a}" not in taken]
    if "udevadm" in extra:
        entries.append(_link("lib/systemd/systemd-udevd", "/bin/udevadm"))   # which looks at the name it is called by
    entries += [_link("sbin", "bin"), _link("usr/bin", "../bin"), _link("usr/sbin", "../bin"), _link("usr/lib", "../lib")]
    entries += [Entry("dev/console", 0o020600, device=(5, 1)), Entry("dev/null", 0o020666, device=(1, 3))]
    entries.append(_file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", False))
    entries.append(_file("etc/group", b"root:x:0:\n", False))
    entries += _module_entries(config)
    entries += _selftest_entries(config)
    return entries


def _with_folders(entries: list[Entry]) -> list[Entry]:
    folders = set(DIRECTORIES)
    for entry in entries:
        folders |= {str(p) for p in Path(entry.path).parents if str(p) != "."}
    folders -= {e.path for e in entries}
    return [Entry(f, 0o040755) for f in folders] + entries


def _cpio(entries: list[Entry]) -> bytes:
    """A newc archive; sorted, without times or owners."""
    out = bytearray()

    def add(number: int, entry: Entry) -> None:
        name = entry.path.encode() + b"\0"
        fields = (number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
        out.extend(b"070701" + b"".join(b"%08x" % f for f in fields) + name)
        out.extend(b"\0" * (-len(out) % 4))
        out.extend(entry.data)
        out.extend(b"\0" * (-len(out) % 4))

    for number, entry in enumerate(sorted(entries, key=lambda e: e.path), 1):
        add(number, entry)
    add(0, Entry("TRAILER!!!", 0))
    out.extend(b"\0" * (-len(out) % 512))
    return bytes(out)


def archive(files: dict[str, bytes]) -> bytes:
    """An archive of these files alone; the kernel takes several archives one after the other."""
    folders = {str(folder) for name in files for folder in Path(name).parents if str(folder) != "."}
    return _cpio([Entry(folder, 0o040755) for folder in folders]
                 + [_file(name, data, False) for name, data in files.items()])


def build(config: str, arch: str = HOST, extra: tuple[str, ...] = ()) -> Path:
    """The initramfs for the kernel in build/<config>, with @extra of EXTRA; built if an input changed since this process last looked."""
    there = kernel(config, arch)
    return _build(config, arch, extra, there.stat().st_mtime_ns if there.exists() else 0)


@functools.cache
def _build(config: str, arch: str, extra: tuple[str, ...], _kernel: int) -> Path:
    entries = _with_folders(_collect(config, arch, extra))
    digest = hashlib.sha256(FORMAT.encode())
    for entry in sorted(entries, key=lambda e: e.path):
        digest.update(repr((entry.path, entry.mode, entry.device, len(entry.data))).encode())
        digest.update(entry.data)
    out_dir = paths.BUILD / "image"
    out_dir.mkdir(parents=True, exist_ok=True)
    name = "-".join([config.replace("/", "-"), *extra])
    image, key = out_dir / f"{name}.cpio", out_dir / f"{name}.key"
    if image.exists() and key.exists() and key.read_text() == digest.hexdigest():
        return image
    partial = out_dir / f".{name}.{os.getpid()}"
    partial.write_bytes(_cpio(entries))
    key.unlink(missing_ok=True)
    partial.rename(image)
    key.write_text(digest.hexdigest())
    return image
