"""Markdown for DingTalk: what an agent wrote as cards and messages show it well, and what a person wrote made harmless.

The law: nothing that an agent says is lost and nothing is added, whatever it wrote and wherever a stream cuts it; what
a person wrote never comes alive. This package knows nothing of cards, messages or turns.

    characters.py   halves of characters, control characters, where a text may be cut
    lines.py        what a single line begins
    inline.py       what stands within a line
    tables.py       rows and cells
    blocks.py       what the lines make up: the one pass over a text
    echo.py         what a person wrote

A reader of lines, and no Markdown parser: it goes over the whole text at every update of a card, so it takes time in
proportion to the text (0.1 s for 100 kB of dense Markdown, a tenth of that for prose, 4 ms for an answer of 3 kB), and
what it made of the first lines does not depend on the later ones, so that a card does not flicker. What it writes is
plain enough for every renderer to read in the same way.

**What DingTalk renders.** Nothing of this could be tried; where sources disagree, the form is taken that reads well
both ways.

- Cards ("Markdown 变量", open.dingtalk.com): headings of five levels, bold, italic, `<br>`, paragraphs, links,
  pictures, `***`, quotes, nested bullets, ordered lists that do not nest, tables with a blank beside each bar, fences
  of three backticks. A newline is no line break there, `<br>` is (connector#580, #581). A table needs a blank line
  above (connector's `ensureTableBlankLines`). "AI卡片流式更新" asks for Markdown that is complete in every frame.
- Messages ("消息发送与接收类型"): headings of six levels, quotes, bold, italic, links, pictures, simple lists, and a
  newline with two blanks before it. Tables: shown by some clients and not by others (soimy#192, #358, #533, its pull
  request 562, dingtalk-workspace-cli#577). HTML was rendered on desktops even in code, and the message left blank on
  phones, unless written with character references (eryajf/chatgpt-dingtalk#213, of 2023); newer clients: not known.
- Both: a list needs a blank line above, a fence is seen at the left margin only (QwenPaw's `dingtalk/markdown.py`).
  Character references are in "常见问题" of robots; backslash escapes, setext headings, `~~~`, indented code, task
  lists, footnotes, LaTeX, strikethrough and reference links in no document.

(connector = DingTalk-Real-AI/dingtalk-openclaw-connector, soimy = soimy/openclaw-channel-dingtalk.)

**What is made of it.**

| written | shown in a card | in a message |
| --- | --- | --- |
| newline within a paragraph, hard break, `<br>` | `<br>` | two blanks and a newline |
| heading, also `# x #`, or underlined by `===` | `#`, five levels | `#`, six levels |
| `---` beneath a line | a rule, as models mean it, not a heading | the same |
| rule | `***` | `---` |
| table | a table, filled up, no cell lost; a blank line above | its head, and a list of its rows |
| ordered list within a list | bullets with `(1)`, `(2)` | the same |
| list item indented by two or more | nested by four blanks | the same |
| code, heading or table in a list | at the left margin | the same |
| unindented line below a list or quote | a paragraph of its own | the same |
| `~~~`, indented code (unless it is Chinese prose) | a fence of backticks | the same |
| task | ☐ or ☑ | the same |
| HTML, comments, `<@all>`, `<a atId=…>` | as text: `&lt;` | the same, in code too |
| link or picture that leads into the web, picture by `mediaId` | as it is | the same |
| any other link or picture, `[a](dtmd://…)` | `[a] (dtmd:…)`, the payload of `data:` left out | the same |
| `dtmd://…`, `dingtalk://…` in text | a zero-width space behind the colon | the same |
| `[a]: b` that a renderer would swallow | `&#58;` for the colon | the same |
| `**注意：**请` that CommonMark does not read as bold | a space that makes it bold | the same |
| emphasis, `~~x~~`, LaTeX, escapes, footnotes, `[微笑]` | as they are | the same |

`@all` and `@所有人` in an agent's text stay: a message mentions only whom its `at` names beside the text, a card only
whom `atUserIds` or `cardAtUserIds` names ("消息发送与接收类型", "创建并投放卡片"); what clients were seen to take for a
mention in the text alone, `<@…>` (dingtalk-workspace-cli#433), is shown as text. What a person wrote has no `@` at all.
Reasoning in `<think>` is the agents' to take out; here it is text, as all HTML is.
"""

from actors.core.markdown.blocks import Page
from actors.core.markdown.characters import blank, cleaned
from actors.core.markdown.echo import neutral
from actors.core.markdown.inline import Dialect

__all__ = ["Dialect", "blank", "cleaned", "neutral", "presentable"]


def presentable(text: str, *, growing: bool = False, dialect: Dialect = Dialect.CARD) -> str:
    """An agent's Markdown as DingTalk shows it well. Never raises, and takes time in proportion to the text.

    The letters and digits of the result are those of the text in their order (but for the payload of `data:` URLs),
    and it comes back unchanged when it is presented again.

    With `growing` the text is the beginning of one that goes on. What the cut left open is closed; what could still
    become another thing is held back: a mark at the beginning or end of the last line, half a link, tag or reference,
    the possible head of a table. What came out for the complete lines but the last of them is the beginning of what
    comes out for every longer text. What is shown of a well-formed text only ever grows.
    """
    return Page(cleaned(text, growing=growing).split("\n"), dialect, growing).presented()
