"""The words of a question, in Chinese and English: what it is about, and what only carries it.

Chinese is taken character by character, each by the pairs that it forms with its neighbours, so that no dictionary is
needed. This file knows the two languages; it must not know what the folder has to say, nor what was said before.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from actors.core.frozen import frozen

CHINESE = "\u3400-\u9fff"

RUN = re.compile(rf"[{CHINESE}]+|[^\W_{CHINESE}]{{2,}}")
"""What is searched for: Chinese without a break, or another word of two letters or more."""

FILLERS = re.compile(
    # What asks.
    "请问|想问|问一下|问问|想知道|怎么样|怎么办|怎么|怎样|如何|什么时候|什么|多少钱|要钱|花钱|多少|多久|多长|几天|哪些|哪里|哪个|哪儿|哪|谁"
    "|为什么|可不可以|可以|能不能|能否|是不是|有没有|会不会|要不要|行不行|需要|应该|啥时候|啥|咋|是否|到底|究竟"
    # What is polite.
    "|麻烦|帮忙|帮我|帮|谢谢|感谢|亲|一下|告诉|看看|请"
    # Who, when, how, how much.
    "|你们|您们|我们|咱们|他们|自己|大家|别人|家里|这个|那个|这种|那种|这样|那样|这么|那么|东西|情况|问题|时候|今天|明天|昨天|前天|后天"
    "|上周|下周|上个月|星期|上次|刚才|刚刚|刚|现在|目前|已经|一直|老是|总是|最近|以前|以后|之前|之后|后来|一开始|开始|突然|然后|结果|但是"
    "|可是|不过|因为|所以|如果|的话|而且|还是|或者|另外|还有|发现|觉得|感觉|知道|处理|操作|贵不贵|贵|非常|特别|真的|根本|有点|一点|下单"
    "|太|很|挺|最|更|比较|[零一二两三四五六七八九十百千半几多每][个天年月周次件条块元号]?"
    # What holds a sentence together.
    "|[吗呢吧啊呀嘛哦么哈啦呗的地得了着过我你您他她它们这那和跟与在是有要想会能可就都也还又再才只把被让给对从到去来说做用买弄搞算行好久]"
    "|[不没别个些为以所]"
    r"|\b(?:a|able|about|accept|after|again|ago|all|allowed|already|also|always|am|an|and|any|anymore|anything|are|arent"
    r"|as|ask|asked|at|back|be|become|been|before|being|bigger|bought|but|buy|by|came|can|cannot|cant|come|could"
    r"|currently|day|days|did|didnt|different|do|does|doesnt|done|dont|ever|first|for|from|gave|get|getting|give|go"
    r"|going|got|had|happen|happened|has|have|having|he|hello|help|here|hey|hi|how|id|if|im|in|include|included|into"
    r"|is|isnt|issue|it|item|items|its|ive|just|know|last|let|lets|like|ll|long|made|make|many|may|me|might|mine|month|months"
    r"|more|much|must|my|need|never|new|no|not|now|of|off|ok|old|on|once|one|ones|only|or|order|ordered|orders|our|out"
    r"|over|please|pls|plz|possible|problem|put|question|re|really|same|say|says|said|see|shall|she|should|since|so"
    r"|some|something|soon|still|stuff|take|takes|tell|than|thank|thanks|that|the|their|them|then|there|these|they|thing|things"
    r"|this|those|three|to|today|tomorrow|too|tried|try|trying|two|until|up|us|use|used|using|ve|very|want|wanna|was"
    r"|we|week|weeks|were|what|whats|when|where|wheres|which|who|whom|why|will|with|wont|work|working|works|would|yes"
    r"|yesterday|yet|you|your|ur)\b"
)
"""Words that carry a question and say next to nothing of its subject."""

VAGUE = frozenset("看收查领拿慢快早晚急等回进出上下前后里外着见话听找接带放开关点")
"""Characters that by themselves say little of a subject."""

CLAUSE_END = re.compile(
    rf"[，,。.！!？?；;…~～\n]+|(?<=[{CHINESE}])\s+|\s+(?=[{CHINESE}])"
    r"|\b(?:and|but)\b(?=\s+(?:also\s+)?(?:how|what|when|where|which|who|can|could|do|does|is|are|i|my)\b)",
    re.IGNORECASE,
)

DENIED = re.compile(
    r"(?:不是|不想|不要|不用)[^，,。.！!？?；;\s]*[，,。\s]\s*(?=(?:我|而|就|只)*(?:是|想|要))"
    r"|\b(?:not|dont want|dont need)\b[^,.;!?]*[,.;]\s*(?=(?:but|i|just)\b)",
    re.IGNORECASE,
)
"""What somebody says they do not mean, before they say what they do: 不是要退货，是要换货."""

ASKING = re.compile(
    "[吗呢么]|怎么|怎样|如何|咋|什么|啥|多少|多久|多长|几|哪|谁|要钱|可不可以|能不能|能否|是不是|有没有|会不会|要不要|行不行|是否|[能行]不|不$"
    r"|\b(?:how|what|when|where|which|who|why|can|could|do|does|is|are)\b",
    re.IGNORECASE,
)

MANNER = re.compile(
    "怎么|怎样|如何|咋|什么|啥|哪"
    r"|\b(?:how(?! about| long| much| many| soon)|what(?! about| if)|where|which|who)\b",
    re.IGNORECASE,
)
"""Words of a question that is whole: it says by itself what it wants to know."""


@frozen
class Unit:
    """One character of Chinese, or one other word.

    `words` stand for it in the index, any may do. Where none of them is known, `halves` may: pairs with a filler (想退
    is no word, but 退了 may be all there is). A `character` that is misspelt stands there by itself at best.
    `weight` is what it says of the subject: 2 a word, 1 a character, 0 a filler; a `vague` one says little.
    """

    words: tuple[str, ...]
    halves: tuple[str, ...]
    character: str
    weight: int
    vague: bool = False

    def stands_in(self, text: str) -> bool:
        """Whether a text has it, as it is written here."""
        pairs = self.words or tuple(half for half in self.halves if len(half) > 1)
        return any(word.rstrip("s") in text.lower() for word in pairs or (self.character,))


def plain(text: str) -> str:
    """The text as it is searched: in small letters, without apostrophes, without what it says it does not mean."""
    return DENIED.sub(" ", text.lower().replace("'", "").replace("’", ""))


def letters_of(text: str) -> str:
    """A text without blanks and punctuation, in small letters."""
    return re.sub(r"[\W_]+", "", text.lower())


def units_of(text: str) -> list[Unit]:
    """The units of a plain text, in order."""
    fillers = _fillers(text)
    return [unit for run in RUN.finditer(text) for unit in _units(run, fillers)]


def _units(run: re.Match[str], fillers: set[int]) -> Iterator[Unit]:
    places = range(*run.span())
    if not is_chinese(run[0]):
        yield Unit((run[0],), (), "", 0 if run[0].isdigit() or fillers.issuperset(places) else 2)
        return
    pairs = _pairs(run[0])
    for number, (place, character) in enumerate(zip(places, run[0], strict=True)):
        around = {near: pairs[min(near, number)] for near in (number - 1, number + 1) if 0 <= near < len(run[0])}
        if place in fillers:
            yield Unit(tuple(around.values()), (), character, 0)
            continue
        whole = tuple(pair for near, pair in around.items() if places[near] not in fillers)
        halves = tuple(pair for near, pair in around.items() if places[near] in fillers)
        alone = () if whole else (character,)
        yield Unit(whole, (*halves, *alone), character, 1, vague=character in VAGUE)


def subject_of(message: str) -> list[Unit]:
    """What a message is about, in order; nothing if it only carries a question."""
    return [unit for unit in units_of(plain(message)) if unit.weight]


def asks(message: str) -> bool:
    """Whether it has a word that asks."""
    return ASKING.search(plain(message)) is not None


def is_whole(message: str) -> bool:
    """Whether it says by itself what it wants to know, such as how or where."""
    return MANNER.search(plain(message)) is not None


def clauses_of(text: str) -> list[str]:
    """The clauses of a plain text that have a word in them."""
    return [clause for clause in CLAUSE_END.split(text) if RUN.search(clause)]


def questions_of(text: str) -> list[str]:
    """The clauses of a plain text that ask something."""
    ends = [found.end() for found in CLAUSE_END.finditer(text)]
    clauses = [text[start:end] for start, end in pairwise((0, *ends, len(text)))]
    return [
        clause for clause in clauses if RUN.search(clause) and (ASKING.search(clause) or clause.strip()[-1] in "?？")
    ]


def asked_words(phrase: str) -> list[str]:
    """The words of the index for a way to ask: pairs and single characters of Chinese, and other words. What only
    carries the question is left out, so that a short phrase counts as a short one."""
    text = plain(phrase)
    fillers = _fillers(text)
    words = []
    for run in RUN.finditer(text):
        places = range(*run.span())
        if not is_chinese(run[0]):
            words.append(run[0])
            continue
        carriers = set() if fillers.issuperset(places) else fillers
        words += [character for place, character in zip(places, run[0], strict=True) if place not in fillers]
        words += [
            pair for place, pair in zip(places, _pairs(run[0]), strict=False) if not {place, place + 1} <= carriers
        ]
    return words


def said_words(text: str) -> list[str]:
    """The words of the index for an answer."""
    return [word for run in RUN.findall(plain(text)) for word in (_pairs(run) if is_chinese(run) else (run,))]


def is_chinese(run: str) -> bool:
    """Whether a run is one of Chinese characters."""
    return "\u3400" <= run[0] <= "\u9fff"


def _fillers(text: str) -> set[int]:
    return {place for found in FILLERS.finditer(text) for place in range(*found.span())}


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)]
