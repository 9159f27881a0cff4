"""Each construct of Markdown, and whole answers as models write them: what becomes of them."""

from textwrap import dedent

import pytest

from actors.core.markdown import Dialect, presentable

Case = tuple[str, str]

IN_CARDS: dict[str, Case] = {
    "a newline is a line break": ("第一行\n第二行", "第一行<br>第二行"),
    "a hard break by blanks is one line break": ("第一行  \n第二行", "第一行<br>第二行"),
    "a hard break by backslash is one line break": ("first\\\nsecond", "first<br>second"),
    "a backslash at the end is text": ("C:\\dir\\", "C:\\dir&#92;"),
    "a written break is spelled in one way": ("a<BR/>b<br />c", "a<br>b<br>c"),
    "paragraphs stay apart by one blank line": ("一\n\n\n\n二", "一\n\n二"),
    "line ends of other systems are newlines": ("a\r\nb\rc\x0bd\u2028e", "a<br>b<br>c<br>d<br>e"),
    "blanks around are nothing": ("\n\n  好\t\n", "好"),
    "five levels of headings": ("##### 五\n\n###### 六", "##### 五\n\n##### 六"),
    "a heading closed behind": ("## 标题 ##", "## 标题"),
    "a heading's own mark at its end": ("# 学 C#", "# 学 C#"),
    "a hash without a blank is a topic": ("#话题 你好", "#话题 你好"),
    "a heading underlined by ===": ("标题\n====", "# 标题"),
    "--- beneath a line is a rule": ("就这些。\n---\n再见", "就这些。\n\n***\n\n再见"),
    "=== beneath two lines is text": ("一\n二\n===", "一<br>二<br>&#61;=="),
    "a rule is made of stars": ("- - -", "***"),
    "a heading stands apart": ("文\n# 题\n文", "文\n\n# 题\n\n文"),
    "a list stands apart": ("清单：\n- 一\n* 二\n+ 三\n完", "清单：\n\n- 一\n* 二\n- 三\n\n完"),
    "a list with blank lines keeps them": ("1. 一\n\n2. 二", "1. 一\n\n2. 二"),
    "numbers stay as they are": ("3) 三\n7) 七", "3. 三\n7. 七"),
    "a year is no bullet": ("2024年", "2024年"),
    "an item over two lines": ("1. **题**\n   内容\n2. 二", "1. **题**<br>内容\n2. 二"),
    "an item of two paragraphs": ("- 一\n\n  又\n- 二", "- 一\n\n    又\n- 二"),
    "bullets nest by four blanks": ("- a\n  - b\n    - c\n- d", "- a\n    - b\n        - c\n- d"),
    "bullets nest by three blanks or a tab": ("1. a\n   - b\n2. c\n\t- d", "1. a\n    - b\n2. c\n    - d"),
    "bullets of the wrong depth find their place": ("- a\n      - b\n    - c", "- a\n    - b\n    - c"),
    "a list below a hundred is indented enough": ("100. a\n     - b", "100. a\n     - b"),
    "ordered lists do not nest": ("1. a\n   1. b\n   2. c\n2. d", "1. a\n    - (1) b\n    - (2) c\n2. d"),
    "a bullet alone waits for its text": ("-\n  a\n- b", "- a\n- b"),
    "a bullet alone stays alone": ("-\n\n  a", "-\n\na"),
    "dashes behind a bullet are no rule": ("+ ---", "- &#45;--"),
    "tasks have boxes": ("- [ ] 做\n- [x] 完\n1. [X] 也完", "- ☐ 做\n- ☑ 完\n1. ☑ 也完"),
    "a quote's lines stay together": ("> 一\n> 二\n完", "> 一<br>二\n\n完"),
    "a quote's paragraphs stay in it": ("> 一\n>\n> 二", "> 一\n>\n> 二"),
    "two quotes stay two": ("> 一\n\n> 二", "> 一\n\n> 二"),
    "a list ends with its quote": ("> - a\n\n>   b", "> - a\n\n> b"),
    "quotes nest": ("> 一\n>> 二\n> 三", "> 一\n>\n>> 二\n>\n> 三"),
    "a quote holds a list": ("> 看：\n> - a\n>   - b", "> 看：\n>\n> - a\n>     - b"),
    "a quote in a list stands at the margin": ("- a\n  > b\n- c", "- a\n\n> b\n\n- c"),
    "a fence of tildes": ("~~~python\nx = 1\n~~~", "```python\nx = 1\n```"),
    "backticks in a fence of tildes do not end it": ("~~~\n```\n~~~", "```\n    ```\n```"),
    "a longer fence keeps shorter ones": ("````md\n```\n````", "````md\n```\n````"),
    "a fence in a list stands at the margin": (
        "1. 运行\n   ```sh\n   a\n     b\n   ```\n   再看\n2. 完",
        "1. 运行\n\n```sh\na\n  b\n```\n\n再看\n\n2. 完",
    ),
    "what follows a fence in a list is no code": ("- a\n\n    ```\n    x\n    ```\n\n    b", "- a\n\n```\nx\n```\n\nb"),
    "code below a fence in a list": (
        "- a\n  ```\n  x\n  ```\n  b\n\nc\n\n    d",
        "- a\n\n```\nx\n```\n\nb\n\nc\n\n```\nd\n```",
    ),
    "a tab in code that is moved": ("- a\n  ```\n\tx\n  ```", "- a\n\n```\n\tx\n```"),
    "bars behind a fence make no table": ("```a|b\n|-|-|\n```", "```a&#124;b\n|-|-|\n```"),
    "a fence right behind a bullet": ("- ```\n  a\n  ```", "-\n\n```\na\n```"),
    "a fence in a quote ends with it": ("> ```\n> a\n\nb", "> ```\n> a\n> ```\n\nb"),
    "a fence that is not closed is closed": ("```\na <b> *c*", "```\na <b> *c*\n```"),
    "indented code": ("Run:\n\n    a *b*\n\n      c\n\nDone", "Run:\n\n```\na *b*\n\n  c\n```\n\nDone"),
    "an indented Chinese letter is none": ("尊敬的客户：\n\n    您好！", "尊敬的客户：\n\n您好！"),
    "code within a line keeps what is in it": ("`a*b` <i> ``c`d``", "`a*b` &lt;i> ``c`d``"),
    "an escaped backtick begins no code": ("\\`a`", "\\`a&#96;"),
    "a lone backtick is text": ("a ` b\nc ` d", "a &#96; b<br>c &#96; d"),
    "a table stands apart and has its blanks": (
        "看：\n|a|b|c|d|\n|-|:-|:---:|--:|\n|1|2|3|4|\n完",
        "看：\n\n| a | b | c | d |\n| :- | :- | :-: | -: |\n| 1 | 2 | 3 | 4 |\n\n完",
    ),
    "a table without bars at its sides": ("a | b\n--- | ---\n1 | 2", "| a | b |\n| :- | :- |\n| 1 | 2 |"),
    "a table is filled up, and loses no cell": (
        "|a|b|\n|-|-|\n|1|\n|1|2|3|",
        "| a | b |\n| :- | :- |\n| 1 |  |\n| 1 | 2 \\| 3 |",
    ),
    "a bar at the end of a row": ("|a|\n|-|\n|x \\|", "| a |\n| :- |\n| x \\| |"),
    "a bar in a cell": ("|a|\n|-|\n|x \\| y|", "| a |\n| :- |\n| x \\| y |"),
    "a table in a list stands at the margin": ("- 看\n  |a|\n  |-|\n  |1|", "- 看\n\n| a |\n| :- |\n| 1 |"),
    "bars alone make no table": ("a | b\nc | d", "a | b<br>c | d"),
    "HTML is shown": ("<details>\n<!-- x -->\n<b>y</b>", "&lt;details><br>&lt;!-- x --><br>&lt;b>y&lt;/b>"),
    "less than is less than": ("1 < 2, a<b, <3, c<<d", "1 < 2, a&lt;b, <3, c&lt;&lt;d"),
    "an escaped tag is shown too": ("\\<br>", "&lt;br>"),
    "references stay": ("&lt;b&gt; &nbsp; &#169;", "&lt;b&gt; &nbsp; &#169;"),
    "reasoning in the text is text": ("<think>嗯</think>好", "&lt;think>嗯&lt;/think>好"),
    "a mention of a card is shown": ('<a atId="all">所有人</a> <@all>', '&lt;a atId="all">所有人&lt;/a> &lt;@all>'),
    "a plain @ stays": ("请 @所有人 或 @all", "请 @所有人 或 @all"),
    "web links stay": ("[a](https://b.c/d_e_f(g)) [m](mailto:a@b.c)", "[a](https://b.c/d_e_f(g)) [m](mailto:a@b.c)"),
    "a link with a title stays": ('[a](http://b.c "d")', '[a](http://b.c "d")'),
    "a link that sends in the person's name is text": (
        "[帮助](dtmd://dingtalkclient/sendMessage?content=a)",
        "[帮助] (dtmd:\u200b//dingtalkclient/sendMessage?content=a)",
    ),
    "a link into the client is text": ("[a](DingTalk://x)", "[a] (DingTalk:\u200b//x)"),
    "a script is text": ("[a](javascript:b) [c]( JaVaScRiPt:d)", "[a] (javascript:b) [c] ( JaVaScRiPt:d)"),
    "a disguised script is text": (
        "[a](java&#115;cript:b) [c](<javascript:d>)",
        "[a] (java&#115;cript:b) [c] (&lt;javascript:d>)",
    ),
    "a relative link is text": ("[a](/b)", "[a] (/b)"),
    "a bare action is text": ("打开 dtmd://a", "打开 dtmd:\u200b//a"),
    "an automatic link is bare": ("见<https://a.b/c>。<x@y.z>", "见https://a.b/c 。x@y.z"),
    "a reference link is shown with where it leads": ("[a][1]\n\n[1]: http://b.c", "[a][1]\n\n[1]&#58; http://b.c"),
    "a remark in brackets is not swallowed": ("[注意]: 必读", "[注意]&#58; 必读"),
    "a footnote is shown": ("看[^1]\n\n[^1]: 注", "看[^1]\n\n[^1]&#58; 注"),
    "web pictures stay": ("![a](https://b.c/d.png)", "![a](https://b.c/d.png)"),
    "uploaded pictures stay": ("![a](@lADPDetfXH_Pn3H)", "![a](@lADPDetfXH_Pn3H)"),
    "other pictures are text": ("![图](./a.png)", "[图] (./a.png)"),
    "a picture in the text is not dumped": (
        "![图](data:image/png;base64,iVBORw0KGgo=)",
        "[图] (data:image/png;base64,…)",
    ),
    "bold before Chinese": ("**注意：**请看**“这里”**吧", "**注意：** 请看 **“这里”** 吧"),
    "bold that is not closed": ("**a<br>**文", "**a<br>**文"),
    "powers are not bold": ("2**(3+4)，f(**a, **b)", "2**(3+4)，f(**a, **b)"),
    "formulas stay": ("$$x_1 + \\frac{a}{b}$$", "$$x_1 + \\frac{a}{b}$$"),
    "escapes stay": ("\\*a\\* \\# 1\\. b", "\\*a\\* \\# 1\\. b"),
    "strikethrough and expressions stay": ("~~旧价~~ [微笑]", "~~旧价~~ [微笑]"),
    "control characters go": ("a\x00b\x1b[31mc", "ab[31mc"),
    "halves of a character are put together": ("\ud83d\ude00 \ud83d", "\U0001f600 \ufffd"),
}

