"""The environment: defaults, reading, and every fault told at once."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.backoff import Backoff
from actors.core.scope import Scope
from actors.errors import SettingsError
from actors.redaction import clean
from actors.settings import KNOWN, load

ROBOT = {"DINGTALK_CLIENT_ID": "ding-shop", "DINGTALK_CLIENT_SECRET": "kept-to-ourselves"}

CONTRACT = {
    "DINGTALK_CLIENT_ID": None,
    "DINGTALK_CLIENT_SECRET": None,
    "DINGTALK_OPENAPI_ENDPOINT": "https://api.dingtalk.com",
    "ROBOTS_DIR": None,
    "AGENT": "faq:",
    "AGENT_SYSTEM_PROMPT": "",
    "AGENT_HISTORY_TOKENS": 4000,
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
    "OPENAI_API_KEY": None,
    "DIFY_BASE_URL": "https://api.dify.ai/v1",
    "DIFY_API_KEY": None,
    "JIT_ACCESS_KEY": None,
    "JIT_ACCESS_SECRET": None,
    "STREAM_CONNECTIONS": 1,
    "STREAM_RETRY_INITIAL": 1,
    "STREAM_RETRY_MULTIPLIER": 2,
    "STREAM_RETRY_MAX": 60,
    "STREAM_RETRY_JITTER": 1,
    "STREAM_RETRY_RESET_AFTER": 60,
    "STREAM_RESTART_INTENSITY": 5,
    "STREAM_RESTART_PERIOD": 300,
    "STREAM_SILENCE_TIMEOUT": 180,
    "OPENAPI_RETRY_ATTEMPTS": 4,
    "OPENAPI_RETRY_INITIAL": 0.5,
    "OPENAPI_RETRY_MULTIPLIER": 2,
    "OPENAPI_RETRY_MAX": 8,
    "OPENAPI_RETRY_JITTER": 0.5,
    "OPENAPI_TIMEOUT": 10,
    "OPENAPI_QPS": 20,
    "OPENAPI_MONTHLY_QUOTA": 0,
    "AGENT_RETRY_ATTEMPTS": 3,
    "AGENT_RETRY_INITIAL": 0.5,
    "AGENT_RETRY_MULTIPLIER": 2,
    "AGENT_RETRY_MAX": 10,
    "AGENT_RETRY_JITTER": 0.5,
    "AGENT_CONNECT_TIMEOUT": 5,
    "AGENT_FIRST_TOKEN_TIMEOUT": 60,
    "AGENT_IDLE_TIMEOUT": 60,
    "AGENT_TIMEOUT": 600,
    "AGENT_SHOW_REASONING": False,
    "CARD_KIND": "ai",
    "CARD_TEMPLATE_ID": "382e4302-551d-4880-bf29-a30acfab2e71.schema",
    "CARD_CONTENT_KEY": "msgContent",
    "CARD_MAX_UPDATES": 20,
    "CARD_MIN_INTERVAL": 0.8,
    "CONVERSATION_SCOPE": "sender",
    "MEMORY_SCOPE": "sender_in_chat",
    "ALLOWED_SENDERS": "",
    "ALLOWED_CHATS": "",
    "CONVERSATION_IDLE": 600,
    "CONVERSATION_QUEUE": 8,
    "CONVERSATION_HISTORY": 20,
    "MAX_CONCURRENT_TURNS": 400,
    "MAX_CONVERSATIONS": 2000,
    "ATTACHMENT_MAX_BYTES": 20_000_000,
    "ATTACHMENT_TIMEOUT": 30,
    "INBOX_URL": "sqlite:///var/inbox.db",
    "INBOX_POOL_SIZE": 8,
    "INBOX_LEASE": 15,
    "INBOX_MAX_ATTEMPTS": 5,
    "INBOX_RETENTION": 2592000,
    "INBOX_DEDUPE_WINDOW": 86400,
    "INBOX_MAX_AGE": 900,
    "HTTPS_PROXY": None,
    "HTTP_PROXY": None,
    "ALL_PROXY": None,
    "NO_PROXY": None,
    "SSL_CERT_FILE": None,
    "HTTP_HOST": "127.0.0.1",
    "HTTP_PORT": 8000,
    "SANDBOX_HOST": "127.0.0.1",
    "SANDBOX_PORT": 8080,
    "SANDBOX_TEMPLATES": "deploy/dingtalk",
    "SHUTDOWN_GRACE": 25,
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return caught.value.problems


# What is in effect.


def test_an_empty_environment_means_the_contracts_defaults() -> None:
    assert load({}).effective() == CONTRACT


@pytest.mark.parametrize("name", CONTRACT)
def test_an_empty_variable_counts_as_not_set(name: str) -> None:
    assert load({name: ""}).effective() == CONTRACT


def test_only_what_is_handed_in_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HTTP_PORT", "9")
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("HTTP_PORT=10\n", encoding="utf-8")
    assert load({}).http_port == 8000


def test_values_are_read_in_their_types() -> None:
    settings = load(
        {"STREAM_RETRY_INITIAL": "0.25", "HTTP_PORT": "0", "CONVERSATION_SCOPE": "chat", "LOG_LEVEL": "debug"}
    )
    assert settings.stream_retry_initial == 0.25
    assert settings.http_port == 0
    assert settings.conversation_scope is Scope.CHAT
    assert settings.log_level == "DEBUG"


def test_lists_are_read_at_their_commas_and_written_back_in_order() -> None:
    settings = load({"ALLOWED_SENDERS": " zhang, li ,,"})
    assert settings.allowed_senders == {"zhang", "li"}
    assert settings.effective()["ALLOWED_SENDERS"] == "li,zhang"


def test_each_scope_has_its_own_backoff() -> None:
    settings = load({"STREAM_RETRY_MAX": "30", "OPENAPI_RETRY_INITIAL": "1", "AGENT_RETRY_JITTER": "0"})
    assert settings.stream_backoff == Backoff(1, 2, 30, 1)
    assert settings.openapi_backoff == Backoff(1, 2, 8, 0.5)
    assert settings.agent_backoff == Backoff(0.5, 2, 10, 0)


def test_without_a_robot_the_sandbox_is_wanted() -> None:
    assert load({}).sandbox_wanted
    assert load({}).robots() == ()


def test_a_configured_robot_is_served() -> None:
    settings = load(
        ROBOT
        | {
            "AGENT": "python:shop:answer",
            "DINGTALK_OPENAPI_ENDPOINT": "http://127.0.0.1:8080/",
            "CARD_CONTENT_KEY": "text",
        }
    )
    (robot,) = settings.robots()
    assert not settings.sandbox_wanted
    assert (robot.client_id, robot.client_secret.value) == ("ding-shop", "kept-to-ourselves")
    assert (robot.endpoint, robot.agent, robot.card_content_key) == (
        "http://127.0.0.1:8080",
        "python:shop:answer",
        "text",
    )


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///var/a.db", "var/a.db"), ("sqlite:////data/a.db", "/data/a.db")],
    ids=["relative", "absolute"],
)
def test_the_inboxs_file_may_be_relative_or_absolute(url: str, path: str) -> None:
    assert load({"INBOX_URL": url}).inbox_path == Path(path)


# Secrets.


def test_a_secret_may_come_from_a_file_and_loses_the_trailing_newline(tmp_path: Path) -> None:
    mounted = tmp_path / "secret"
    mounted.write_text("from a file \n", encoding="utf-8")
    settings = load({"DINGTALK_CLIENT_ID": "ding", "DINGTALK_CLIENT_SECRET_FILE": str(mounted)})
    assert settings.robots()[0].client_secret.value == "from a file "


def test_a_secret_and_its_file_together_are_refused(tmp_path: Path) -> None:
    told = problems(ROBOT | {"DINGTALK_CLIENT_SECRET_FILE": str(tmp_path)})
    assert told == ("DINGTALK_CLIENT_SECRET, DINGTALK_CLIENT_SECRET_FILE: both are set, keep one of them",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"\xff\xfe", "not text"), (b"\n", "is empty")],
    ids=["missing", "binary", "empty"],
)
def test_a_secrets_file_that_is_no_use_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    mounted = tmp_path / "secret"
    if content is not None:
        mounted.write_bytes(content)
    (told,) = problems({"DINGTALK_CLIENT_ID": "ding", "DINGTALK_CLIENT_SECRET_FILE": str(mounted)})
    assert told.startswith(f"DINGTALK_CLIENT_SECRET_FILE={str(mounted)!r}: ")
    assert reason in told


def test_a_secret_is_masked_for_people_and_in_the_settings_own_text() -> None:
    settings = load(ROBOT)
    assert settings.effective()["DINGTALK_CLIENT_SECRET"] == "***"
    assert "kept-to-ourselves" not in f"{settings!r} {settings.effective()} {settings.robots()!r}"


def test_a_secret_is_hidden_from_logs_as_soon_as_it_is_read() -> None:
    load(ROBOT)
    assert clean("it is kept-to-ourselves") == "it is ***"


# The network.


def test_https_goes_its_own_way_and_the_rest_the_common_one() -> None:
    proxies = load({"HTTPS_PROXY": "http://one:1", "ALL_PROXY": "socks5h://two:2"}).proxies
    assert [str(proxies.to(url)) for url in ("wss://a.test", "ws://a.test")] == [
        "HTTPS_PROXY (http://one:1)",
        "ALL_PROXY (socks5h://two:2)",
    ]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_may_be_spelled_in_lower_case(name: str) -> None:
    assert str(load({name: "proxy:3128"}).proxies.to("https://a.test")).endswith("_PROXY (http://proxy:3128)")


def test_the_lower_case_is_the_stronger() -> None:
    settings = load({"HTTPS_PROXY": "http://one:1", "https_proxy": "http://two:2", "no_proxy": "a.test"})
    assert str(settings.proxies.to("https://b.test")) == "HTTPS_PROXY (http://two:2)"
    assert settings.proxies.to("https://a.test") is None


def test_an_empty_lower_case_changes_nothing() -> None:
    assert load({"HTTPS_PROXY": "http://one:1", "https_proxy": ""}).https_proxy == "http://one:1"


PROXY_PASSWORD = "p%61ss%2F/wo@rd"


@pytest.mark.parametrize(
    "address", ["http://bot:{}@proxy:3128", "odd://bot:{}@proxy:3128", "http://bot:{}@", "bot:{}@x:y"]
)
def test_a_proxys_password_is_never_said(address: str) -> None:
    told = said_of({"HTTPS_PROXY": address.format(PROXY_PASSWORD)})
    assert not any(PROXY_PASSWORD in said or "wo@rd" in said for said in told)
    assert clean("it is p%61ss%2F/wo@rd, pass//wo@rd") == "it is ***, ***"


def test_a_proxy_is_shown_to_people_without_its_password() -> None:
    effective = load({"HTTPS_PROXY": "http://bot:geheim-9@proxy:3128"}).effective()
    assert effective["HTTPS_PROXY"] == "http://bot:***@proxy:3128"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), (b"no certificate", "it holds none")],
    ids=["missing", "no certificate"],
)
def test_certificates_that_cannot_be_read_are_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    assert problems({"SSL_CERT_FILE": str(path)}) == (
        f"SSL_CERT_FILE={str(path)!r}: must be a readable file of PEM certificates ({reason})",
    )


def test_a_folder_of_certificates_is_refused(tmp_path: Path) -> None:
    (told,) = problems({"SSL_CERT_FILE": str(tmp_path)})
    assert told.endswith("must be a readable file of PEM certificates (Is a directory)")


# Faults.

FAULTS = {
    "STREAM_CONNECTIONS": "0",
    "STREAM_RETRY_MULTIPLIER": "0.5",
    "STREAM_RETRY_JITTER": "-1",
    "STREAM_RESTART_PERIOD": "0",
    "OPENAPI_TIMEOUT": "soon",
    "OPENAPI_QPS": "2.5",
    "AGENT_TIMEOUT": "inf",
    "AGENT_IDLE_TIMEOUT": "nan",
    "HTTP_PORT": "65536",
    "SANDBOX_PORT": "-1",
    "SHUTDOWN_GRACE": "-0.1",
    "AGENT_SHOW_REASONING": "yes",
    "CARD_KIND": "fancy",
    "CONVERSATION_SCOPE": "everyone",
    "CONVERSATION_QUEUE": "0",
    "INBOX_URL": "var/inbox.db",
    "DINGTALK_OPENAPI_ENDPOINT": "api.dingtalk.com",
    "HTTPS_PROXY": "odd://proxy",
    "HTTP_PROXY": "http://",
    "ALL_PROXY": "http://proxy:port",
    "SSL_CERT_FILE": "/nowhere/ca.pem",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
}


@pytest.mark.parametrize(("name", "value"), FAULTS.items(), ids=FAULTS)
def test_a_wrong_value_is_told_with_its_variable_and_what_it_must_be(name: str, value: str) -> None:
    (told,) = problems({name: value})
    assert told.startswith(f"{name}={value!r}: must be ")


def test_all_faults_are_told_at_once_each_on_a_line_of_its_own() -> None:
    typo = {"STREAM_RETRY_INITAL": "3"}
    told = problems(FAULTS | typo | {"DINGTALK_CLIENT_ID": "ding", "AGENT_RETRY_MAX": "0.1", "ROBOTS_DIR": "robots"})
    named = [re.match(r"[A-Z_]+", line) for line in told]
    assert {name[0] for name in named if name} == {
        *FAULTS,
        *typo,
        "DINGTALK_CLIENT_SECRET",
        "AGENT_RETRY_MAX",
        "ROBOTS_DIR",
    }
    assert len(told) == len(FAULTS) + 4
    assert not any("\n" in line for line in told)


def test_a_wrong_inbox_is_refused_without_telling_its_password() -> None:
    (told,) = problems({"INBOX_URL": "mysql://bot:geheim@db/inbox"})
    assert told.startswith("INBOX_URL='mysql://bot:")
    assert told.endswith("or postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    assert "geheim" not in told


def test_the_password_of_a_database_is_hidden_and_its_place_is_told() -> None:
    settings = load({"INBOX_URL": "postgresql://bot:ge%3Aheim@db/inbox"})
    assert settings.effective()["INBOX_URL"] == "postgresql://bot:***@db/inbox"
    assert "heim" not in repr(settings)
    assert "heim" not in clean("no password supplied: ge:heim or ge%3Aheim")


def test_a_password_among_the_options_of_a_database_is_hidden_too() -> None:
    settings = load({"INBOX_URL": "postgresql://bot@db/inbox?password=ge%3Aheim&sslpassword=verborgen"})
    assert settings.effective()["INBOX_URL"] == "postgresql://bot@db/inbox?password=***&sslpassword=***"
    assert not re.search("heim|verborgen", clean("ge:heim, ge%3Aheim, verborgen"))


def test_the_address_of_a_database_may_come_from_a_file(tmp_path: Path) -> None:
    mounted = tmp_path / "url"
    mounted.write_text("postgresql://bot:geheim@db/inbox\n", encoding="utf-8")
    settings = load({"INBOX_URL_FILE": str(mounted)})
    assert settings.inbox_url.get_secret_value() == "postgresql://bot:geheim@db/inbox"


def test_a_client_id_in_a_file_is_refused_with_what_to_set_instead(tmp_path: Path) -> None:
    (told,) = problems({"DINGTALK_CLIENT_ID_FILE": str(tmp_path / "id")})
    assert told.startswith("DINGTALK_CLIENT_ID_FILE: ")
    assert told.endswith("set DINGTALK_CLIENT_ID itself")


def test_a_client_id_without_its_secret_is_refused() -> None:
    (told,) = problems({"DINGTALK_CLIENT_ID": "ding"})
    assert told.startswith("DINGTALK_CLIENT_SECRET: is missing")


def test_a_secret_without_its_client_id_is_refused() -> None:
    (told,) = problems({"DINGTALK_CLIENT_SECRET": "kept-to-ourselves"})
    assert told.startswith("DINGTALK_CLIENT_ID: is missing")
    assert "kept-to-ourselves" not in told


@pytest.mark.parametrize("scope", ["STREAM", "OPENAPI", "AGENT"])
def test_the_longest_wait_is_no_shorter_than_the_first(scope: str) -> None:
    (told,) = problems({f"{scope}_RETRY_INITIAL": "9", f"{scope}_RETRY_MAX": "2"})
    assert told == f"{scope}_RETRY_MAX=2: is less than {scope}_RETRY_INITIAL=9, raise it or lower {scope}_RETRY_INITIAL"


def test_service_and_sandbox_do_not_share_a_port() -> None:
    (told,) = problems({"HTTP_PORT": "8080"})
    assert told == "SANDBOX_PORT=8080: is HTTP_PORT too, change one of them"


def test_without_a_sandbox_its_port_is_free_for_others() -> None:
    assert load(ROBOT | {"HTTP_PORT": "8080"}).http_port == 8080


def test_a_conflict_is_not_reported_on_top_of_a_fault_of_its_own() -> None:
    (told,) = problems({"STREAM_RETRY_INITIAL": "90", "STREAM_RETRY_MAX": "a minute"})
    assert told.startswith("STREAM_RETRY_MAX='a minute'")


# Typos.


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("STREAM_RETRY_MXA", "STREAM_RETRY_MAX"),
        ("OPENAPI_QP", "OPENAPI_QPS"),
        ("AGENT_TIMEOUTS", "AGENT_TIMEOUT"),
        ("CARD_MAX_UPDATE", "CARD_MAX_UPDATES"),
        ("CONVERSATION_IDEL", "CONVERSATION_IDLE"),
        ("INBOX_LEESE", "INBOX_LEASE"),
        ("ATTACHMENT_MAX_BYTE", "ATTACHMENT_MAX_BYTES"),
        ("DINGTALK_CLIENTID", "DINGTALK_CLIENT_ID"),
        ("DINGTALK_CLIENT_SECRETFILE", "DINGTALK_CLIENT_SECRET_FILE"),
        ("SANDBOX_POTR", "SANDBOX_PORT"),
        ("HTTP_PROT", "HTTP_PORT"),
        ("HTTP_HOSTS", "HTTP_HOST"),
        ("LOG_LEVL", "LOG_LEVEL"),
        ("LOG_FROMAT", "LOG_FORMAT"),
        ("ALLOWED_SENDER", "ALLOWED_SENDERS"),
    ],
)
def test_a_near_miss_of_one_of_our_names_is_asked_about(typo: str, meant: str) -> None:
    assert problems({typo: "1"}) == (f"{typo}: there is no such setting, did you mean {meant}?",)


@pytest.mark.parametrize(
    "name",
    [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "HTTPS_PORT",
        "HTTP_PATH",
        "HTTP_FROM",
        "HTTP_USER_AGENT",
        "LOG_DIR",
        "LOG_FILE",
        "LOG_PATH",
        "OPENAI_API_KEY",
        "AGENT_SYSTEM_PROMPT",
        "DINGTALK_PORT_8080_TCP",
        "CARD_KNDXX",
        "PATH",
    ],
)
def test_what_is_not_ours_or_not_near_is_left_alone(name: str) -> None:
    load({name: "whatever"})


def test_an_empty_typo_harms_nobody() -> None:
    load({"STREAM_RETRY_MXA": ""})


# Laws.

names = st.sampled_from(sorted(KNOWN))
secrets = st.text("abcdefghij0123456789", min_size=12, max_size=20).map(lambda text: f"geheim-{text}")


def said_of(environ: dict[str, str]) -> tuple[str, ...]:
    """All that a person gets to read of this environment, refused or not."""
    try:
        return (repr(load(environ)), repr(load(environ).effective()))
    except SettingsError as error:
        return (str(error), repr(error), *error.problems)


@given(st.dictionaries(names, st.text(max_size=12)), secrets)
def test_whatever_else_is_set_the_secret_is_never_said(environ: dict[str, str], secret: str) -> None:
    assert not any(secret in said for said in said_of(environ | {"DINGTALK_CLIENT_SECRET": secret}))


@given(st.dictionaries(names, st.text(max_size=12), min_size=1))
def test_every_fault_has_one_line_that_begins_with_its_variable(environ: dict[str, str]) -> None:
    try:
        load(environ)
        told: tuple[str, ...] = ()
    except SettingsError as error:
        told = error.problems
    assert all(re.fullmatch(r"[A-Z_]+(=|:).+", line) for line in told)


@given(names, st.data())
def test_one_slip_of_the_finger_in_a_name_of_ours_is_never_ignored(name: str, data: st.DataObject) -> None:
    everybodys = ("ALL_", "HTTPS_", "NO_", "OPENAI_", "SSL_")
    if "_" not in name or name.startswith(("MAX_", "MEMORY_", "SHUTDOWN_", *everybodys)):
        return
    place = data.draw(st.integers(name.index("_") + 1, len(name) - 1))
    slip = name[:place] + name[place + 1 :] if data.draw(st.booleans()) else f"{name[:place]}Q{name[place:]}"
    assert any("did you mean" in line for line in problems({slip: "1"}))
