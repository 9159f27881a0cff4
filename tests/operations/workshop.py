"""What the set-up tests need: a small project of its own, a wheel made by hand, and a PATH that a test decides."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make_wheel(folder: Path, name: str, version: str) -> str:
    """Put a wheel of one empty module into the folder; returns its line of a lock."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Workshop:
    """A folder with the project's set-up in it, wheels to install, and programs that stand before the system's.

    `python` is this Python, but its `-m venv` copies an empty .venv that was made before, which takes no time.
    """

    def __init__(self, folder: Path, empty_venv: Path) -> None:
        self.project = folder / "project"
        self.wheels = folder / "wheels"
        self.programs = folder / "programs"
        for path in (self.project / "deploy", self.project / "tests", self.wheels, self.programs):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "deploy" / "install.sh", self.project / "deploy")
        self.venv = self.project / ".venv"
        self.python = f"""case "$1 $2" in "-m venv") exec cp -a {empty_venv}/. "$3";; esac
            exec {Path(sys.executable).resolve()} "$@\""""
        self.program("python3.11", self.python)
        self.node = self.project / "tests" / "sandbox" / "node"
        self.node.mkdir(parents=True)
        (self.node / "package-lock.json").write_text("{}", encoding="utf-8")
        self.program("node", "exit 0")
        self.program("npm", "mkdir -p node_modules && echo $* >node_modules/asked")
        self.program("chromium", "exit 0")
        self.program("dpkg-query", "echo install ok installed")
        self.program("apt-get", "echo apt-get is not expected here >&2; exit 1")

    def lock(self, name: str, *wheels: tuple[str, str], file: str = "requirements.txt") -> None:
        """Write a lock: `deploy` or `tests`, of (name, version) pairs."""
        lines = [make_wheel(self.wheels, *wheel) for wheel in wheels]
        (self.project / name / file).write_text("".join(lines), encoding="utf-8")

    def program(self, name: str, script: str) -> None:
        """Put a shell script before the system's program of that name."""
        path = self.programs / name
        path.unlink(missing_ok=True)  # it may be a link to the system's own
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def environment(self, **others: str) -> dict[str, str]:
        """Without any index: what is not among the wheels cannot be had."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        return kept | pip | {"PATH": f"{self.programs}:{os.environ['PATH']}"} | others

    def install(self, what: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run install.sh to its end."""
        command = [str(self.project / "deploy" / "install.sh"), what]
        environ = self.environment(**environment)
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=250, check=False)

    def installed(self, name: str, beside: str = "") -> str:
        """The version of a module in .venv, or nothing; with `beside`, a folder in it, as seen with that first."""
        command = [str(self.venv / "bin" / "python"), "-c", f"import {name}; print({name}.VERSION)"]
        environ = os.environ | {"PYTHONPATH": str(self.venv / beside) if beside else ""}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=250, check=False)
        return done.stdout.strip()