IN_MESSAGES: dict[str, Case] = {
    "a newline is a line break": ("第一行\n第二行", "第一行  \n第二行"),
    "a written break is a newline": ("a<br>b", "a  \nb"),
    "what follows a written break is text": (
        "a<br># b<br>- c<br>| d |<br>1. e",
        "a  \n&#35; b  \n&#45; c  \n&#124; d |  \n&#49;. e",
    ),
    "a backslash before a written break is text": ("a\\ <br>b", "a&#92;  \nb"),
    "breaks stay in their quote": ("> 一\n> 二", "> 一  \n> 二"),
    "breaks stay in their item": ("- 一\n  二", "- 一  \n    二"),
    "six levels of headings": ("###### 六", "###### 六"),
    "a rule is made of dashes": ("***", "---"),
    "a table is a list of its rows": (
        "看：\n| 套餐 | 价格 |\n|---|:-:|\n| 基础 | **10** |\n| 高级<br>版 | `a|b` |\n\n完",
        "看：\n\n套餐 | 价格\n\n- 基础 | **10**\n- 高级 版 | `a | b`\n\n完",
    ),
    "a table's head is no heading": ("| # | 名 |\n|---|---|\n| 1 | a |", "&#35; | 名\n\n- 1 | a"),
    "tags are no tags in code either": ("`<b>`\n\n```\n<div>\n1 < 2\n```", "`&lt;b>`\n\n```\n&lt;div>\n1 < 2\n```"),
}


