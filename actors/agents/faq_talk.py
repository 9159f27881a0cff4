"""What a message does in a talk: small talk, a greeting, a pick among what was offered, or a question that leans on the
one before it.

The patterns meet whatever a customer writes, on the event loop: none of them may be matched in two ways at one place,
or a long message could hold up everybody. This file knows how people talk; it must not know what the folder has to say.
"""

import re
import unicodedata

CORE = re.compile(
    "谢谢|多谢|谢了|谢啦|感谢|辛苦|好的|好嘞|好吧|好滴|好哒|嗯|哦|噢|行|可以了|明白|知道了|了解|懂了|收到|没事|没问题|不客气|不用了"
    "|没有了|没别的|再见|拜拜|回见|晚安|哈哈|👍|👌|🙏|❤|💯|🌹"
    r"|\b(?:ok|okay|kk|thanks?|thx|ty|cheers|great|cool|nice|perfect|got it|i see|understood|no problem|that'?s all"
    r"|all good|haha|lol|bye|goodbye|see you|good night)\b",
    re.IGNORECASE,
)
"""Thanks, assent, goodbye."""

AROUND = re.compile(
    r"[\W_]|你|们|您|了|啦|哈|呀|啊|哦|的|哒|吧|太|非常|十分|真|那|就|先|好|很|老师|亲"
    r"|\b(?:no|you|so|very|much|a|lot|many|for|the|your|help|again|then|that|helps|helped)\b",
    re.IGNORECASE,
)
"""What stands around them and says nothing else."""

FIRST = re.compile(rf"(?:(?:{CORE.pattern})(?:你|您|了|啦|呀|啊|哦|的)*[\s，,。.！!～~]+)+", re.IGNORECASE)
"""Small talk before something else."""

GREETING = re.compile(
    r"(?:(?:你好|您好|嗨|哈喽|哈啰|早上好|上午好|中午好|下午好|晚上好|早安|早|在吗|在不在|在么|有人吗|喂"
    r"|\b(?:hello|hi|hey|good (?:morning|afternoon|evening)|anybody there)\b)(?:[\W_]|呀|啊|哦|呢|亲|\bthere\b)*)+"
    r"|[你您](?:们|都|是|可以)*[会能]?(?:[做干帮]|我|些|点)*(?:谁|什么|啥|机器人|真人)[的呀啊呢吗么]*"
    r"|who are you|what can you do|are you (?:a|the) (?:robot|bot|human)",
    re.IGNORECASE,
)
"""Hello, or who are you."""

ORDINALS = {
    **dict.fromkeys(("1", "一", "first"), 1),
    **dict.fromkeys(("2", "二", "second"), 2),
    **dict.fromkeys(("3", "三", "third"), 3),
    **dict.fromkeys(("4", "四", "fourth"), 4),
}

LAST = -1

PICK = re.compile(
    r"(?:我|想|要|选|看|问|点|就|那|第|the\b|option\b|number\b|no\b|question\b|[\W_])*"
    r"(?P<which>\d{1,3}|[一二三四]|first|second|third|fourth|last|最后)"
    r"(?:一?[个条项号种]|问题|吧|呢|的|one\b|option\b|question\b|please\b|[\W_])*",
    re.IGNORECASE,
)
"""A number, or 第二个."""

YES = re.compile(r"(?:是|对|没错|嗯+|yes|yep|yeah|right)(?:的|啊|呀|吧|,|，|就是|这个|[\s.。!！])*", re.IGNORECASE)

LEANING = re.compile(
    "[\\W_]*(?:那|还有|然后|另外|而且|但|可是|如果|要是|换成|它"
    r"|(?:and|what about|how about|what if|but|then|so|or|also|if)\b)"
    r"|.*(?:呢|的话)[\W_]*$",
    re.IGNORECASE | re.DOTALL,
)
"""How a question begins or ends that goes on from what was said before."""

LONGEST = 40
"""Characters of a message that can be small talk, a greeting or a pick."""

MONEY = (
    re.compile("多少钱|要钱|收费|费用|价格|免费|贵|how much|cost|price|free", re.IGNORECASE),
    re.compile(r"\d\s*元|免费|\d\s*折|CNY|free", re.IGNORECASE),
)
TIME = (
    re.compile("多久|多长时间|几天|几号|几点|什么时候|啥时候|how long|how soon|how many days|when", re.IGNORECASE),
    re.compile(
        r"\d\s*个?(?:工作日|小时|分钟|月|天|日|年)|\d:\d\d|当天|马上"
        r"|\d\s*(?:working )?(?:days?|hours?|minutes?|months?|years?)|at once",
        re.IGNORECASE,
    ),
)
ASPECTS = (MONEY, TIME)
"""What a bare question may be after, and how an answer's line looks that has it."""


def tidy(message: str) -> str:
    """The message with plain digits, letters and blanks: `２`, `②` and `2️⃣` are all 2."""
    return unicodedata.normalize("NFKC", message).replace("\u20e3", "").replace("\ufe0f", "").strip()


def is_small_talk(message: str) -> bool:
    """Whether it is thanks, assent or goodbye, and nothing else."""
    if len(message) > LONGEST or not CORE.search(message):
        return False
    return not AROUND.sub("", CORE.sub("", message))


def is_greeting(message: str) -> bool:
    """Whether it is hello, or who are you, and nothing else."""
    return len(message) <= LONGEST and GREETING.fullmatch(message.strip(" \t\n，,。.!！?？~～…")) is not None


def after_small_talk(message: str) -> str:
    """The message without the thanks before it: 好的，那运费呢."""
    return FIRST.sub("", message, count=1) if FIRST.match(message) else message


def picked(message: str) -> int | None:
    """The number that is picked, from 1, or `LAST`; None if the message is no pick."""
    pick = PICK.fullmatch(message) if len(message) <= LONGEST else None
    if pick is None:
        return None
    which = pick["which"].lower()
    if which in {"last", "最后"}:
        return LAST
    return ORDINALS.get(which) or int(which)


def says_yes(message: str) -> bool:
    """Whether it is yes, and nothing else."""
    return len(message) <= LONGEST and YES.fullmatch(message) is not None


def leans(message: str) -> bool:
    """Whether it begins or ends as a question does that goes on from what was said before."""
    return LEANING.match(message) is not None


def aspect_of(message: str) -> re.Pattern[str] | None:
    """What a line of an answer must look like that a bare question, such as 要多久, is after."""
    return next((line for asking, line in ASPECTS if asking.search(message)), None)
