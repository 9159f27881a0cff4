"""Which proxy an address is reached through: the variables' values as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.proxies import Proxies, Proxy, password_in, read_proxy

HTTP = Proxy("HTTP_PROXY", "http", "plain.corp", 3128)
HTTPS = Proxy("HTTPS_PROXY", "http", "secure.corp", 3128)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://shop.test/a", HTTP),
        ("ws://shop.test/a", HTTP),
        ("https://shop.test/a", HTTPS),
        ("wss://shop.test/a", HTTPS),
        ("WSS://SHOP.TEST/a", HTTPS),
        ("ftp://shop.test/a", HTTP),
    ],
)
def test_a_websocket_goes_the_way_of_http(url: str, proxy: Proxy) -> None:
    assert Proxies(HTTP, HTTPS).to(url) is proxy


def test_without_a_proxy_there_is_none() -> None:
    assert Proxies(http=HTTP).to("https://shop.test") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/",
        "https://LOCALHOST./",
        "https://127.0.0.1:8443/",
        "wss://127.8.9.10/",
        "https://[::1]:8443/",
    ],
)
def test_this_machine_is_never_behind_a_proxy(url: str) -> None:
    assert Proxies(HTTP, HTTPS).to(url) is None


@pytest.mark.parametrize(
    ("spared", "url"),
    [
        ("*", "https://shop.test"),
        ("a.test,*", "https://shop.test"),
        ("shop.test", "https://shop.test/a?b"),
        ("shop.test", "https://SHOP.test./"),
        ("SHOP.test", "https://shop.test"),
        ("shop.test.", "https://shop.test"),
        ("shop.test", "wss://api.shop.test"),
        (".shop.test", "https://api.shop.test"),
        (".shop.test", "https://shop.test"),
        ("*.shop.test", "https://api.shop.test"),
        ("a.test, shop.test", "https://shop.test"),
        ("a.test shop.test", "https://shop.test"),
        ("shop.test:443", "https://shop.test"),
        ("shop.test:8443", "wss://api.shop.test:8443"),
        ("shop.test:80", "ws://shop.test"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("10.1.2.3:8443", "https://10.1.2.3:8443"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.0.0/8", "https://10.9.9.9"),
        ("2001:db8::/32", "https://[2001:db8::7]:8443"),
        ("2001:db8::7", "https://[2001:0db8::7]"),
        ("[2001:db8::7]", "https://[2001:db8::7]"),
        ("[2001:db8::7]:8443", "https://[2001:db8::7]:8443"),
    ],
)
def test_who_is_spared_is_reached_directly(spared: str, url: str) -> None:
    assert Proxies(HTTP, HTTPS, spared).to(url) is None


@pytest.mark.parametrize(
    ("spared", "url"),
    [
        ("", "https://shop.test"),
        (",", "https://shop.test"),
        (".", "https://shop.test"),
        (":443", "https://shop.test"),
        ("shop.test", "https://workshop.test"),
        ("shop.test", "https://shop.test.elsewhere"),
        ("api.shop.test", "https://shop.test"),
        ("shop.test:443", "https://shop.test:8443"),
        ("shop.test:80", "wss://shop.test"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://ten.test"),
        ("10.0.0.0/8", "https://[2001:db8::7]"),
        ("10.0.0.0/99", "https://10.0.0.0"),
        ("10.1.2.3:8443", "https://10.1.2.3"),
    ],
)
def test_who_is_not_spared_is_not(spared: str, url: str) -> None:
    assert Proxies(HTTP, HTTPS, spared).to(url) is HTTPS


@given(st.text(), st.sampled_from(["https://shop.test", "ws://10.1.2.3:99", "wss://[2001:db8::7]/"]))
def test_no_list_of_the_spared_is_a_crash(spared: str, url: str) -> None:
    assert Proxies(HTTP, HTTPS, spared).to(url) in {None, HTTP, HTTPS}


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy:3128", Proxy("V", "http", "proxy", 3128)),
        ("http://proxy:3128/", Proxy("V", "http", "proxy", 3128)),
        (" HTTP://Proxy.Corp:3128 ", Proxy("V", "http", "proxy.corp", 3128)),
        ("proxy:3128", Proxy("V", "http", "proxy", 3128)),
        ("proxy", Proxy("V", "http", "proxy", 80)),
        ("https://proxy", Proxy("V", "https", "proxy", 443)),
        ("socks5://proxy", Proxy("V", "socks5", "proxy", 1080)),
        ("socks5h://10.0.0.1:9", Proxy("V", "socks5h", "10.0.0.1", 9)),
        ("socks5://[2001:db8::7]:9", Proxy("V", "socks5", "2001:db8::7", 9)),
        ("http://bot:word@proxy:1", Proxy("V", "http", "proxy", 1, "bot", "word")),
        ("http://bot@proxy:1", Proxy("V", "http", "proxy", 1, "bot", "")),
        ("http://b%40t:w%2Frd@proxy:1", Proxy("V", "http", "proxy", 1, "b@t", "w/rd")),
        ("http://bot:w@r/d?#:@proxy:1", Proxy("V", "http", "proxy", 1, "bot", "w@r/d?#:")),
        ("http://机器人:暗号@proxy:1", Proxy("V", "http", "proxy", 1, "机器人", "暗号")),
    ],
)
def test_a_proxy_is_read_as_it_is_written(text: str, proxy: Proxy) -> None:
    assert read_proxy("V", text) == proxy


SCHEMES = "must be an address that begins with http://, https://, socks5:// or socks5h://"
SHAPE = "must be an address such as http://proxy:3128 or socks5h://user:password@proxy:1080"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("odd://proxy:1", SCHEMES),
        ("socks4://proxy:1", SCHEMES),
        ("socks://proxy:1", SCHEMES),
        ("://proxy:1", SCHEMES),
        ("http://", SHAPE),
        ("http://bot:word@", SHAPE),
        ("http://proxy:port", SHAPE),
        ("http://proxy:99999", SHAPE),
        ("http://proxy:0", SHAPE),
        ("http://proxy:1/path", SHAPE),
        ("http://proxy:1?query", SHAPE),
        ("http://proxy:1#fragment", SHAPE),
        ("http://two words:1", SHAPE),
        ("http://[::1:1", SHAPE),
        ("http://a\nb:1", SHAPE),
    ],
)
def test_what_names_no_proxy_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        read_proxy("V", text)
    assert str(caught.value) == words


def test_socks_takes_no_user_that_is_not_ascii() -> None:
    with pytest.raises(ValueError, match="in ASCII letters, since it is a SOCKS proxy"):
        read_proxy("V", "socks5://bot:暗号@proxy")


@given(st.text())
def test_whatever_text_is_a_proxy_or_a_fault_in_words(text: str) -> None:
    try:
        read_proxy("V", text)
    except ValueError as error:
        assert str(error).startswith("must ")  # noqa: PT017 - most texts are faults, some are none


def test_only_a_proxys_url_says_user_and_password() -> None:
    proxy = Proxy("HTTPS_PROXY", "http", "proxy", 3128, "bot", "geheim-9")
    assert (proxy.address, str(proxy)) == ("http://proxy:3128", "HTTPS_PROXY (http://proxy:3128)")
    assert "geheim-9" not in repr(proxy)
    assert proxy.url == "http://bot:geheim-9@proxy:3128"


credentials = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(credentials, credentials)
def test_a_proxys_url_is_read_back_as_the_same_proxy(user: str, password: str) -> None:
    proxy = Proxy("V", "http", "2001:db8::7", 3128, user, password)
    assert read_proxy("V", proxy.url) == proxy


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("http://bot:wo/rd@proxy:1", "wo/rd"),
        ("odd://bot:word@", "word"),
        ("bot:word@proxy", "word"),
        ("http://bot@proxy:1", ""),
        ("http://proxy:1", ""),
    ],
)
def test_a_password_is_found_in_whatever_stands_there(text: str, password: str) -> None:
    assert password_in(text) == password
