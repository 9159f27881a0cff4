"""Element trees as the tutorial has them, for whichever test needs robots in a folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INSTANCE = {
    "backendBundleEntry": ".",
    "backendLoadTime": "afterAppInit",
    "type": "imRobots.dingTalkStreamType",
    "title": "钉钉智能客服",
    "description": "JitAi智能客服钉钉机器人实例，配置具体参数",
}


def write(file: Path, content: Any) -> Path:
    """Write a file, and its folder: bytes and text as they are, all else as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes | str):
        content = json.dumps(content, ensure_ascii=False)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def plant(app: Path, robots: Mapping[str, Any], *, meta: str = "Meta") -> Path:
    """The family in an app's folder, with an instance of this `config.json` for each robot; returns the folder."""
    family = app / "imRobots"
    write(family / meta / "e.json", {"backendBundleEntry": ".", "title": "IM机器人", "type": ""})
    write(family / meta / "__init__.py", "")
    a_type = {"backendBundleEntry": ".", "title": "钉钉机器人", "type": f"imRobots.{meta}"}
    write(family / "dingTalkStreamType" / "e.json", a_type)
    write(family / "dingTalkStreamType" / "config.json", {"clientId": "", "clientSecret": "", "agent": ""})
    write(family / "dingTalkStreamType" / "Editor" / "e.json", {"type": "editors.React"})
    for name, config in robots.items():
        write(family / name / "e.json", INSTANCE)
        write(family / name / "config.json", config)
    return app


def robot(client_id: str, **keys: Any) -> dict[str, Any]:
    """A whole `config.json`."""
    return {"clientId": client_id, "clientSecret": f"secret-of-{client_id}", "agent": "faq:"} | keys
