"""A talk goes on: a follow-up stays with its subject, a fresh question is never dragged to it, a number picks."""

import pytest

from actors.agents import faq_talk as talk
from actors.agents.faq import OFFERED
from actors.agents.faq_folder import Entry
from actors.agents.faq_text import DID_YOU_MEAN, DO_NOT_KNOW, WELCOME
from actors.core.question import Turn
from tests.agents.shop import ENTRIES, SHOP, cited, offered, phrasings, said

STAYS = (
    # What was said, the follow-up, the entry that it stays with.
    (("退款多久到账？",), "那信用卡呢？", "退款多久到账？"),
    (("退款多久到账？",), "信用卡呢", "退款多久到账？"),
    (("退款多久到账？",), "那信用卡要多久", "退款多久到账？"),
    (("退款多久到账？",), "and for a credit card?", "退款多久到账？"),
    (("when will I get my refund",), "what about Alipay?", "退款多久到账？"),
    (("退款多久到账？",), "为什么要这么久", "退款多久到账？"),
    (("退款多久到账？", "那信用卡呢？"), "支付宝呢？", "退款多久到账？"),
    (("退款多久到账？", "谢谢"), "那信用卡呢", "退款多久到账？"),
    (("退款多久到账？", "好的", "嗯嗯"), "支付宝呢？", "退款多久到账？"),
    (("退款多久到账？",), "好的，那信用卡呢？", "退款多久到账？"),
    (("退款多久到账？",), "支付宝余额当天能到账？", "退款多久到账？"),
    (("怎么退货？",), "要多久？", "怎么退货？"),
    (("怎么退货？",), "为什么", "怎么退货？"),
    (("怎么退货？",), "那要运费吗", "怎么退货？"),
    (("怎么退货？",), "运费呢？", "怎么退货？"),
    (("怎么退货？",), "那运费谁出", "怎么退货？"),
    (("怎么退货？",), "好的，那要运费吗", "怎么退货？"),
    (("how do I return something",), "how long?", "怎么退货？"),
    (("怎么取消订单？",), "那已经发货了呢", "怎么取消订单？"),
    (("怎么取消订单？",), "如果已经发货了", "怎么取消订单？"),
    (("运费是多少？",), "新疆呢？", "运费是多少？"),
    (("运费是多少？",), "那大件呢", "运费是多少？"),
    (("保修多久？怎么维修？",), "那家具呢？", "保修多久？怎么维修？"),
    (("提供安装吗？",), "多少钱", "提供安装吗？"),
    (("提供安装吗？",), "要钱吗", "提供安装吗？"),
    (("怎么清洗和保养？",), "and silk?", "怎么清洗和保养？"),
    (("怎么成为会员？会员有什么好处？",), "生日券呢", "怎么成为会员？会员有什么好处？"),
    (("营业时间是几点到几点？",), "春节呢", "营业时间是几点到几点？"),
    (("送货上门吗？可以约送货时间吗？",), "没有电梯呢？", "送货上门吗？可以约送货时间吗？"),
)

FRESH = (
    # What was said, the next question, the entry of its own that answers it.
    (("退款多久到账？",), "怎么开发票？", "怎么开发票？"),
    (("退款多久到账？",), "那发票呢？", "怎么开发票？"),
    (("退款多久到账？",), "那怎么退货？", "怎么退货？"),
    (("退款多久到账？",), "那多久发货？", "下单后多久发货？"),
    (("退款多久到账？",), "可以用信用卡付款吗", "支持哪些支付方式？"),
    (("退款多久到账？",), "信用卡可以分期吗", "支持哪些支付方式？"),
    (("退款多久到账？", "今天天气怎么样"), "那信用卡呢", "支持哪些支付方式？"),
    (("退款多久到账？",), "我不想要了，可以退吗", "怎么退货？"),
    (("怎么取消订单？",), "那怎么退货呢？", "怎么退货？"),
    (("怎么取消订单？",), "那可以退货吗", "怎么退货？"),
    (("怎么退货？",), "那换货呢", "怎么换货？"),
    (("怎么退货？",), "运费是多少？", "运费是多少？"),
    (("怎么退货？",), "那运费是多少", "运费是多少？"),
    (("怎么退货？",), "还有货吗", "没货了什么时候补货？"),
    (("怎么退货？",), "and how do I pay?", "支持哪些支付方式？"),
    (("怎么退货？",), "what about an invoice?", "怎么开发票？"),
    (("运费是多少？",), "能寄到香港吗", "可以寄到国外或港澳台吗？"),
    (("运费是多少？",), "那香港呢", "可以寄到国外或港澳台吗？"),
    (("保修多久？怎么维修？",), "那怎么联系人工", "怎么联系人工客服？"),
    (("怎么查询物流？",), "怎么还没发货呢", "下单后多久发货？"),
    ((), "那信用卡呢", "支持哪些支付方式？"),
)

