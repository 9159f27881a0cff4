// Switches for faults: what is on is shown to everybody who has the page open, and anybody may switch it off.

import { on } from "./feed.js";
import { button, english, node, picker } from "./parts.js";
import { drawScenarios, scenariosPanel } from "./scenarios.js";

const TIMES = [["", "直到关闭 until off"], ["1", "1 次 once"], ["3", "3 次 3 times"], ["10", "10 次 10 times"]];
const KINDS = [["line", "连接", "Connections"], ["rule", "平台", "The platform"], ["call", "接口调用", "Calls"]];

const known = { catalogue: new Map(), on: [], robots: [] };
const chosen = { robot: "", api: "", times: "" };
const panel = node("div", "i-panel i-faults");
const picks = {
  robot: picker("机器人", "Robot", "fault-robot", (robot) => choose({ robot })),
  api: picker("接口", "API", "fault-api", (api) => choose({ api })),
  times: picker("次数", "How often", "fault-times", (times) => choose({ times })),
};

on("catalogue", ({ troubles }) => {
  known.catalogue = new Map(troubles.map((trouble) => [trouble.name, trouble]));
});
on("troubles", (news) => {
  known.on = news.on;
  drawBar();
});

export function faultsPanel() {
  panel.append(node("div", "i-on"), scenariosPanel(), node("div", "i-filters", ...Object.values(picks)), node("div", "i-switches"));
  return panel;
}

export function drawFaults(robots) {
  known.robots = robots;
  const apis = [...new Set([...known.catalogue.values()].flatMap((trouble) => trouble.apis))].sort();
  picks.robot.offer([["", "全部 All"], ...robots.map((robot) => [robot, robot])], chosen.robot);
  picks.api.offer([["", "全部 All"], ...apis.map((api) => [api, api])], chosen.api);
  picks.times.offer(TIMES, chosen.times);
  panel.querySelector(".i-on").replaceChildren(...onList());
  drawSwitches();
  drawScenarios();
}

function onList() {
  if (!known.on.length) return [node("p", "i-none", "没有打开的故障 ", english("No fault is on"))];
  const all = button("i-off", () => known.on.forEach(off), "全部关闭 ", english("All off"));
  return [node("h3", "", "已打开 ", english("On"), all), ...known.on.map((each) => node("div", "i-order",
    node("span", "", ...nameOf(each)), node("small", "", whom(each)),
    button("i-off", () => off(each), "关闭 ", english("Off"))))];
}

function nameOf({ trouble, says }) {
  const named = known.catalogue.get(trouble);
  return named ? [named.chinese, " ", english(named.english)] : [says || "迟到 late"];
}

function whom({ robot, apis, left, trouble }) {
  const all = apis.length && apis.length === known.catalogue.get(trouble)?.apis.length;
  const often = left === null ? "" : `还有 ${left} 次 left`;
  return [robot || "所有机器人 all robots", all ? "所有接口 all APIs" : apis.join(", "), often].filter(Boolean).join(" · ");
}

// Nodes stay, so that a switch keeps the focus of whoever flips it.
const switches = new Map();

function drawSwitches() {
  const box = panel.querySelector(".i-switches");
  if (!switches.size && known.catalogue.size) box.replaceChildren(...KINDS.flatMap(group));
  for (const [name, made] of switches) {
    const trouble = known.catalogue.get(name);
    made.hidden = trouble.kind === "call" && Boolean(chosen.api) && !trouble.apis.includes(chosen.api);
    made.setAttribute("aria-checked", String(isOn(trouble)));
  }
}

function group([kind, chinese, inEnglish]) {
  const all = [...known.catalogue.values()];
  const rows = all.filter((trouble) => trouble.kind === kind).map(switchNode);
  const acts = kind === "line" ? all.filter((trouble) => trouble.kind === "act").map(actNode) : [];
  return [node("h3", "", chinese, " ", english(inEnglish)), ...(acts.length ? [node("div", "i-acts", ...acts)] : []), ...rows];
}

function actNode(trouble) {
  const made = button("i-act", () => turn(trouble.name, true, chosen.robot), trouble.chinese, " ", english(trouble.english));
  made.dataset.trouble = trouble.name;
  return made;
}

function switchNode(trouble) {
  const made = button("i-switch", () => flip(trouble), node("span", "", trouble.chinese, " ", english(trouble.english)), node("i", ""));
  made.setAttribute("role", "switch");
  made.dataset.trouble = trouble.name;
  switches.set(trouble.name, made);
  return made;
}

function isOn({ name, kind }) {
  return known.on.some((each) => each.trouble === name && (kind === "rule" || each.robot === chosen.robot || (kind === "line" && !chosen.robot))
    && (!chosen.api || kind !== "call" || each.apis.includes(chosen.api)));
}

function flip(trouble) {
  const robot = trouble.kind === "rule" ? "" : chosen.robot;
  const call = trouble.kind === "call" ? { api: chosen.api, times: chosen.times ? Number(chosen.times) : null } : {};
  turn(trouble.name, !isOn(trouble), robot, call);
}

function off({ trouble, robot, apis }) {
  const all = apis.length === (known.catalogue.get(trouble)?.apis.length ?? -1);
  for (const api of all || !apis.length ? [""] : apis) turn(trouble, false, robot, { api });
}

async function turn(trouble, to, robot, more = {}) {
  await fetch("/sandbox/switch", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ trouble, on: to, robot, ...more }),
  });
}

function choose(changes) {
  Object.assign(chosen, changes);
  drawFaults(known.robots);
}

// Above the chat, whether the inspector is open or not.
function drawBar() {
  const bar = document.getElementById("trouble");
  bar.hidden = !known.on.length;
  const open = button("i-open", () => {}, "查看 ", english("See"));
  open.setAttribute("aria-controls", "inspector");
  open.dataset.tab = "faults";
  const names = known.on.map((each) => node("span", "i-chip", ...nameOf(each)));
  bar.replaceChildren(node("strong", "", "故障已打开 ", english("Faults are on")), ...names.slice(0, 4), ...(names.length > 4 ? [`+${names.length - 4}`] : []), open);
}
