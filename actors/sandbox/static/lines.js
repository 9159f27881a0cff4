// One line of a chat: what a person said, a plain message, a card with its state and its buttons.

import { both, face, make, markdown } from "./dom.js";

export const STAGES = {
  PROCESSING: ["思考中", "Thinking"],
  INPUTING: ["正在输入", "Typing"],
  EXECUTING: ["执行中", "Working"],
  FINISHED: ["已完成", "Finished"],
  FAILED: ["失败", "Failed"],
};
const SENT = { sent: "已送达 Delivered", acked: "已接收 Taken", lost: "未送达：没有机器人在线 Not delivered: no robot is connected" };

// `person` is who looks, `pressed` the button that they pressed on this card, `press` what pressing one does.
export function line(entry, { person, pressed, press }) {
  const said = entry.kind === "said";
  const mine = said && entry.sender === person;
  const node = make("article", `line ${entry.kind}${mine ? " mine" : ""}`);
  node.dataset.entry = entry.id;
  const body = make("div", "body");
  body.append(byline(entry, said));
  if (said) {
    const bubble = make("div", "bubble");
    if (entry.chat.group) bubble.append(make("span", "mention", `@${entry.robot}`), " ");
    bubble.append(make("span", "said-text", entry.text));
    body.append(bubble, make("div", `state ${entry.state}`, SENT[entry.state]));
  } else {
    body.append(entry.kind === "card" ? cardBox(entry, pressed, press) : messageBox(entry));
  }
  node.append(face(said ? entry.nick : entry.robot, !said), body);
  return node;
}

function byline(entry, said) {
  const by = make("div", "by", said ? entry.nick : entry.robot);
  if (!said) by.append(make("span", "badge", "机器人"));
  by.append(make("time", "", new Date(entry.time * 1000).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit" })));
  return by;
}

function mentions(names) {
  if (!names.length) return [];
  const row = make("div", "mentions");
  row.append(...names.map((name) => make("span", "mention", `@${name}`)));
  return [row];
}

function messageBox(entry) {
  const box = make("div", "bubble");
  box.append(...mentions(entry.mentions), markdown("md", entry.html));
  return box;
}

function cardBox(entry, pressed, press) {
  const running = !["FINISHED", "FAILED"].includes(entry.state);
  const box = make("div", `card-box ${entry.standard ? "standard" : entry.state}`);
  box.dataset.card = entry.card;
  box.append(cardHead(entry), ...mentions(entry.mentions), markdown("card-text md", entry.html));
  const row = make("div", running ? "card-run" : "card-end");
  if (entry.status) row.append(make("p", "status", entry.status));
  if (entry.buttons.length) row.append(cardButtons(entry, pressed, press));
  if (row.children.length) box.append(row);
  if (!running) box.append(make("footer", "card-foot", foot(entry)));
  return box;
}

function cardHead(entry) {
  const head = make("header", "card-head");
  const title = make("strong", "", entry.title || "AI 回答 Answer");
  title.title = title.textContent;
  head.append(title);
  if (entry.standard) {
    head.append(both("div", "tag", "普通版互动卡片", "StandardCard"));
  } else {
    const stage = make("div", `stage ${entry.state}`);
    stage.append(make("i"), both("div", "", ...STAGES[entry.state]));
    head.append(stage);
  }
  return head;
}

function foot(entry) {
  const took = `用时 Took ${entry.seconds} s · ${entry.updates} 次更新 updates`;
  return entry.standard && entry.buttons.length ? `${took} · 点击不经过 Stream 连接 Clicks reach no Stream connection` : took;
}

function cardButtons(entry, pressed, press) {
  const chosen = entry.buttons.find((button) => button.chosen);
  const row = make("div", "buttons");
  row.append(...entry.buttons.map((button) => {
    const isPressed = chosen ? button === chosen : pressed === button.id;
    return cardButton(button, isPressed, (node) => press(entry, button, node));
  }));
  return row;
}

function cardButton(button, pressed, press) {
  const colour = ["blue", "red"].includes(button.color) ? button.color : "";
  if (button.url) {
    const link = make("a", colour, button.text);
    link.href = button.url;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    return link;
  }
  const node = make("button", colour, button.text);
  node.type = "button";
  node.setAttribute("aria-pressed", String(pressed));
  node.addEventListener("click", () => press(node));
  return node;
}
