"""Everything the doctor says to an operator, Chinese first with English beside it: the catalogue of its own.

The menus are named as DingTalk's console names them (open.dingtalk.com, "create an app", "robot overview", "add API
permissions"); nothing here is decided. `{about}` is what the finding is about.
"""

from typing import NamedTuple

from actors.doctor.findings import Step


class Text(NamedTuple):
    """The same in Chinese and in English."""

    zh: str
    en: str

    def about(self, **what: object) -> "Text":
        """With the blanks filled in."""
        return Text(self.zh.format(**what), self.en.format(**what))


APP = "开发者后台 (open-dev.dingtalk.com) → 应用开发 → 企业内部应用 → 你的应用"
"""Where almost everything is set. The Chinese text leads there; the English one beside it says "the app's"."""

NAMES: dict[Step, Text] = {
    Step.SETTINGS: Text("设置", "settings"),
    Step.NETWORK: Text("网络", "network"),
    Step.WEBHOOK_HOST: Text("网络", "webhook host"),
    Step.TOKEN: Text("访问令牌", "token"),
    Step.STREAM: Text("长连接", "stream"),
    Step.PING: Text("心跳", "ping"),
    Step.CREATE: Text("创建卡片", "create"),
    Step.STREAMING: Text("流式更新", "streaming"),
    Step.FINALIZE: Text("结束流式", "finalize"),
    Step.UPDATE: Text("更新卡片", "update"),
    Step.MESSAGE: Text("单聊消息", "message"),
    Step.PERMISSIONS: Text("权限", "permissions"),
    Step.HEARD: Text("收到消息", "heard"),
    Step.WEBHOOK: Text("会话回复", "webhook"),
    Step.CLICK: Text("按钮回调", "click"),
}

TITLE = "钉钉机器人体检 DingTalk robot check-up"
SAID = "原因 Reason: "
AS_ABOVE = "做法同上 as above"

