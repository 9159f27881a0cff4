"""The platform's figures, and the questions that its documents leave open, as switches.

Nothing here acts. Every value may be changed while the sandbox runs and holds from then on.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Rules:
    """How this DingTalk behaves; durations are seconds."""

    latency: float = 0.0
    """Added to every API call before it takes effect; ours, to stand for the network and the platform's own work."""

    calls_per_second: int = 20
    """Calls of one app to one API in a sliding window of 1 s; 0 means no limit (API limits of the standard edition,
    open.dingtalk.com)."""

    calls_per_month: int = 0
    """Calls of all apps of the organisation to the OpenAPI; 0 means no limit. 5,000 in the standard edition (API
    limits, open.dingtalk.com). It is counted from the start, or from `begin_month`."""

    pushes_per_month: int = 0
    """Robot messages and clicks that are pushed, and answers by session webhook; 0 means no limit. 3,000 in the
    standard edition (API limits, open.dingtalk.com). Beyond it a robot message has no content (error 20001 of the
    robot's messages, same place)."""

    calls_per_address: int = 0
    """Calls from one address in 20 s; one more bans it, and all get a page of HTML. 10,000 in API limits
    (open.dingtalk.com); 0 means no limit, since here all robots share one address."""

    address_ban: float = 300.0
    """How long an address is banned: 5 minutes (API limits, open.dingtalk.com)."""

    ticket_life: float = 90.0
    """How long a gateway ticket may be used, once (DingTalk developerpedia, protocol.md)."""

    first_ping: float = 0.8
    """From the handshake to the first SYSTEM ping (seen in dingtalk-stream-sdk-python issue 30)."""

    ping_interval: float = 20.0
    """Between two SYSTEM pings. There is no official figure; soimy/openclaw-channel-dingtalk saw 20 to 30 s."""

    roll_grace: float = 10.0
    """Silence after `disconnect` before TCP is closed (DingTalk developerpedia, protocol.md)."""

    redelivery_after: float = 60.0
    """A robot message without an ack is pushed again after this (dingtalk-stream-sdk-nodejs, client.ts)."""

    copies: int = 1
    """How often a robot message is pushed at once, with the same msgId; more than 1 is trouble."""

    redeliveries: int = 1
    """How often it is pushed again; every report has exactly one copy. 0 is what protocol.md says: never."""

    event_retry: float = 10.0
    """An event that was not consumed is pushed again after this (event subscription, open.dingtalk.com). The page
    speaks of callback addresses; that it holds for Stream is likely, and not said."""

    event_second_retry: float = 30.0
    """And once more after this (same place)."""

    token_life: float = 7200.0
    """Life of an access token (obtain the access token of an internal app, open.dingtalk.com)."""

    webhook_life: float = 5400.0
    """Life of a message's session webhook: 90 minutes in every sample (receive messages, open.dingtalk.com)."""

    click_deadline: float = 2.0
    """A card callback's answer changes the card only when it comes within this (card callbacks, open.dingtalk.com)."""

    streaming_after_finalize: bool = False
    """Whether a finalized card takes more streaming text. Undocumented; refusing is the safer assumption."""

    content_limit: int = 0
    """Bytes of `content` that one streaming call may carry, 0 means no limit. The documents advise 1 to 3 KB, in
    practice much more is taken; the hard limit is unknown."""

    standard_card_again: bool = True
    """Whether a StandardCard may be sent again under its `cardBizId`, unchanged. Its page calls that id idempotent, and
    good for sending the same card to several chats; what a repeat in the same chat does is not said."""

    unique_element_ids: bool = True
    """Whether a StandardCard in which an element's id occurs twice is refused. Undocumented; every example has ids that
    differ, and refusing is the safer assumption."""

    download_code_life: float = 7200.0
    """Life of an attachment's download code. Its page says that it can be over, not when; ours."""

    download_url_life: float = 3600.0
    """Life of the address that a download code is exchanged for. Its page calls it temporary and shows one that says
    when it expires, with no figure; ours."""

    file_length_told: bool = True
    """Whether a file comes with its length. Undocumented; without it only the bytes tell how large it is."""


BOUNDS: dict[str, tuple[float, float]] = {"copies": (0, 100), "redeliveries": (0, 100), "ping_interval": (0.001, 1e9)}
"""Beyond these, or 0 to 1e9 for the others, a rule would keep the sandbox busy with itself, or be no time at all."""


def check(name: str, value: float) -> None:
    """Whether a rule may have a value.

    Raises:
        ValueError: it may not; the message names the rule.
    """
    least, most = BOUNDS.get(name, (0, 1e9))
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}, not {value:g}")
