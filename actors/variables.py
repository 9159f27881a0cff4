"""Every environment variable, declared once: its name, limits, default, section and meaning. The README's table is made
from these declarations.

A fault is worded so that it can follow the variable's name and value on one line. How an environment is read is
`settings.py`'s.
"""

import ssl
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasGenerator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from actors.core.card import SDK_TEMPLATE, CardKind
from actors.core.proxies import read_proxy
from actors.core.scope import Scope


def _fault(what_to_do: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{what_to_do}", {"what_to_do": what_to_do})


def _true_or_false(value: object) -> object:
    if value not in {"true", "false", True, False}:
        raise _fault("must be true or false")
    return value


def _ids(value: object) -> object:
    return frozenset(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise _fault("must be an address such as https://api.dingtalk.com")
    return url.rstrip("/")


def _inbox_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    file = url.startswith("sqlite:///") and not url.endswith("/")
    database = url.startswith(("postgresql://", "postgres://")) and len(url.partition("://")[2]) > 0
    if not file and not database:
        raise _fault(
            "must be sqlite:///PATH (relative), sqlite:////PATH (absolute) or "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    return secret


def _proxy(text: str) -> str:
    try:
        read_proxy("", text)
    except ValueError as error:
        raise _fault(str(error)) from None
    return text


def _certificates(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:
        reason = "it holds none" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None) or "no path"
        raise _fault(f"must be a readable file of PEM certificates ({reason})") from None
    return path


Seconds = Annotated[float, Field(ge=0)]
Limit = Annotated[float, Field(gt=0)]
Factor = Annotated[float, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65535)]
TrueOrFalse = Annotated[bool, BeforeValidator(_true_or_false)]
Ids = Annotated[frozenset[str], BeforeValidator(_ids)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
InboxUrl = Annotated[SecretStr, AfterValidator(_inbox_url)]
ProxyAddress = Annotated[str, AfterValidator(_proxy)]
Certificates = Annotated[str, AfterValidator(_certificates)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)]


def _setting(section: str, default: object, meaning: str, *, shown: bool = True) -> Any:
    """`shown` is false for what may hold a password beside what people have to see."""
    return Field(default, description=meaning, json_schema_extra={"section": section}, repr=shown)


_robot = partial(_setting, "Robot")
_agent = partial(_setting, "Agent")
_stream = partial(_setting, "Stream connection")
_openapi = partial(_setting, "Calls to DingTalk")
_card = partial(_setting, "Card")
_conversation = partial(_setting, "Conversation")
_attachment = partial(_setting, "Attachments")
_inbox = partial(_setting, "Inbox")
_network = partial(_setting, "Network")
_process = partial(_setting, "Process")


class Variables(BaseSettings):
    """The variables, named in lower case. Durations are seconds."""

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=str.upper),
        populate_by_name=True,
        case_sensitive=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        frozen=True,
    )

    dingtalk_client_id: str | None = _robot(
        None, "Client ID of the robot's app. With neither this nor `ROBOTS_DIR` the local sandbox is started and served"
    )
    dingtalk_client_secret: SecretStr | None = _robot(None, "Client Secret of the robot's app")
    dingtalk_openapi_endpoint: Endpoint = _robot(
        "https://api.dingtalk.com", "Where DingTalk's API is; also names a sandbox or a private endpoint"
    )

    robots_dir: Path | None = _robot(
        None,
        "Folder of a JAAP element tree (`imRobots/…`): every instance of `imRobots.dingTalkStreamType` is a robot with "
        "an agent and settings of its own, served beside that of `DINGTALK_CLIENT_ID`",
    )

    agent: str = _agent(
        "faq:",
        "Which agent answers: `faq:[DIR]`, `openai:MODEL`, `dify:`, `jit:FULLNAME`, "
        "`jit+https://HOST/ORG/APP/FULLNAME`, or `python:MODULE:NAME` for one of your own",
    )
    agent_system_prompt: str = _agent("", "What an `openai:` model is told ahead of every conversation")
    agent_history_tokens: Count = _agent(
        4000,
        "Tokens of former turns, estimated, that an `openai:` model is sent at most; the newest are kept",
    )
    agent_show_reasoning: TrueOrFalse = _agent(False, "Whether customers are shown the model's thinking")
    agent_retry_attempts: AtLeastOne = _agent(
        3,
        "Tries per answer, the first included; repeated only before the first piece of text, and not after a time-out",
    )
    agent_retry_initial: Seconds = _agent(0.5, "First wait before a repeated try")
    agent_retry_multiplier: Factor = _agent(2, "Each further wait is this many times the one before")
    agent_retry_max: Seconds = _agent(10, "The wait grows no longer than this")
    agent_retry_jitter: Seconds = _agent(0.5, "Up to this much is added to each wait, at random")
    agent_connect_timeout: Limit = _agent(5, "The agent's back end is reached within this")
    agent_first_token_timeout: Limit = _agent(60, "The first piece of text comes within this")
    agent_idle_timeout: Limit = _agent(60, "No two pieces are further apart than this")
    agent_timeout: Limit = _agent(600, "A whole answer takes no longer than this")

    openai_base_url: Endpoint = _agent(
        "https://api.openai.com/v1", "Where an `openai:` model is served, up to the `/v1` of `/chat/completions`"
    )
    openai_api_key: SecretStr | None = _agent(None, "Its key; servers of your own may need none")
    dify_base_url: Endpoint = _agent("https://api.dify.ai/v1", "Where Dify's API is, up to `/v1`")
    dify_api_key: SecretStr | None = _agent(None, "The key of the Dify app that `dify:` is")
    jit_access_key: str | None = _agent(None, "The access key with which `jit+https:` calls the bridge element")
    jit_access_secret: SecretStr | None = _agent(None, "Its secret")

    stream_connections: AtLeastOne = _stream(1, "Stream connections per robot")
    stream_retry_initial: Seconds = _stream(
        1,
        "First wait before a connection is started again; directly after a healthy spell it is 0 to 0.3 s",
    )
    stream_retry_multiplier: Factor = _stream(2, "Each further wait is this many times the one before")
    stream_retry_max: Seconds = _stream(60, "The wait grows no longer than this")
    stream_retry_jitter: Seconds = _stream(1, "Up to this much is added to each wait, at random")
    stream_retry_reset_after: Seconds = _stream(
        60, "After this long in health the next failure counts as the first again"
    )
    stream_restart_intensity: Count = _stream(
        5,
        "More crashes of one connection than this within `STREAM_RESTART_PERIOD` park its robot; "
        "an unreachable or refusing gateway is not a crash",
    )
    stream_restart_period: Limit = _stream(300, "The period of `STREAM_RESTART_INTENSITY`")
    stream_silence_timeout: Limit = _stream(
        180,
        "Without any frame for this long, or for three times the ping interval seen if that is longer, "
        "a connection is dead; before two pings were seen after 10 minutes at the soonest",
    )

    openapi_retry_attempts: AtLeastOne = _openapi(4, "Tries per call, the first included")
    openapi_retry_initial: Seconds = _openapi(0.5, "First wait before a repeated call")
    openapi_retry_multiplier: Factor = _openapi(2, "Each further wait is this many times the one before")
    openapi_retry_max: Seconds = _openapi(8, "The wait grows no longer than this")
    openapi_retry_jitter: Seconds = _openapi(0.5, "Up to this much is added to each wait, at random")
    openapi_timeout: Limit = _openapi(10, "One call takes no longer than this")
    openapi_qps: AtLeastOne = _openapi(20, "Calls per second, for each API of each robot; replicas share them")
    openapi_monthly_quota: Count = _openapi(
        0,
        "Counted calls a calendar month (Asia/Shanghai) of the organisation; as they run out cards are updated less "
        "often. 0: not watched",
    )

    card_kind: CardKind = _card(
        CardKind.AI,
        "`ai`: a template card with streamed text; `standard`: the founding tutorial's StandardCard, for apps that "
        "still have it (its clicks reach no Stream client); `text`: one Markdown message, no card",
    )
    card_template_id: str = _card(SDK_TEMPLATE, "The card's template; by default the SDK's public one")
    card_content_key: str = _card("msgContent", "The template's variable that takes the streamed text")
    card_max_updates: AtLeastOne = _card(
        20, "Text updates per answer, the last one included; creating and closing are not counted"
    )
    card_min_interval: Seconds = _card(0.8, "Least time between two updates of one card")

    conversation_scope: Scope = _conversation(
        Scope.SENDER,
        "`sender`, `sender_in_chat` or `chat`: who shares one conversation (its order, one answer at a time)",
    )
    memory_scope: Scope = _conversation(
        Scope.SENDER_IN_CHAT,
        "`sender_in_chat`, `sender` or `chat`: who shares one memory; "
        "by default nothing said in private surfaces in a group",
    )
    allowed_senders: Ids = _conversation(
        frozenset(), "Who may ask: staff ids, or sender ids of people who have none, comma-separated; empty: everybody"
    )
    allowed_chats: Ids = _conversation(
        frozenset(), "Where may be asked: conversation ids, comma-separated; empty: everywhere"
    )
    conversation_idle: Limit = _conversation(600, "An idle conversation's actor is stopped after this")
    conversation_queue: AtLeastOne = _conversation(
        8, "Waiting questions per conversation; one more gets a polite refusal"
    )
    conversation_history: Count = _conversation(20, "Turns remembered for agents without a memory of their own")
    max_concurrent_turns: AtLeastOne = _conversation(400, "Answers running at once in this process")
    max_conversations: AtLeastOne = _conversation(
        2000, "Live conversation actors, and never more than the process limit less 100"
    )

    attachment_max_bytes: AtLeastOne = _attachment(
        20_000_000, "A larger picture, file, recording or video is not fetched for the agent"
    )
    attachment_timeout: Limit = _attachment(30, "Fetching one attachment takes no longer than this")

    inbox_url: InboxUrl = _inbox(
        SecretStr("sqlite:///var/inbox.db"),
        "Where questions are stored: `sqlite:///relative` or `sqlite:////absolute`, a file that one process holds; or "
        "`postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, for many replicas",
    )
    inbox_pool_size: AtLeastOne = _inbox(8, "Connections of this process to a `postgresql://` inbox, at most")
    inbox_lease: Limit = _inbox(15, "A question whose holder is silent this long is taken over")
    inbox_max_attempts: AtLeastOne = _inbox(
        5, "Deaths of a running turn before it is closed with an apology; a drain does not count"
    )
    inbox_retention: Seconds = _inbox(2592000, "How long answered questions and feedback are kept")
    inbox_dedupe_window: Seconds = _inbox(86400, "How long a message id is remembered after its answer")
    inbox_max_age: Limit = _inbox(
        900,
        "An older unanswered question is closed with an apology, and a message that DingTalk brings later than this is "
        "turned down",
    )

    https_proxy: ProxyAddress | None = _network(
        None,
        "The proxy to `https` and `wss`: `http://`, `https://`, `socks5://` or `socks5h://` (which looks names up "
        "itself), with `user:password@` if it asks for them. This and the next three may be spelled in lower case",
        shown=False,
    )
    http_proxy: ProxyAddress | None = _network(None, "The proxy to `http` and `ws`", shown=False)
    all_proxy: ProxyAddress | None = _network(None, "The proxy for whatever has none of its own", shown=False)
    no_proxy: str | None = _network(
        None,
        "What is reached without a proxy, with commas between: hosts (and all below them), IP addresses, either with "
        "or without `:port`, networks such as `10.0.0.0/8`, or `*` for everything. This machine itself always is",
    )
    ssl_cert_file: Certificates | None = _network(
        None, "PEM file of the certificate authorities to trust, for HTTP and WebSocket alike"
    )

    http_host: str = _process("127.0.0.1", "Where metrics and health are served")
    http_port: Port = _process(8000, "Its port; 0 takes a free one")
    sandbox_host: str = _process("127.0.0.1", "Where the local stand-in for DingTalk is served")
    sandbox_port: Port = _process(8080, "Its port; 0 takes a free one")
    sandbox_templates: str = _process(
        "deploy/dingtalk", "Folder of card templates that it knows: `NAME.json` as `NAME.schema`; may be missing"
    )
    shutdown_grace: Seconds = _process(25, "Running answers get this long to finish after SIGTERM")
    log_level: LogLevel = _process(
        "INFO",
        "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`; libraries are heard from `WARNING` up",
    )
    log_format: Literal["json", "console"] = _process(
        "json", "`json`: one object a line on stdout; `console`: lines for a person"
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: neither the environment of whoever imports this, nor a `.env` file."""
        return (init_settings,)