ADVICE: dict[str, Text] = {
    "settings": Text(
        "按上面所说改好设置；全部有效设置用 `python -m actors check` 查看。",
        "Put right what is named above; `python -m actors check` prints all settings in effect.",
    ),
    "name": Text(
        "域名解析失败。检查本机或容器的 DNS，以及 DINGTALK_OPENAPI_ENDPOINT 是否写错；只能经代理上网时，"
        "设置 HTTPS_PROXY。",
        "The name cannot be resolved. Check the DNS of this machine or container, and DINGTALK_OPENAPI_ENDPOINT for a "
        "typo; where only a proxy leads out, set HTTPS_PROXY.",
    ),
    "unreachable": Text(
        "没有应答，多半是防火墙。放行出站 TCP 443：api.dingtalk.com、oapi.dingtalk.com、"
        "wss-open-connection.dingtalk.com、wss-open-connection-union.dingtalk.com（没有固定 IP，按域名放行）；"
        "需要代理时设置 HTTPS_PROXY。",
        "Nobody answers, most likely for a firewall. Allow outgoing TCP 443 to api.dingtalk.com, oapi.dingtalk.com, "
        "wss-open-connection.dingtalk.com and wss-open-connection-union.dingtalk.com (by name: there are no fixed "
        "addresses); where a proxy is needed, set HTTPS_PROXY.",
    ),
    "proxy": Text(
        "代理没有把连接带到钉钉。检查 HTTPS_PROXY 的地址、端口、用户和密码，并在代理上放行 api、oapi、"
        "wss-open-connection、wss-open-connection-union（.dingtalk.com:443，允许 CONNECT 和 WebSocket）；"
        "可以直连时把 .dingtalk.com 写进 NO_PROXY。",
        "The proxy does not lead to DingTalk. Check address, port, user and password in HTTPS_PROXY, and let the proxy "
        "pass api, oapi, wss-open-connection and wss-open-connection-union (.dingtalk.com:443, CONNECT and WebSocket); "
        "if there is a direct way, name .dingtalk.com in NO_PROXY.",
    ),
    "certificate": Text(
        "证书不受信任：多半是公司网关在解密 TLS。把它的根证书（PEM）路径写进 SSL_CERT_FILE，或让网关不解密 "
        "dingtalk.com；再看看本机时间对不对。",
        "The certificate is not trusted: most likely a gateway of your company opens TLS. Name its root certificate "
        "(PEM file) in SSL_CERT_FILE, or have it leave dingtalk.com alone; see also that this machine's clock is right.",
    ),
    "page": Text(
        "回来的不是钉钉的 JSON，而是网页或空内容：多半是代理、上网认证页，或 DINGTALK_OPENAPI_ENDPOINT 写错"
        "（默认 https://api.dingtalk.com）；若是 HTTP 5xx，则是钉钉繁忙，过几分钟再试。",
        "What came back is no JSON of DingTalk's but a page, or nothing: most likely a proxy, a login page of the "
        "network, or a wrong DINGTALK_OPENAPI_ENDPOINT (usually https://api.dingtalk.com). With HTTP 5xx DingTalk is "
        "busy: try again in some minutes.",
    ),
    "banned": Text(
        "本机出口 IP 在 20 秒内调用超过 1 万次，被钉钉封 5 分钟。停掉同一出口上狂发请求的程序，5 分钟后再检查。",
        "More than 10,000 calls within 20 s came from this machine's public address, so DingTalk turns it away for 5 "
        "minutes. Stop what sends them (it may be another machine behind the same address), and check again after that.",
    ),
    "credentials": Text(
        f"Client ID 和 Client Secret 不配对。到 {APP} → 凭证与基础信息，重新复制两者到 DINGTALK_CLIENT_ID 和 "
        "DINGTALK_CLIENT_SECRET（重置过密钥的话，旧的已失效；注意不要带空格）。",
        "Client ID and Client Secret do not belong together. Copy both anew from the app's 凭证与基础信息 (credentials) into "
        "DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET (after a reset the old secret is void; mind blanks).",
    ),
    "token_refused": Text(
        "令牌刚取到就被拒。检查 DINGTALK_OPENAPI_ENDPOINT 是否指向同一个钉钉，过一分钟再试。",
        "The token was refused as soon as it was had. Check that DINGTALK_OPENAPI_ENDPOINT is the one DingTalk for "
        "all calls, and try again in a minute.",
    ),
    "not_stream": Text(
        f"网关不接受这个应用的长连接。到 {APP}：① 应用能力 → 机器人：打开机器人，消息接收模式选 Stream 模式，"
        "保存并发布；② 版本管理与发布：创建版本并发布；③ 凭证与基础信息：核对 Client ID。",
        "The gateway takes no Stream connection of this app. In the app: (1) 应用能力 → 机器人 (capabilities, robot): "
        "switch the robot on, 消息接收模式 (how messages are received): Stream 模式, save and publish; (2) "
        "版本管理与发布 (versions): make a version and publish it; (3) 凭证与基础信息 (credentials): compare the Client "
        "ID.",
    ),
    "handshake": Text(
        "拿到了连接票据，但 WebSocket 没有建立。多半是代理或防火墙不放行 WebSocket：放行 "
        "wss-open-connection.dingtalk.com:443 和 wss-open-connection-union.dingtalk.com:443，再试一次。",
        "There was a ticket but no WebSocket. Most likely a proxy or firewall lets no WebSocket pass: allow "
        "wss-open-connection.dingtalk.com:443 and wss-open-connection-union.dingtalk.com:443, and try again.",
    ),
    "silent": Text(
        "连上了却收不到任何帧（通常 1 秒内就有第一个心跳）。多半是代理缓存或切断了 WebSocket：让 "
        "wss-open-connection*.dingtalk.com 直连 (NO_PROXY)。短时间内反复重启也会让钉钉停推，停几分钟再试。",
        "Connected, and yet no frame comes (the first ping usually does within 1 s). Most likely a proxy holds back or "
        "cuts the WebSocket: reach wss-open-connection*.dingtalk.com without it (NO_PROXY). Many restarts within "
        "minutes are reported to stop deliveries too: wait some minutes and try again.",
    ),
    "transient": Text(
        "钉钉自己暂时出错或繁忙，过几分钟再检查；一直如此就拿上面的错误码到开发者后台提工单。",
        "DingTalk itself is in trouble or busy: check again in some minutes; if it stays, send the code above to its "
        "support (工单).",
    ),
    "qps": Text(
        "调用太快（标准版每个应用、每个接口每秒 20 次）。等几秒再检查；若服务正在跑，把 OPENAPI_QPS 调低，"
        "并确认没有别的程序在用同一个 Client ID。",
        "Too many calls (standard edition: 20 a second for each app and API). Check again in some seconds; if the "
        "service runs beside, lower OPENAPI_QPS, and see that nothing else uses this Client ID.",
    ),
    "quota": Text(
        "本月 API 调用额度已用完（标准版全组织 5,000 次）。到开发者后台购买额度或升级专业版，或等下个月；减少用量："
        "调低 CARD_MAX_UPDATES，设置 OPENAPI_MONTHLY_QUOTA，或 CARD_KIND=text。",
        "This month's API calls are used up (standard edition: 5,000 for the whole organisation). Buy more in the "
        "console (开发者后台), or wait for the next month. To use fewer: lower CARD_MAX_UPDATES, set "
        "OPENAPI_MONTHLY_QUOTA, or CARD_KIND=text.",
    ),
    "permission": Text(
        f"缺少权限 {{about}}。到 {APP} → 权限管理：搜索它 → 申请权限；再到 版本管理与发布 发布新版本。几分钟后再检查。",
        "Missing: {about}. In the app's 权限管理 (permissions) search for it and press 申请权限 (apply); "
        "then 版本管理与发布 (versions): publish a new version. Check again after some minutes.",
    ),
    "template": Text(
        "钉钉不认这个卡片模板。到 卡片平台 https://open-dev.dingtalk.com/fe/card：模板 ID 要与 CARD_TEMPLATE_ID "
        "一致（以 .schema 结尾），关联应用必须是这个机器人的应用，并且已发布。用的是 SDK 公共模板时：它不保证对新应用开放，"
        "请按 deploy/dingtalk/README.zh-CN.md 导入自己的模板。",
        "DingTalk does not know this card template. 卡片平台 (card platform) https://open-dev.dingtalk.com/fe/card: the "
        "template's id has to be CARD_TEMPLATE_ID (it ends in .schema), its 关联应用 (app) this robot's, and it has to "
        "be published. The SDK's public template is not promised to new apps: import one of your own, see "
        "deploy/dingtalk/README.md.",
    ),
    "template_unpublished": Text(
        "卡片模板还没有发布。到 卡片平台 https://open-dev.dingtalk.com/fe/card 打开这个模板 → 保存 → 发布。",
        "The card template is not published. 卡片平台 (card platform) https://open-dev.dingtalk.com/fe/card: open it, "
        "保存 (save), 发布 (publish).",
    ),
    "stream_refused": Text(
        "流式更新被拒而钉钉不说原因，逐一核对：① CARD_CONTENT_KEY 等于模板里绑定流式文本的变量名（卡片平台 "
        "https://open-dev.dingtalk.com/fe/card 打开模板 → 变量）；② 模板场景是 AI 卡片，并启用 处理中、输入中、完成 "
        f"三个状态；③ {APP} → 权限管理 里有 Card.Streaming.Write。",
        "The streaming was refused without a reason. Compare: (1) CARD_CONTENT_KEY is the template's variable that "
        "streams (卡片平台, card platform, https://open-dev.dingtalk.com/fe/card: open the template, 变量); (2) its "
        "scene is AI 卡片, and 处理中, 输入中, 完成 (processing, typing, finished) are switched on; (3) "
        "Card.Streaming.Write is granted in the app's 权限管理 (permissions).",
    ),
    "not_delivered": Text(
        "卡片建好了但没有送达。① 核对 --to 是本组织成员的 userid（管理后台 oa.dingtalk.com → 通讯录 → 成员 → "
        f"员工 UserID）；② {APP} → 版本管理与发布：可见范围要包含此人；③ 请他在钉钉里搜索机器人，打开单聊，发一句话。",
        "The card was made but not delivered. (1) --to has to be the userid of a member of this organisation "
        "(管理后台 oa.dingtalk.com → 通讯录 → the member → 员工 UserID); (2) "
        "the person has to be in the 可见范围 (visible range) of the app's 版本管理与发布 (versions); (3) have the person "
        "search for the robot in DingTalk, open the private chat and write to it once.",
    ),
    "staff_id": Text(
        "--to 不是本组织成员的 userid。到 管理后台 (oa.dingtalk.com) → 通讯录 → 成员 → 员工 UserID 查到后再试；"
        "或者用 --listen 60 给机器人发一句话，体检会显示你的 userid。",
        "--to is not the userid of a member of this organisation. Look it up: 管理后台 (oa.dingtalk.com) → 通讯录 → the "
        "member → 员工 UserID; or write to the robot under --listen 60: the doctor then shows your userid.",
    ),
    "robot_code": Text(
        f"机器人编码不对：这里用 Client ID 作 robotCode。到 {APP} → 应用能力 → 机器人：核对 RobotCode，"
        "确认机器人已启用并发布，且和 Client ID 属于同一个应用。",
        "The robot's code is wrong: the Client ID is used as robotCode here. In the app's 应用能力 → 机器人 (capabilities, "
        "robot) compare RobotCode, see that the robot is switched on and published, and that it belongs to the app of "
        "this Client ID.",
    ),
    "flow_controlled": Text(
        "此人短时间内收到的机器人消息太多，被限流。过几分钟再检查。",
        "This person got too many robot messages in a short time. Check again in some minutes.",
    ),
    "standard": Text(
        "普通版互动卡片 (StandardCard) 对 2025 年起的新应用不再开放。改用 CARD_KIND=ai（或 text）。",
        "The StandardCard is not open to apps made since 2025. Use CARD_KIND=ai (or text).",
    ),
    "webhook": Text(
        "会话回复失败。会话地址 90 分钟内有效，并且必须是 oapi.dingtalk.com：检查本机时间与防火墙，再发一条消息重试。"
        "服务遇到这种情况会改用机器人单聊接口。",
        "The reply by session webhook failed. Its address is good for 90 minutes and has to be oapi.dingtalk.com's: "
        "check this machine's clock and the firewall, and try with another message. The service itself falls back to "
        "the robot-message API.",
    ),
    "not_heard": Text(
        f"等待期间没有收到消息。① {APP} → 应用能力 → 机器人：消息接收模式是 Stream 模式；② 版本管理与发布：已发布，可见范围包含此人；"
        "③ 群里要 @ 机器人，单聊直接写；④ 同一个 Client ID 上若还有服务在运行，钉钉会随机选一条连接推送：多发几条，或先停服务。",
        "No message came in time. In the app: (1) 应用能力 → 机器人 (capabilities, robot): 消息接收模式 is Stream 模式; (2) "
        "版本管理与发布 (versions): published, and the person in its 可见范围 (visible range); (3) in a group the robot "
        "has to be @-mentioned; (4) if a service runs on this Client ID, DingTalk pushes to one of the connections at "
        "random: write several times, or stop the service.",
    ),
    "rejected": Text(
        f"钉钉拒绝了这次调用。用上面的错误码在 open.dingtalk.com 搜索；再核对 {APP} → 应用能力 → 机器人 已启用、"
        "版本管理与发布 已发布。",
        "DingTalk refused the call. Search open.dingtalk.com for the code above; and see that the robot is switched on in the "
        "app's 应用能力 → 机器人 (capabilities, robot), and published in 版本管理与发布 (versions).",
    ),
}
"""What to do, by the key that `diagnosis` gives."""

