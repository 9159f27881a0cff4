// A card: its title and state, its text, its buttons, and what it took.

import { both, make, markdown } from "./dom.js";
import { say } from "./texts.js";

// `pressed` is the button that was pressed here, `press` what pressing one does.
export function cardBox(entry, mentions, pressed, press) {
  const running = !["FINISHED", "FAILED"].includes(entry.state);
  const box = make("div", `card-box ${entry.standard ? "standard" : entry.state}`);
  box.dataset.card = entry.card;
  box.append(head(entry), ...mentions, markdown("card-text md", entry.html));
  const row = make("div", running ? "card-run" : "card-end");
  if (entry.status) row.append(make("p", "status", entry.status));
  if (entry.buttons.length) row.append(buttons(entry, pressed, press));
  if (row.children.length) box.append(row);
  if (!running) box.append(make("footer", "card-foot", foot(entry)));
  return box;
}

function head(entry) {
  const node = make("header", "card-head");
  const title = make("strong", "", entry.title || say("answer"));
  title.title = title.textContent;
  node.append(title);
  if (entry.standard) {
    node.append(both("div", "tag", "standard"));
  } else {
    const stage = make("div", `stage ${entry.state}`);
    stage.append(make("i"), both("div", "", entry.state));
    node.append(stage);
  }
  return node;
}

function foot(entry) {
  const took = `用时 Took ${entry.seconds} s · ${entry.updates} 次更新 updates`;
  return entry.standard && entry.buttons.length ? `${took} · ${say("clicksLost")}` : took;
}

function buttons(entry, pressed, press) {
  const chosen = entry.buttons.find((each) => each.chosen);
  const row = make("div", "buttons");
  row.append(...entry.buttons.map((each) => {
    const isPressed = chosen ? each === chosen : pressed === each.id;
    return each.url ? link(each) : cardButton(each, isPressed, (node) => press(entry, each, node));
  }));
  return row;
}

const colour = ({ color }) => ["blue", "red"].includes(color) ? color : "";

function link(each) {
  const node = make("a", colour(each), each.text);
  node.href = each.url;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return node;
}

function cardButton(each, pressed, press) {
  const node = make("button", colour(each), each.text);
  node.type = "button";
  node.setAttribute("aria-pressed", String(pressed));
  node.addEventListener("click", () => press(node));
  return node;
}
