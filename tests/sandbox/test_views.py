"""Markdown as the chat page shows it: what DingTalk renders, and nothing that comes alive."""

from actors.sandbox.views import render


def test_a_line_break_of_dingtalks_cards_breaks_the_line() -> None:
    assert render("一<br>二<br/>三").count("<br />") == 2


def test_a_line_break_in_code_is_code() -> None:
    assert "&lt;br&gt;" in render("`<br>`")


def test_all_other_html_is_text() -> None:
    assert "<b>" not in render("<b>x</b> <br onload=x>")