@pytest.mark.parametrize(("text", "shown"), IN_CARDS.values(), ids=IN_CARDS.keys())
def test_in_a_card(text: str, shown: str) -> None:
    assert presentable(text) == shown


@pytest.mark.parametrize(("text", "shown"), IN_MESSAGES.values(), ids=IN_MESSAGES.keys())
def test_in_a_message(text: str, shown: str) -> None:
    assert presentable(text, dialect=Dialect.MESSAGE) == shown


def test_nothing_is_nothing() -> None:
    assert presentable("") == ""


@pytest.mark.parametrize("scrap", ["> ", ">", "- ", "1. ", "[", "![", "(", "**", "<"])
def test_ten_thousand_nested_marks_are_survived(scrap: str) -> None:
    assert "好" in presentable(f"{scrap * 10_000}好")


def test_quotes_deeper_than_any_reader_are_shown_at_the_deepest() -> None:
    assert presentable(f"{'>' * 100} 好").startswith(">" * 8 + " ")


def test_lists_deeper_than_any_reader_are_shown_at_the_deepest() -> None:
    text = "\n".join(f"{'  ' * depth}- 好" for depth in range(100))
    assert presentable(text).split("\n")[-1] == f"{' ' * 28}- 好"


CHINESE_ANSWER = dedent("""\
    好的！以下是**三种套餐**的对比：
    | 套餐 | 价格（元/月） | 说明 |
    |:-----|------:|:---:|
    | 基础版 | 99 | 适合个人<br>含 1 个账号 |
    | 专业版 | 299 | **推荐** |
    **注意：**价格不含税。

    ### 如何升级

    1. 登录[控制台](https://example.com/console)
       - 企业用户：选择「组织」
       - 个人用户：
         1. 打开设置
         2. 点击 `账户`
    2. 执行命令：
       ```bash
       shopctl upgrade --plan pro  # 注意 * 与 |
       ```
    3. 等待约 5 分钟

    > 如有疑问，请联系客服。
    > 工作时间 9:00–18:00
    ---
    还有其他问题吗？""")

