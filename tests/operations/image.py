"""Build the image of this checkout, with no registry: on a Debian made by debootstrap, which takes the name of the
registry's, and from wheels that this machine's pip fetched in its own way.

Law: `deploy/Dockerfile` is built as it stands, from what git would hand out of the working tree. What is slow is kept
in the user's cache, and the steps that did not change are not done again. A run that was interrupted leaves nothing
that a later one trusts, and of two at once the second waits.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.operations.stores import AS_ROOT, Store, call, need_programs, remove
from tests.operations.workshop import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dingtalk-actors" / "image"
BASE = "docker.io/library/debian:bookworm-slim"
IMAGE = "localhost/dingtalk-actors:test"
DEBOOTSTRAP = ("debootstrap", "--variant=minbase", "bookworm")
LEFT_OUT = (
    "dev",
    "proc",
    "sys",
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
)
"""What a slim Debian does not have, and what the container has of its own."""

PIP_CONF = "[global]\nno-index = true\nfind-links = /wheels\n"


def build(archive: Path) -> None:
    """Write the image into an archive for `podman load`."""
    need_programs()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w", encoding="utf-8") as lock:
        # It goes with the last process that has it: a builder that outlives its test counts.
        os.set_inheritable(lock.fileno(), True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        base, wheels = _base(), _wheels()
        with _store(base.stem) as store, TemporaryDirectory() as folder:
            if BASE not in store.podman("images", "--format", "{{.Repository}}:{{.Tag}}").split():
                call(*store.command("podman", "import", base, BASE))
            context, pip_conf = Path(folder, "context"), Path(folder, "pip.conf")
            _copy_checkout(context)
            pip_conf.write_text(PIP_CONF, encoding="utf-8")
            handed_in = ["--secret", f"id=pip.conf,src={pip_conf}", "--volume", f"{wheels}:/wheels:ro"]
            how = ["--isolation", "chroot", "--layers", "--pull-never", *handed_in]
            bud = store.command("buildah", "bud", *how, "-t", IMAGE, "-f", context / "deploy" / "Dockerfile", context)
            call(*bud)
            call(*store.command("buildah", "push", IMAGE, f"docker-archive:{archive}:{IMAGE}"))
            call(*AS_ROOT, "chmod", "a+r", archive)


def _copy_checkout(context: Path) -> None:
    """Copy what git knows, or would take, as it stands."""
    for name in call("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).exists():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, context / name)


def _base() -> Path:
    """The archive of a minimal Debian's files."""
    recipe = hashlib.sha256(repr((DEBOOTSTRAP, LEFT_OUT, platform.machine())).encode()).hexdigest()
    archive = CACHE / f"bookworm-{recipe[:12]}.tar"
    if not archive.exists():
        making = CACHE / "making"
        remove(making)
        call(*AS_ROOT, *DEBOOTSTRAP, making / "root")
        left_out = [f"--exclude=./{place}/*" for place in LEFT_OUT]
        call(*AS_ROOT, "tar", "-C", making / "root", *left_out, "-cf", making / "root.tar", ".")
        call(*AS_ROOT, "mv", making / "root.tar", archive)
        remove(making)
    return archive


def _wheels() -> Path:
    """A folder of all that is locked, fetched by this machine's pip from wherever it fetches. In the build pip checks
    the hashes again."""
    lock = ROOT / "deploy" / "requirements.txt"
    folder = CACHE / f"wheels-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        for former in CACHE.glob("wheels-*"):
            shutil.rmtree(former)
        making = CACHE / "wheels"
        shutil.rmtree(making, ignore_errors=True)
        only_wheels = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
        call(sys.executable, "-m", "pip", "download", "-qq", *only_wheels, "-d", making, "-r", lock)
        making.rename(folder)
    return folder


@contextmanager
def _store(base: str) -> Iterator[Store]:
    """Where the builds' steps are kept, for a week: by then Debian has news. A build that does not come to its end
    takes them all with it."""
    whole, folder = CACHE / "whole", CACHE / "store"
    now = f"{base} {time.strftime('%G-%V')}"
    if not (whole.exists() and whole.read_text(encoding="utf-8") == now):
        Store(folder).forget()
    whole.unlink(missing_ok=True)
    yield Store(folder)
    whole.write_text(now, encoding="utf-8")