REASONS: dict[str, Text] = {
    "needs": Text("要先通过 {about}", "needs {about}"),
    "no_to": Text("要加 --to 员工UserID", "needs --to STAFF_ID"),
    "not_listening": Text("要加 --listen 60", "needs --listen 60"),
    "text_kind": Text("CARD_KIND=text", "no card"),
    "standard_whole": Text("已整张更新", "updated whole as it ended"),
    "standard_clicks": Text("StandardCard 的点击到不了", "its clicks reach no Stream client"),
    "not_answered": Text("只回复 --to 的人", "answers only the person of --to"),
    "not_pressed": Text("没有收到点击", "no press came"),
    "untried": Text("没有调用能证明", "no call has proved any"),
}
"""Why a step was skipped, in a few words."""

HINTS: dict[str, Text] = {
    "no_to": Text(
        "员工 UserID 在 管理后台 (oa.dingtalk.com) → 通讯录 → 成员 里；也可以用 --listen 60 给机器人发一句话，体检会显示它。"
        "这个人会收到一张体检卡片和一条消息。",
        "STAFF_ID stands in the 管理后台 (oa.dingtalk.com) → 通讯录 (contacts) → the member → 员工 UserID; or write to the "
        "robot under --listen 60, and the doctor shows it. That person gets a card and a message.",
    ),
    "not_listening": Text(
        "会话地址只随收到的消息而来，所以收消息、会话回复和按钮要用 --listen 60 检查：在这段时间里给机器人发消息、点卡片按钮。"
        "或者看运行中的服务的 /metrics：dingtalk_messages_total 和 dingtalk_feedback_total 会增加。",
        "A session webhook comes only with a message, so messages, replies and buttons are checked with --listen 60: "
        "write to the robot and press a button of its card meanwhile. Or see dingtalk_messages_total and "
        "dingtalk_feedback_total grow on /metrics of the running service.",
    ),
    "not_pressed": Text(
        "若确实点过按钮：模板里的按钮要设为 回传请求 并已发布（卡片平台 https://open-dev.dingtalk.com/fe/card）；同一个 Client ID "
        "若还有程序在接收，点击可能到了那边。",
        "If a button was pressed: in the template it has to be 回传请求 (call back), and published (卡片平台, card platform, "
        "https://open-dev.dingtalk.com/fe/card); if another program listens on this Client ID, the press may have come "
        "there.",
    ),
}
"""How to take a step that was skipped."""

