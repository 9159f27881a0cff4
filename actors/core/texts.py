"""Everything this service says to people, Chinese first with English beside it: the one catalogue.

Nothing here is decided; who says what and when lives elsewhere.
"""

from actors.core.markdown import neutral
from actors.core.splitting import fenced

# One line each: what is being done while a card has no text yet, or beneath the text it has.

THINKING = "🤔 正在思考，请稍候… Thinking…"
BUSY = "⏳ 现在提问的人较多，马上轮到您… Many people are asking, it is your turn soon…"
STANDARD_THINKING = "[思考]正在分析您的问题，请稍候..."
RETRYING = "🔁 遇到一点问题，正在重试… Trying again…"
STOPPING = "⏹ 正在停止… Stopping…"

# What ends a card, or is said beside one.

AGENT_FAILED = "抱歉，我这边出了点问题，没能答完。请稍后再问一次。\n\nSorry, something went wrong on my side. Please ask again later."
POISONED = (
    "抱歉，这个问题几次都没能处理成功，已停止尝试。请换个说法再问。\n\n"
    "Sorry, this question failed several times and was given up. Please put it another way."
)
EXPIRED = (
    "抱歉，这个问题等得太久，没有再回答。如仍需要，请再问一次。\n\n"
    "Sorry, this question waited too long and was not answered. Please ask again if you still need it."
)
GOES_ON = "⏳ 服务正在重启，稍后会继续回答。\n\nThe service is restarting; the answer will go on."
STOPPED = "⏹ 已停止。\n\nStopped."
THE_REST_FOLLOWS = "（内容较长，其余部分以消息发送。 The rest follows as messages.）"
CUT_SHORT = "（回答到了长度上限，可以说“继续”。 The answer reached its length limit; say “go on”.）"
WORD_AWAITED = (
    "需要您回复后才能继续，回复“确认”表示同意。\n\nThis goes on once you reply; “confirm” means that you agree."
)
SENT_BESIDE = "回答已作为消息发送。\n\nThe answer was sent as a message."

QUEUE_FULL = (
    "您的问题有点多，前面的还没答完，这一条没有收下。请稍后再问。\n\n"
    "There are still several of your questions ahead, so this one was not taken. Please ask again later."
)
ALL_BUSY = (
    "抱歉，现在提问的人太多，这个问题没有收下。请稍后再问。\n\n"
    "Sorry, too many people are asking right now, so your question was not taken. Please ask again later."
)
ASK_AGAIN = (
    "抱歉，系统暂时没能收下您的问题，请稍后再问一次。\n\n"
    "Sorry, your question could not be taken just now. Please ask again in a moment."
)

DENIED = "抱歉，您没有使用这个机器人的权限。\n\nSorry, you are not allowed to use this robot."

NEW_SESSION = "🆕 新会话开始了，之前的内容我不再记得。\n\nA new session: what was said before is forgotten."
NOTHING_TO_STOP = "现在没有正在回答的问题。\n\nThere is nothing to stop: no answer is running."
HELP = """直接提问就可以，回答会显示在卡片上。也可以发送：

- **/new** 或 **新会话**：忘记之前的内容，重新开始
- **/stop** 或 **停止**：停止正在进行的回答
- **/help** 或 **帮助**：显示这段说明

Just ask; the answer grows on a card. You can also send:

- **/new**: forget what was said and start over
- **/stop**: stop the running answer
- **/help**: show this"""

UNREADABLE: dict[str, str] = {
    "empty": "请在消息里写下您的问题。\n\nPlease write your question in the message.",
    "picture": "抱歉，我还看不了图片，请用文字描述。\n\nSorry, I cannot read pictures yet. Please describe it in words.",
    "audio": "抱歉，这段语音没有识别出文字，请改用文字。\n\nSorry, I could not make out the voice message. Please type it.",
    "video": "抱歉，我还看不了视频，请用文字描述。\n\nSorry, I cannot watch videos yet. Please describe it in words.",
    "file": "抱歉，我还读不了文件，请用文字描述。\n\nSorry, I cannot read files yet. Please describe it in words.",
    "over_quota": (
        "抱歉，本月的消息额度已用完，我没有看到您的问题。\n\n"
        "Sorry, this month's message quota is used up, so your question did not reach me."
    ),
    "unknown": "抱歉，我还不认识这种消息，请用文字提问。\n\nSorry, I do not know this kind of message. Please ask in words.",
}

NOT_FETCHED = (
    "抱歉，您发的内容没能取到，可能是太大或已失效。请重新发一次，或用文字描述。\n\n"
    "Sorry, what you sent could not be fetched; it may be too large or have expired. "
    "Please send it again or describe it in words."
)

RATINGS: dict[str, str] = {
    "very_helpful": "😄 非常有帮助",
    "helpful": "😊 有帮助",
    "slightly_helpful": "🙂 帮助不大",
    "not_helpful": "😅 没帮助",
}

HELPFUL = frozenset({"very_helpful", "helpful"})


def torn(said: str, apology: str = AGENT_FAILED) -> str:
    """What a card shows when an answer failed on its way: the text that was shown stays, the apology follows."""
    return _beneath(said, apology)


def interrupted(said: str) -> str:
    """What a card shows when this process has to leave before the answer is whole."""
    return _beneath(said, GOES_ON)


def stopped(said: str) -> str:
    """What a card shows when the person stopped the answer: the text that was shown stays."""
    return _beneath(said, STOPPED)


def cut_short(said: str) -> str:
    """An answer that the model had to end at its length limit."""
    return _beneath(said, CUT_SHORT)


def in_line(ahead: int) -> str:
    """The status of a question that waits for others of its conversation."""
    return f"⏳ 前面还有 {ahead} 个问题，答完马上轮到这一个。 {ahead} ahead of this one."


def using_tool(name: str) -> str:
    """The status while an agent uses a tool; its name is the agent's, and no more than a name."""
    return f"🔧 正在使用工具 {neutral(name, 30)}… Using a tool…"


def _beneath(said: str, word: str) -> str:
    """A word beneath a text that broke off, and not within the code in which it did."""
    whole = next(fenced([said]))
    return f"{whole}\n\n---\n\n{word}" if said else word
