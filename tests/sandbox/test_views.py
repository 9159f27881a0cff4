"""Markdown as the chat page shows it: what DingTalk renders, and nothing that comes alive."""

from actors.sandbox.views import plain, render


def test_a_line_break_of_dingtalks_cards_breaks_the_line() -> None:
    assert render("一<br>二<br/>三").count("<br />") == 2


def test_a_line_break_in_code_is_code() -> None:
    assert "&lt;br&gt;" in render("`<br>`")


def test_all_other_html_is_text() -> None:
    assert "<b>" not in render("<b>x</b> <br onload=x>")


def test_the_words_alone_stand_on_one_line() -> None:
    assert plain("# 退货\n\n- 在**七天**内\n- [这里](https://example.com) `<b>`<br>写") == "退货 在七天内 这里 <b> 写"
