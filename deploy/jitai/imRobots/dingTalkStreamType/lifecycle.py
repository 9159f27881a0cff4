"""What happens to a robot when JitNode says that its instance was made, changed or removed.

Names and results are those of JitAi's reference "JAAP". Nothing is done when a robot fails: it looks after itself.
"""

from actors import jitnode

from .loader import current_app, serve


def onCreate(fullName: str) -> dict[str, str]:
    """A new instance is served at once."""
    return onUpdate(fullName)


def onUpdate(fullName: str) -> dict[str, str]:
    """A changed instance is served as it is now; answers that run end as they began."""
    serve(current_app().getElement(fullName))
    return {"status": "success"}


def onDelete(fullName: str) -> dict[str, str]:
    """A removed instance is served no longer."""
    jitnode.dismiss(current_app(), fullName)
    return {"status": "success"}