SECOND_CONNECTION = Text(
    "体检另开一条长连接，用完即关。其间推到这里的消息不会被确认 (ack)，钉钉可能约 60 秒后重推给服务。请勿频繁重复。",
    "This opens a Stream connection of its own for a moment. A message that comes here is not acked; DingTalk may send it "
    "to the service after about 60 s. Do not repeat it many times a minute.",
)
WRITE = Text(
    "→ 现在：{seconds:g} 秒内，请 {person} 给机器人发一条消息。",
    "→ Now, within {seconds:g} s: {person} writes to the robot.",
)
WRITE_AND_PRESS = Text(
    "→ 现在：{seconds:g} 秒内，请 {person} 给机器人发一条消息，并点一下卡片上的按钮。",
    "→ Now, within {seconds:g} s: {person} writes to the robot, and presses a button of the card.",
)
ANYBODY = "任何人 anybody"
NOT_ACKED = Text(
    "有 {count} 条推送到了体检这里，没有确认：钉钉可能会重推给服务；若没有回答，请再问一次。",
    "{count} pushes came to the doctor and were not acked: DingTalk may send them again to the service; who gets no "
    "answer should ask again.",
)
INTERRUPTED = Text("已中断：卡片已结束，连接已关闭。", "Interrupted: the card was ended, the connection closed.")
TOTALS = Text(
    "{ok} 项正常，{failed} 项失败，{skipped} 项跳过；用了 {calls} 次计费 API 调用（标准版每月 5,000 次）。",
    "{ok} ok, {failed} failed, {skipped} skipped; {calls} counted API calls (standard: 5,000 a month).",
)

# What the person of --to sees in the chat.

QUESTION = "机器人体检 Check-up"
FRAMES = (
    "🩺 这是机器人体检：",
    "🩺 这是机器人体检：卡片正在逐字更新…",
    "🩺 机器人体检完成，无需回复。\n\nThis was a check-up of the robot; no answer is needed.",
)
MESSAGE = "🩺 机器人体检：普通消息也能收到。\n\nCheck-up of the robot: plain messages arrive too."
REPLY = "🩺 机器人体检：收到了您的消息。\n\nCheck-up of the robot: your message arrived."
