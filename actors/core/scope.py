"""Who shares what: the key of a conversation or of a memory, made of the robot, the chat and the sender.

The law: two different robots, chats or senders never share a key by accident. This file knows nothing of payloads.
"""

from enum import StrEnum
from urllib.parse import quote, unquote


class Scope(StrEnum):
    """What of a message makes its key: everyone with the same key shares one conversation, or one memory."""

    SENDER = "sender"
    SENDER_IN_CHAT = "sender_in_chat"
    CHAT = "chat"

    def key(self, *, robot: str, chat: str, sender: str) -> str:
        """`robot:chat:sender`, with the slot empty that this scope leaves out.

        The three slots and the encoding make a key unambiguous, across scopes too, as long as no id is empty; it has
        no blanks, and an id of letters and digits stays as it is.
        """
        slots = (robot, "" if self is Scope.SENDER else chat, "" if self is Scope.CHAT else sender)
        return ":".join(map(_slot, slots))


def of_robot(robot: str) -> str:
    """What every key of this robot begins with, and no other robot's."""
    return f"{_slot(robot)}:"


def robot_of(key: str) -> str:
    """The robot that a key was made with."""
    return unquote(key.partition(":")[0], errors="surrogatepass")


def _slot(slot: str) -> str:
    return quote(slot, safe="$+=@", errors="surrogatepass")
