"""Whom the inbox's tests tell of: a shop's robot, its customers, and a clock that stands still until told to go."""

from actors.core.question import Address, Question
from actors.inbox.port import Delivery, Inbox, Put

LEASE = 15.0
DEDUPE_WINDOW = 3_600.0
RETENTION = 86_400.0

SHOP = "ding-shop"
LI = "ding-shop:li"
WANG = "ding-shop:wang"


class Clock:
    """Epoch seconds by hand."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


def question(
    message_id: str = "m1",
    *,
    conversation: str = LI,
    robot: str = SHOP,
    text: str = "我的订单到哪里了？",
    chat_id: str = "",
    sender: str = "staff-li",
    received_at: float = 1_800_000_000.0,
) -> Question:
    """A customer's question; its memory is its conversation's unless `chat_id` names another."""
    return Question(
        robot=robot,
        message_id=message_id,
        conversation=conversation,
        chat_id=chat_id or conversation,
        text=text,
        sender_id=sender,
        sender_nick="小李",
        address=Address(
            robot_code=robot,
            chat="cid-1",
            group=False,
            user=sender,
            webhook="https://oapi.example/robot/sendBySession?session=s1",
            webhook_expires=1_800_005_400.0,
        ),
        received_at=received_at,
    )


async def put(inbox: Inbox, *message_ids: str, conversation: str = LI) -> None:
    """Customers ask, in this order."""
    for message_id in message_ids:
        assert await inbox.put(question(message_id, conversation=conversation), limit=100) is Put.NEW


async def take(inbox: Inbox, conversation: str = LI) -> Delivery:
    """Take a question that must be there."""
    delivery = await inbox.take(conversation)
    assert delivery is not None
    return delivery


async def taken(inbox: Inbox, conversation: str = LI) -> str | None:
    """Which question is there to take, if any."""
    delivery = await inbox.take(conversation)
    return None if delivery is None else delivery.question.message_id
