"""A stand-in for JitNode, written from JitAi's references "JAAP", "App" and "Element" and from the tutorial: it knows
nothing of robots. What the references leave open (names of modules, when a changed element is loaded again) it does in
more than one way."""

import builtins
import importlib.util
import itertools
import json
import shutil
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

_numbers = itertools.count(1)


class Log:
    """JitNode's log, as the tutorial uses it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str, /) -> None:
        self.lines.append(f"info {text}")

    def warning(self, text: str, /) -> None:
        self.lines.append(f"warning {text}")

    def error(self, text: str, /) -> None:
        self.lines.append(f"error {text}")

    def errors(self) -> list[str]:
        return [line.removeprefix("error ") for line in self.lines if line.startswith("error ")]

    def error_told(self) -> str:
        """The one error that was told, however often."""
        told = sorted(set(self.errors()))
        assert len(told) == 1, told
        return told[0]


class Element:
    """An element, and a transparent proxy of what its loader made of it."""

    def __init__(self, app: "App", name: str) -> None:
        self.app = app
        self.fullName = name
        self.appId, self.envId, self.version = app.appId, app.envId, app.version
        self._folder = app.folder.joinpath(*name.split("."))
        self._made: Any = None

    @property
    def define(self) -> dict[str, Any]:
        defined: dict[str, Any] = json.loads((self._folder / "e.json").read_text("utf-8"))
        return defined

    def getFile(self, filename: str, isBinary: bool = False) -> str | bytes:  # noqa: N802, N803
        content = (self._folder / filename).read_bytes()
        return content if isBinary else content.decode()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)

    def load(self) -> None:
        its_type = self.define["type"]
        self._made = self.app.module(its_type).Loader([self]).load()


class App:
    """An app in a folder. Code of an element is a package of its own, loaded when it is needed."""

    version = "0.0.0"

    def __init__(self, folder: Path, variables: Mapping[str, Any]) -> None:
        number = next(_numbers)
        self.folder = folder
        self.envVars = dict(variables)
        self.envId, self.appId = f"JRE_{number}", "whwy.myapp"
        self.init = False
        self._prefix = f"jit_app_{number}"
        self._importing = threading.RLock()
        self._elements: dict[str, Element] = {}

    def names(self) -> list[str]:
        """The elements of the family."""
        return [f"imRobots.{file.parent.name}" for file in sorted(self.folder.glob("imRobots/*/e.json"))]

    def begin(self) -> None:
        """Initialise the app, then load what asks for it."""
        self.init = True
        for name in self.names():
            if Element(self, name).define.get("backendLoadTime") == "afterAppInit":
                self.getElement(name)

    def getElement(self, fullName: str) -> Element:  # noqa: N802, N803
        if fullName not in self._elements:
            element = Element(self, fullName)
            element.load()
            self._elements[fullName] = element
        return self._elements[fullName]

    def module(self, name: str) -> ModuleType:
        """The package of an element, or a module in it."""
        known = f"{self._prefix}_{name.replace('.', '_')}"
        with self._importing:
            if known not in sys.modules:
                folder = self.folder.joinpath(*name.split("."))
                spec = importlib.util.spec_from_file_location(
                    known, folder / "__init__.py", submodule_search_locations=[str(folder)]
                )
                assert spec is not None
                assert spec.loader is not None
                sys.modules[known] = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(sys.modules[known])
            return sys.modules[known]

    def hooks(self, name: str) -> ModuleType:
        """The `lifecycle.py` of an element."""
        return importlib.import_module(f"{self.module(name).__name__}.lifecycle")

    def forget_modules(self) -> None:
        """All code of the app will be loaded again."""
        for name in [name for name in sys.modules if name.startswith(self._prefix)]:
            del sys.modules[name]

    def forget_elements(self) -> None:
        """All elements will be loaded again."""
        self._elements.clear()

    # What people do in JitAi's console

    def create(self, name: str, config: Mapping[str, Any]) -> None:
        """A new instance, made like the demo."""
        demo, folder = self.folder / "imRobots" / "dingTalkDemo", self.folder.joinpath(*name.split("."))
        shutil.copytree(demo, folder)
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
        self._hook("onCreate", name)

    def save(self, name: str, config: Mapping[str, Any] | str, *, forget: bool = True) -> None:
        """Change an instance. It is loaded again when it is asked for, or with `forget=False` stays as it is."""
        text = config if isinstance(config, str) else json.dumps(config)
        self.folder.joinpath(*name.split("."), "config.json").write_text(text, "utf-8")
        if forget:
            self._elements.pop(name, None)
        self._hook("onUpdate", name)

    def delete(self, name: str) -> None:
        """Remove an instance."""
        shutil.rmtree(self.folder.joinpath(*name.split(".")))
        self._elements.pop(name, None)
        self._hook("onDelete", name)

    def request(self) -> None:
        """Somebody uses the app."""
        self._exits()

    def end(self) -> None:
        """The app is taken down."""
        self.init = False
        self._exits()

    def _exits(self) -> None:
        for name in self._elements:
            self.hooks(name).onAppExit(exc_val=None, resData=None)

    def _hook(self, hook: str, name: str) -> None:
        assert getattr(self.hooks("imRobots.dingTalkStreamType"), hook)(name) == {"status": "success"}


def install(app: App, log: Log) -> None:
    """Give app code the names that it finds inside JitNode."""
    vars(builtins)["app"] = app
    for name in ("jit", "jit.commons", "jit.commons.utils", "jit.commons.utils.logger"):
        sys.modules[name] = ModuleType(name)
    vars(sys.modules["jit.commons.utils.logger"])["log"] = log


def uninstall(app: App) -> None:
    """Take them away."""
    vars(builtins).pop("app", None)
    app.forget_modules()
    for name in [name for name in sys.modules if name.partition(".")[0] == "jit"]:
        del sys.modules[name]
