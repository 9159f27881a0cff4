"""The whole service behind a proxy: connected, asked, and a card comes out, with no way around the proxy."""

from pathlib import Path

import pytest

from tests.actors.conftest import connected
from tests.network.conftest import Authority, MakeProxy, any_proxy, name_behind, staged_behind


@any_proxy
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_question_is_answered_through_a_proxy(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy, kind: str, secure: bool
) -> None:
    async with make_proxy(kind) as proxy, staged_behind(tmp_path, proxy, authority, secure=secure) as stage:
        await connected(stage)
        await stage.ask("你好")
        (card,) = await stage.finished()
        assert card.text == "您说：你好"
        assert set(proxy.passed) == {f"{name_behind(proxy)}:{443 if secure else 80}"}
        assert len(proxy.passed) >= 2
