# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The build backend (PEP 517) for `pip install .`.

It configures the sources for the running interpreter in a folder of its own,
builds and installs them there, and packs the package into a wheel together with
the libraries, which are named so that they get in no other copy's way.
"""

import base64
import email.message
import gzip
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping

_Settings = Mapping[str, object] | None

# The frontend runs the hooks in the folder of pyproject.toml.
_SOURCE = pathlib.Path(__file__).resolve().parents[2]

# Where make installs to, below a temporary folder: libtool wants to be told
# where a library will lie when it links it.
_PLACE = "/bundle"

# Files in an archive are as old as a zip archive can say, so that the same
# sources give the same archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def _project() -> dict[str, object]:
    text = (_SOURCE / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["project"]


def _version() -> str:
    text = (_SOURCE / "configure.ac").read_text("utf-8")
    found = re.search(r"^AC_INIT\(\[stm\], \[([^]]+)\]", text, re.MULTILINE)
    if found is None:
        raise RuntimeError("configure.ac: no version in AC_INIT")
    return found[1]


def _name() -> str:
    return f"stm-{_version()}"


def _metadata() -> bytes:
    """Return what PKG-INFO and METADATA say."""
    project = _project()
    message = email.message.EmailMessage()
    message["Metadata-Version"] = "2.1"
    message["Name"] = project["name"]
    message["Version"] = _version()
    message["Summary"] = project["description"]
    message["License"] = "MIT"
    message["License-File"] = project["license"]["file"]
    for classifier in project["classifiers"]:
        message["Classifier"] = classifier
    message["Requires-Python"] = project["requires-python"]
    message["Description-Content-Type"] = project["readme"]["content-type"]
    readme = (_SOURCE / project["readme"]["file"]).read_text("utf-8")
    return f"{message.as_string().rstrip()}\n\n{readme}".encode()


def _tag() -> str:
    """Return the wheel's tag: interpreter, its ABI and platform."""
    if sys.implementation.name != "cpython":
        raise RuntimeError("stm is an extension of CPython")
    version = "cp" + sysconfig.get_config_var("py_version_nodot")
    abi = sysconfig.get_config_var("SOABI").split("-")[1]
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    return f"{version}-cp{abi}-{platform}"


def _wheel_text() -> bytes:
    lines = (
        "Wheel-Version: 1.0",
        "Generator: stm_build",
        "Root-Is-Purelib: false",
        f"Tag: {_tag()}",
    )
    return "".join(line + "\n" for line in lines).encode()


def _run(folder: pathlib.Path, *command: str | pathlib.Path) -> None:
    subprocess.run(command, cwd=folder, check=True)


def _configure(build: pathlib.Path) -> None:
    if not (_SOURCE / "configure").exists():
        _run(_SOURCE, "autoreconf", "-fi")
    build.mkdir()
    _run(
        build,
        *(_SOURCE / "configure", "--quiet", f"PYTHON={sys.executable}"),
        *("--enable-bundle", "--disable-static", f"--libdir={_PLACE}/stm"),
    )


def _make(folder: pathlib.Path, *words: str) -> None:
    # Another make may have been the first to be called.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR"):
        os.environ.pop(name, None)
    _run(folder, "make", "-s", *words)


def _install(work: pathlib.Path) -> pathlib.Path:
    """Build and install below a folder; return where the package is."""
    build = work / "build"
    _configure(build)
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    for part in ("stm", "pool", "pymod"):
        # pyexecdir is Python's own folder for packages elsewhere.
        _make(build / part, jobs, f"pyexecdir={_PLACE}")
        _make(
            *(build / part, "install-strip", f"pyexecdir={_PLACE}"),
            f"DESTDIR={work}/root",
        )
    return pathlib.Path(f"{work}/root{_PLACE}/stm")


def _package(folder: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the package as they are called in the wheel.

    A library is there by the name that programs look for; the one with more
    digits and the one with fewer are for linking.
    """
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for path in sorted(folder.iterdir()):
        if path.suffix in (".py", ".pyi", ".typed"):
            yield f"stm/{path.name}", path.read_bytes()
        elif path.name == "_stm.so":
            yield f"stm/_stm{suffix}", path.read_bytes()
        elif re.fullmatch(r"lib.*\.so\.\d+", path.name):
            yield f"stm/{path.name}", path.read_bytes()


def _dist_info() -> Iterator[tuple[str, bytes]]:
    folder = f"{_name()}.dist-info"
    yield f"{folder}/METADATA", _metadata()
    yield f"{folder}/WHEEL", _wheel_text()
    yield f"{folder}/COPYING", (_SOURCE / "COPYING").read_bytes()


def _record_line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"{name},sha256={digest.decode().rstrip('=')},{len(content)}\n"


def _write_wheel(path: pathlib.Path, files: list[tuple[str, bytes]]) -> None:
    record = f"{_name()}.dist-info/RECORD"
    lines = [_record_line(name, content) for name, content in files]
    text = "".join(lines) + f"{record},,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in [*files, (record, text.encode())]:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o755 if ".so" in name else 0o644
            info.external_attr = (0o100000 | mode) << 16
            archive.writestr(info, content)


def build_wheel(
    wheel_directory: str,
    config_settings: _Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel for the running interpreter; return its file's name."""
    name = f"{_name()}-{_tag()}.whl"
    with tempfile.TemporaryDirectory(prefix="stm-wheel-") as work:
        files = list(_package(_install(pathlib.Path(work))))
    _write_wheel(pathlib.Path(wheel_directory, name), [*files, *_dist_info()])
    return name


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: _Settings = None
) -> str:
    """Write the wheel's metadata, which takes no build."""
    for name, content in _dist_info():
        path = pathlib.Path(metadata_directory, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return f"{_name()}.dist-info"


def build_sdist(sdist_directory: str, config_settings: _Settings = None) -> str:
    """Pack what `make dist` packs, with the metadata; return its name."""
    name = f"{_name()}.tar.gz"
    with tempfile.TemporaryDirectory(prefix="stm-sdist-") as work:
        build = pathlib.Path(work, "build")
        _configure(build)
        _make(build, "dist-gzip")
        content = gzip.decompress((build / name).read_bytes())
    # An archive can only grow where it is not compressed.
    packed = io.BytesIO(content)
    with tarfile.open(fileobj=packed, mode="a") as archive:
        info = tarfile.TarInfo(f"{_name()}/PKG-INFO")
        metadata = _metadata()
        info.size = len(metadata)
        archive.addfile(info, io.BytesIO(metadata))
    path = pathlib.Path(sdist_directory, name)
    path.write_bytes(gzip.compress(packed.getvalue()))
    return name
