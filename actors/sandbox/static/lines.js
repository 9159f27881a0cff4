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
  const time = new Date(entry.time * 1000).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit" });
  body.append(make("div", "by", `${said ? entry.nick : entry.robot} · ${time}`));
  if (said) {
    body.append(make("div", "bubble", entry.text), make("div", `state ${entry.state}`, SENT[entry.state]));
  } else {
    body.append(entry.kind === "card" ? cardBox(entry, pressed, press) : markdown("bubble md", entry.html));
  }
  node.append(face(said ? entry.nick : entry.robot, !said), body);
  return node;
}

function cardBox(entry, pressed, press) {
  const box = make("div", `card-box ${entry.state}`);
  box.dataset.card = entry.card;
  const head = make("header", "card-head");
  const stage = make("div", `stage ${entry.state}`);
  stage.append(make("i"), both("div", "", ...STAGES[entry.state]));
  head.append(make("strong", "", entry.title || "AI 回答 Answer"), stage);
  box.append(head, markdown("card-text md", entry.html));
  if (entry.buttons.length) {
    const row = make("div", "buttons");
    row.append(...entry.buttons.map((button) => cardButton(button, pressed === button.id, (node) => press(entry, button, node))));
    box.append(row);
  }
  if (entry.state === "FINISHED" || entry.state === "FAILED") {
    box.append(make("footer", "card-foot", `用时 Took ${entry.seconds} s · ${entry.updates} 次更新 updates`));
  }
  return box;
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
