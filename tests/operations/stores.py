"""A place of its own for images and containers, made of the machine's tools.

Law: nothing of the machine's other containers is seen or touched, two places do not know of each other, and nothing of
one is left behind. This file must not know what is in an image.
"""

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

AS_ROOT = [] if os.getuid() == 0 else ["sudo", "-n"]
"""Mounts, users and devices are root's, as in deploy/install.sh."""

PROGRAMS = ("buildah", "podman", "runc", "debootstrap")

# For machines that are containers themselves: no limit is raised, no systemd is asked, and runc takes the control
# groups of any version. Locks are files, as what podman has in shared memory belongs to all of a user's stores.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
tmp_dir = "{passing}/tmp"
"""


def call(*command: str | Path) -> str:
    """Run a program to its end; returns what it wrote to stdout. A failure is told in the program's own words. It gets
    every file that is marked to be inherited, which is how a lock is held for as long as it runs."""
    # debootstrap and what it calls are an administrator's programs, which a person's path may lack.
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        ("nice", *command),
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        close_fds=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def need_programs() -> None:
    """Say what is missing, if anything."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        pytest.fail(f"the image cannot be built and run without {', '.join(missing)}: deploy/install.sh test")


def remove(folder: Path) -> None:
    """Remove a folder of root's, with what is mounted in it."""
    for line in reversed(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()):
        if (place := line.split()[1]).startswith(f"{folder}/"):
            call(*AS_ROOT, "umount", "--lazy", place)
    call(*AS_ROOT, "rm", "-rf", folder)


class Store:
    """Images and containers in one folder. What lives as long as a container does is in another one, since podman
    takes no path of more than 50 characters there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._passing = Path("/tmp", f"podman-{hashlib.sha256(bytes(folder)).hexdigest()[:16]}")
        folder.mkdir(parents=True, exist_ok=True)
        self._conf = folder / "containers.conf"
        self._conf.write_text(CONTAINERS_CONF.format(passing=self._passing), encoding="utf-8")

    def command(self, program: str, *arguments: str | Path) -> list[str | Path]:
        """The command line of podman or buildah for this place."""
        places = [f"--root={self.folder}/storage", f"--runroot={self._passing}/run", "--storage-driver=overlay"]
        return [*AS_ROOT, "env", f"CONTAINERS_CONF={self._conf}", program, *places, *arguments]

    def podman(self, *arguments: str | Path) -> str:
        """Returns what podman says."""
        return call(*self.command("podman", *arguments))

    def clear(self) -> None:
        """End all containers, and remove all that is here."""
        self.podman("rm", "--all", "--force", "--volumes", "--time", "0")
        # Each container has a process that tidies up after it, in its own time, and would make the folder anew.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and any(map(self._has_to_do_with_it, Path("/proc").glob("[0-9]*"))):
            time.sleep(0.05)
        self.forget()

    def forget(self) -> None:
        """Remove all that is here, when no container runs."""
        remove(self._passing)
        remove(self.folder)

    def _has_to_do_with_it(self, process: Path) -> bool:
        try:
            words = (process / "cmdline").read_bytes()
            return any(f"{folder}/".encode() in words for folder in (self.folder, self._passing))
        except OSError:  # it has ended
            return False