NOT_KNOWN = (
    # What was said, and a message that nothing answers: neither an entry of its own nor the one before.
    (("退款多久到账？",), "那比特币呢？"),
    (("支持哪些支付方式？",), "那比特币呢？"),
    (("退款多久到账？",), "今天天气怎么样"),
    (("怎么退货？",), "那我的猫呢"),
    (("怎么退货？",), "推荐一部电影呢"),
    (("怎么退货？",), "and who is the president?"),
    (("营业时间是几点到几点？",), "多少钱？"),
    (("怎么退货？",), "？？？"),
    (("怎么退货？",), "🙂"),
    (("怎么退货？",), "啊啊啊"),
    (("谢谢",), "要多久"),
    ((), "要多久"),
    ((), "为什么"),
)


@pytest.mark.parametrize(("before", "message", "entry"), STAYS)
def test_a_follow_up_stays_with_its_subject(before: tuple[str, ...], message: str, entry: str) -> None:
    assert cited(SHOP.reply(message, said(*before)))[:1] == [entry]


@pytest.mark.parametrize(("before", "message", "entry"), FRESH)
def test_a_fresh_question_is_answered_by_its_own_entry(before: tuple[str, ...], message: str, entry: str) -> None:
    assert cited(SHOP.reply(message, said(*before)))[:1] == [entry]


@pytest.mark.parametrize(("before", "message"), NOT_KNOWN)
def test_what_is_not_known_is_not_known_in_a_talk_either(before: tuple[str, ...], message: str) -> None:
    reply = SHOP.reply(message, said(*before))
    assert reply.startswith((DO_NOT_KNOW, DID_YOU_MEAN))
    assert not cited(reply)


@pytest.mark.parametrize("last", ENTRIES, ids=lambda entry: entry.question)
def test_no_heading_is_dragged_to_what_was_answered_last(last: Entry) -> None:
    before = said(last.question)
    dragged = [entry.question for entry in ENTRIES if SHOP.reply(entry.question, before) != SHOP.reply(entry.question)]
    assert dragged == []


@pytest.mark.parametrize("last", ["退款多久到账？", "怎么退货？", "运费是多少？", "支持哪些支付方式？"])
def test_no_question_in_peoples_words_is_dragged_to_what_was_answered_last(last: str) -> None:
    before = said(last)
    asked = phrasings("answered")[::2]
    assert [one for one, entry in asked if cited(SHOP.reply(one, before))[:1] != [entry]] == []


def test_a_follow_up_hears_the_lines_that_it_asks_for() -> None:
    assert SHOP.reply("那信用卡呢？", said("退款多久到账？")).startswith(
        "关于「退款多久到账？」：\n\n- 信用卡：3–7 个工作日\n\n来源：退换货与保修 · 退款多久到账？"
    )


def test_who_asks_how_long_hears_the_lines_with_a_time() -> None:
    reply = SHOP.reply("要多久？", said("怎么退货？"))
    assert "24 小时内" in reply
    assert "退货运费" not in reply


def test_who_asks_in_english_hears_the_english_lines() -> None:
    reply = SHOP.reply("how long?", said("how do I return something"))
    assert "Within 7 days" in reply
    assert "24 小时" not in reply


def test_who_asks_why_hears_that_this_is_all_there_is() -> None:
    reply = SHOP.reply("为什么", said("怎么退货？"))
    assert reply.startswith("关于「怎么退货？」，资料里只有这些")
    assert "签收后 **7 天内**" in reply


def test_rows_of_a_table_are_not_torn_out_of_it() -> None:
    reply = SHOP.reply("竹枝呢？", said("怎么成为会员？会员有什么好处？"))
    assert reply.count("\n| ") > 3


def test_what_fits_by_itself_is_offered_after_a_follow_up() -> None:
    assert "支持哪些支付方式？" in offered(SHOP.reply("那信用卡呢？", said("退款多久到账？")))


PICKS = {
    1: "1|１|①|1️⃣|1.|一|第一个|第1个|第一个吧|我想问第一个|选1|1号|the first one|option 1|no. 1",
    2: "2|二|第二个|第2个问题|第二条|2吧|那第二个呢|选第二个|the second one|number 2|#2|second|2 please",
    3: "3|第三个|third",
    4: "4|第四个|最后一个|最后一条|the last one|last",
}


@pytest.mark.parametrize(
    ("message", "number"), [(one, number) for number, all_ in PICKS.items() for one in all_.split("|")]
)
def test_a_number_picks_what_was_offered(message: str, number: int) -> None:
    before = said("怎么退货")
    offers = offered(before[0].answer)
    assert len(offers) == OFFERED
    assert cited(SHOP.reply(message, before)) == [offers[number - 1]]


