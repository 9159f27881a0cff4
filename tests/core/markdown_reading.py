"""How the tests read Markdown: by a real parser, and by letters alone; and what they have read.

`markups` are scraps of Markdown thrown together, `documents` are well-formed ones, with plain words in between.
"""

import html
import re

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""As much as a client might know; HTML is on, so that a tag which comes through is seen."""

SCRAPS = (
    *"ab12中文：“”。 \t\n*_`#>|[]()<&;\\!:=~-",
    *("\n\n", "    ", "**", "***", "__", "~~", "``", "```", "~~~", "## ", "- ", "+ ", "* ", "1. ", "2) ", "> ", "---"),
    *("===", "| a | b |\n|---|---|\n", "|--|", "](", "](http://x)", "](dtmd://x)", "![", "<br>", "<br/>", "</b>"),
    *("<div", "<http://a.b>", "&lt;", "[x] ", "[ ] ", "[a]: ", "dtmd://", "$$", "\r\n", "\x00", "\ud83d", "\ude00"),
)

markups = st.lists(st.sampled_from(SCRAPS), max_size=30).map("".join) | st.text()

words = st.lists(st.sampled_from(["价格", "订单", "云", "hello", "x1", "run", "9"]), min_size=1, max_size=3).map(
    " ".join
)


def _spans() -> st.SearchStrategy[str]:
    wrapped = st.sampled_from(
        [
            "{}",
            "**{}**",
            "*{}*",
            "`{}`",
            "~~{}~~",
            "**注意：**{}",
            "[{}](https://a.b/c_d_e)",
            "**[{}](http://a.b)**",
            "[`{}`](http://a.b)",
            "![{}](https://a.b/c.png)",
            "{}<br>云",
        ]
    )
    span = st.builds(lambda wrap, inner: wrap.format(inner), wrapped, words)
    return st.lists(span, min_size=1, max_size=3).map(" ".join)


spans = _spans()


@st.composite
def _tables(draw: st.DrawFn) -> str:
    columns = draw(st.integers(1, 3))
    row = st.lists(spans, min_size=columns, max_size=columns)
    delimiters = draw(st.lists(st.sampled_from(["---", ":--", ":-:", "-:"]), min_size=columns, max_size=columns))
    rows = [draw(row), delimiters, *draw(st.lists(row, max_size=2))]
    return "\n".join(f"|{'|'.join(cells)}|" for cells in rows)


def _lines(line: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(line, min_size=1, max_size=3).map("\n".join)


blocks = st.one_of(
    _lines(spans),
    st.builds(lambda level, text: f"{'#' * level} {text}", st.integers(1, 6), spans),
    st.builds(lambda text: f"{text}\n=====", words),
    _lines(
        st.builds(lambda bullet, text: f"{bullet} {text}", st.sampled_from(["-", "*", "+", "- [x]", "- [ ]"]), spans)
    ),
    _lines(st.builds(lambda outer, inner: f"1. {outer}\n   - {inner}\n   1. {inner}", spans, words)),
    _lines(spans.map(lambda text: f"> {text}")),
    st.builds(
        lambda code: f"```py\n{code}\n```", _lines(st.builds(str.__add__, words, st.sampled_from(["", " *", " |"])))
    ),
    st.sampled_from(["---", "***"]),
    _tables(),
)

documents = st.lists(blocks, min_size=1, max_size=3).map("\n\n".join)


def letters(markdown: str) -> str:
    """The letters and digits of a text, whatever its markup; boxes of tasks count as they are written."""
    text = markdown.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = re.sub(r"<br[ \t]*/?>", "\n", html.unescape(text), flags=re.IGNORECASE)
    return "".join(filter(str.isalnum, text.replace("☑", "x")))


def tokens(markdown: str) -> list[Token]:
    """Every token that the parser finds, those within lines too."""
    return [token for block in PARSER.parse(markdown) for token in (block, *(block.children or []))]


def visible(markdown: str) -> str:
    """What a person reads, without blanks: numbers of lists too; a picture counts by what stands in its place."""
    shown = {"text", "text_special", "code_inline", "fence", "code_block", "image"}
    read = (
        token.info if token.type == "list_item_open" else token.content * (token.type in shown)
        for token in tokens(markdown)
    )
    return re.sub(r"\s|\u200b", "", "".join(read))


def goes_on_beneath(markdown: str) -> bool:
    """Whether a paragraph that follows is one: no fence, quote, list, table or HTML above has swallowed it."""
    *_, opening, inline, _closing = PARSER.parse(f"{markdown}\n\nbeneath")
    return opening.type == "paragraph_open" and opening.level == 0 and inline.content == "beneath"