CHINESE_CARD = dedent("""\
    好的！以下是**三种套餐**的对比：

    | 套餐 | 价格（元/月） | 说明 |
    | :- | -: | :-: |
    | 基础版 | 99 | 适合个人<br>含 1 个账号 |
    | 专业版 | 299 | **推荐** |

    **注意：** 价格不含税。

    ### 如何升级

    1. 登录[控制台](https://example.com/console)
        - 企业用户：选择「组织」
        - 个人用户：
            - (1) 打开设置
            - (2) 点击 `账户`
    2. 执行命令：

    ```bash
    shopctl upgrade --plan pro  # 注意 * 与 |
    ```

    3. 等待约 5 分钟

    > 如有疑问，请联系客服。<br>工作时间 9:00–18:00

    ***

    还有其他问题吗？""")

ENGLISH_ANSWER = dedent("""\
    # Returns

    Here's how *returns* work:

    1. **Open** your order

       Use the `Orders` tab.
    2. Choose a reason:
      * damaged
      * wrong size

    | Reason | Who pays? |
    | --- | --- |
    | damaged | us |
    | wrong size | you |

    - [x] within 30 days
    - [ ] unopened

    See <https://example.com/returns> or [write to us](mailto:help@example.com).
    <b>Thanks!</b>""")

ENGLISH_CARD = dedent("""\
    # Returns

    Here's how *returns* work:

    1. **Open** your order

        Use the `Orders` tab.
    2. Choose a reason:
        * damaged
        * wrong size

    | Reason | Who pays? |
    | :- | :- |
    | damaged | us |
    | wrong size | you |

    - ☑ within 30 days
    - ☐ unopened

    See https://example.com/returns or [write to us](mailto:help@example.com).<br>&lt;b>Thanks!&lt;/b>""")


@pytest.mark.parametrize(("answer", "card"), [(CHINESE_ANSWER, CHINESE_CARD), (ENGLISH_ANSWER, ENGLISH_CARD)])
def test_a_whole_answer(answer: str, card: str) -> None:
    assert presentable(answer) == card