@pytest.mark.parametrize("first", ["今天天气怎么样", "灯坏了", "怎么退货"])
def test_a_number_picks_whatever_the_reply_was(first: str) -> None:
    before = said(first)
    assert cited(SHOP.reply("1", before)) == offered(before[0].answer)[:1]


def test_a_pick_outlasts_thanks() -> None:
    before = said("怎么退货", "谢谢")
    assert cited(SHOP.reply("2", before)) == [offered(before[0].answer)[1]]


def test_what_was_picked_is_what_a_follow_up_stays_with() -> None:
    before = said("怎么退货", "2")
    assert cited(SHOP.reply("为什么", before)) == [offered(before[0].answer)[1]]


@pytest.mark.parametrize("message", ["9", "0", "第100个"])
def test_a_number_that_was_not_offered_is_asked_for_again(message: str) -> None:
    before = said("怎么退货")
    reply = SHOP.reply(message, before)
    assert reply.startswith(DID_YOU_MEAN)
    assert offered(reply) == offered(before[0].answer)


def test_a_number_without_an_offer_is_no_pick() -> None:
    assert SHOP.reply("2").startswith(DO_NOT_KNOW)


def test_only_the_last_answer_can_be_picked_from() -> None:
    before = said("怎么退货", "有线下门店吗？")
    assert not offered(before[1].answer)
    assert SHOP.reply("2", before).startswith(DO_NOT_KNOW)


@pytest.mark.parametrize("message", ["是的", "对", "yes", "嗯，就是这个"])
def test_yes_picks_the_only_thing_that_was_offered(message: str) -> None:
    before = (Turn("保真", f"{DID_YOU_MEAN}\n\n1. 是正品吗？材料安全吗？"),)
    assert cited(SHOP.reply(message, before)) == ["是正品吗？材料安全吗？"]


def test_yes_to_several_offers_is_asked_which() -> None:
    before = said("今天天气怎么样")
    assert offered(SHOP.reply("是的", before)) == offered(before[0].answer)


def test_a_question_with_a_number_in_it_is_no_pick() -> None:
    assert cited(SHOP.reply("满2件包邮吗", said("怎么退货"))) == ["运费是多少？"]


def test_what_another_agent_said_before_is_no_subject() -> None:
    before = (Turn("讲个笑话", "从前有座山。\n\n1. 山里有座庙\n2. 庙里有个和尚"),)
    assert SHOP.reply("2", before) == SHOP.reply("2")


SMALL_TALK = (
    "谢谢|谢谢你|谢谢您！|谢啦|多谢多谢|非常感谢|太感谢了|辛苦了|好的|好的谢谢|好嘞|好吧|嗯嗯|嗯嗯好的|知道了|明白了，谢谢你|收到|没事了"
    "|不用了谢谢|拜拜|好的谢谢，再见|👍|👌|🙏🙏|谢谢😊|thanks|Thank you!|thank you so much!|ok|OK thx|got it thanks"
    "|cool, thanks a lot|great|bye|no problem"
)

GREETINGS = (
    "你好|您好！|在吗|在不在|哈喽～|早上好|hi|Hello!|hey there|good morning|你是谁|你能做什么|你都会些什么|who are you?"
)


@pytest.mark.parametrize("message", SMALL_TALK.split("|"))
def test_thanks_get_a_friendly_word(message: str) -> None:
    assert SHOP.reply(message, said("怎么退货")) == WELCOME


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        ("谢谢，怎么开发票", "怎么开发票？"),
        ("好的，怎么退货", "怎么退货？"),
        ("ok, how do I return it", "怎么退货？"),
        ("没事了，订单怎么取消", "怎么取消订单？"),
        ("收到货了发现坏了", "收到的商品破损、少件或发错了怎么办？"),
        ("行，转人工", "怎么联系人工客服？"),
    ],
)
def test_a_question_after_thanks_is_answered(message: str, entry: str) -> None:
    assert cited(SHOP.reply(message))[:1] == [entry]


@pytest.mark.parametrize("message", GREETINGS.split("|"))
def test_a_greeting_is_greeted(message: str) -> None:
    assert cited(SHOP.reply(message)) == ["你好，你能做什么？"]


@pytest.mark.parametrize("message", ["你好，请问怎么退货？", "hello, how do I return something?", "早上好，我想退货"])
def test_a_question_after_a_greeting_is_answered(message: str) -> None:
    assert cited(SHOP.reply(message)) == ["怎么退货？"]


@pytest.mark.parametrize("message", ["好" * 200, "谢谢" * 100, "1" * 100])
def test_a_long_message_is_no_small_talk_and_no_pick(message: str) -> None:
    assert (talk.is_small_talk(message), talk.picked(message), talk.says_yes(message)) == (False, None, False)
