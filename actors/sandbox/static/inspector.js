// The inspector beside the chat: frames and calls as they happen, the time that answers took, limits and faults. What
// comes from a chat or a robot is text here.

import { place } from "./dom.js";
import { faultsPanel, drawFaults } from "./faults.js";
import { on } from "./feed.js";
import { drawLimits, limitsPanel } from "./limits.js";
import { button, english, node, picker, pretty, seconds } from "./parts.js";
import { bar } from "./timing.js";

const KEPT = 1000;
const SHOWN = 300;
const TABS = [["traffic", "往来", "Traffic"], ["limits", "限额", "Limits"], ["faults", "故障", "Faults"]];
const PREFIX = "Forbidden.AccessDenied.";
const UPDATE = { create: "创建 create", instance: "创建 instance", streaming: "流式 streaming", update: "更新 update", click: "点击 click" };

const known = { rows: new Map(), questions: new Map(), limits: null };
const view = { open: sessionStorage.getItem("inspector") === "open", tab: "traffic", robot: "", chat: "", bad: false, pings: false };
const drawn = new Map();
const $ = (name) => aside.querySelector(`[data-part="${name}"]`);
const aside = document.getElementById("inspector");

// What the server tells

on("hello", () => {
  known.rows.clear();
  known.questions.clear();
  drawn.clear();
  soon();
});
on("events", ({ events }) => {
  for (const row of events) known.rows.set(row.id, row);
  if (inspected && events.some((row) => row.card === inspected.card)) follow();
  for (const id of known.rows.keys()) {
    if (known.rows.size <= KEPT) break;
    known.rows.delete(id);
  }
  soon();
});
on("questions", ({ questions }) => {
  for (const question of questions) known.questions.set(question.id, question);
  for (const id of known.questions.keys()) {
    if (known.questions.size <= SHOWN) break;
    known.questions.delete(id);
  }
  soon();
});
on("limits", (limits) => {
  known.limits = limits;
  soon();
});

// A card that is looked at goes on.
let inspected = null;
let following = 0;
function follow() {
  clearTimeout(following);
  following = setTimeout(async () => {
    const updates = inspected && await ask(`/sandbox/updates?card=${encodeURIComponent(inspected.card)}`);
    if (updates?.card === inspected?.card) inspected.list.replaceChildren(...updatesOf(updates));
  }, 100);
}

let waiting = false;
function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

// Drawing

function build() {
  const tabs = node("div", "i-tabs");
  tabs.setAttribute("role", "tablist");
  tabs.append(...TABS.map(([name, chinese, inEnglish]) => {
    const tab = button("i-tab", () => turn(name), chinese, " ", english(inEnglish));
    tab.setAttribute("role", "tab");
    tab.dataset.tab = name;
    return tab;
  }));
  const close = button("i-close", () => show(false), "✕");
  close.setAttribute("aria-label", "关闭检查器 Close the inspector");
  const head = node("header", "i-head", tabs, close);
  const filters = part("filters", node("div", "i-filters"));
  filters.append(
    picker("机器人", "Robot", "robot", (value) => filter({ robot: value })),
    picker("会话", "Chat", "chat", (value) => filter({ chat: value })),
    tick("只看错误", "Errors", "bad"),
    tick("心跳", "Pings", "pings"),
  );
  const traffic = part("traffic", node("div", "i-panel i-traffic",
    node("h3", "", "提问", " ", english("Questions")), part("questions", node("div", "i-questions")),
    node("h3", "", "帧与调用", " ", english("Frames and calls")), part("rows", node("div", "i-rows"))));
  const details = part("details", node("section", "i-details"));
  details.hidden = true;
  aside.replaceChildren(head, filters, traffic, part("limits", limitsPanel()), part("faults", faultsPanel()), details);
}

function part(name, made) {
  made.dataset.part = name;
  return made;
}

function tick(chinese, inEnglish, name) {
  const box = node("input", "");
  box.type = "checkbox";
  box.addEventListener("change", () => filter({ [name]: box.checked }));
  return node("label", "i-tick", box, chinese, " ", english(inEnglish));
}

function draw() {
  if (!view.open) return;
  for (const [name] of TABS) {
    $(name).hidden = view.tab !== name;
    aside.querySelector(`[data-tab="${name}"]`).setAttribute("aria-selected", String(view.tab === name));
  }
  $("filters").hidden = view.tab === "faults";
  $("filters").dataset.beside = view.tab;
  const rows = [...known.rows.values()];
  const robots = [...new Set(rows.map((row) => row.robot).filter(Boolean))].sort();
  const places = new Map(rows.filter((row) => row.chat).map((row) => [row.chat, row.where]));
  $("filters").querySelector(`[data-pick="robot"]`).offer([["", "全部 All"], ...robots.map((robot) => [robot, robot])], view.robot);
  $("filters").querySelector(`[data-pick="chat"]`).offer([["", "全部 All"], ...places], view.chat);
  if (view.tab === "traffic") drawTraffic(rows);
  if (view.tab === "limits") drawLimits(known.limits, view.robot);
  if (view.tab === "faults") drawFaults(robots);
}

function drawTraffic(rows) {
  const questions = [...known.questions.values()].filter(wanted).filter((each) => !view.bad || ["failed", "lost"].includes(each.state));
  questions.sort((one, other) => other.time - one.time);
  place($("questions"), questions.slice(0, SHOWN).map((question) => kept(`q${question.id}`, question, questionNode)));
  if (!questions.length) $("questions").replaceChildren(node("p", "i-none", "还没有提问 ", english("No questions yet")));
  const shown = rows.filter(wanted).filter((row) => (view.pings || row.kind !== "ping") && (!view.bad || row.state === "bad"));
  shown.sort((one, other) => other.id - one.id);
  place($("rows"), shown.slice(0, SHOWN).map((row) => kept(row.id, row, rowNode)));
  if (!shown.length) $("rows").replaceChildren(node("p", "i-none", "什么也没有 ", english("Nothing here")));
  for (const [key, { data }] of drawn) if (!known.rows.has(key) && !known.questions.has(data.id)) drawn.delete(key);
}

const wanted = ({ robot, chat }) => (!view.robot || robot === view.robot) && (!view.chat || chat === view.chat);

function kept(key, data, make) {
  const before = drawn.get(key);
  if (before?.data === data) return before.made;
  // A node that stays where it is can be clicked while its content grows.
  const made = make(data);
  if (before) before.made.replaceWith(made);
  drawn.set(key, { data, made });
  return made;
}

function questionNode(question) {
  const made = button(`i-question ${question.state}`, () => inspect({ card: question.card, title: question.text }),
    node("div", "i-asked", node("strong", "", question.nick), node("span", "i-text", question.text)), ...bar(question));
  made.dataset.question = question.id;
  made.disabled = !question.card;
  return made;
}

function rowNode(row) {
  const time = new Date(row.time * 1000).toTimeString().slice(0, 8);
  const made = button(`i-row ${row.kind} ${row.state}`, () => inspect({ event: row.id, card: row.card }),
    node("time", "", time),
    node("span", `i-way ${row.way}`, row.way === "out" ? "→" : "←"),
    node("span", "i-name", row.name, ...(row.trouble ? [node("em", "i-hit", `故障 ${row.trouble}`)] : [])),
    node("span", "i-note", row.note),
    node("span", "i-code", row.code.replace(PREFIX, "")),
    node("span", "i-took", row.seconds === null ? "" : seconds(row.seconds)));
  made.dataset.event = row.id;
  made.title = [row.where || row.robot, row.code].join(" · ");
  return made;
}

// Details: all of one event, and every update of its card

async function inspect({ event, card, title }) {
  const [told, updates] = await Promise.all([
    event ? ask(`/sandbox/event/${event}`) : null,
    card ? ask(`/sandbox/updates?card=${encodeURIComponent(card)}`) : null,
  ]);
  const back = button("i-back", leave, "← 返回 ", english("Back"));
  const heading = node("h3", "", told ? `${told.name} ${told.code}` : title ?? card);
  const parts = Object.entries(told?.parts ?? {}).map(([name, data]) => node("details", "", node("summary", "", name), node("pre", "", pretty(data))));
  for (const each of parts) each.open = !updates;
  const list = node("div", "", ...(updates ? updatesOf(updates) : []));
  inspected = updates && { card, list };
  const gone = !told && !updates ? [node("p", "i-none", "已经忘记了 ", english("It is forgotten"))] : [];
  $("details").replaceChildren(node("header", "i-head", back, heading), node("div", "i-panel", ...gone, ...parts, list));
  $("details").hidden = false;
  back.focus();
}

function leave() {
  inspected = null;
  $("details").hidden = true;
}

function updatesOf({ card, state, updates }) {
  const list = node("ol", "i-updates", ...updates.map((update, index) => node("li", "",
    node("div", "i-step", node("time", "", `+${seconds(update.seconds)}`), node("strong", "", UPDATE[update.call] ?? update.call),
      node("span", `i-state ${update.state}`, update.state), node("span", "", `${update.length} 字 (${update.grew < 0 ? "" : "+"}${update.grew})`),
      ...(update.user ? [node("em", "", `只给 only for ${update.user}`)] : [])),
    node("p", "i-text", fresh(update.text, updates[index - 1]?.text)))));
  return [node("h3", "", `卡片更新 `, english(`Card updates · ${card} · ${state}`)), list];
}

// Of a text that grows, what is new.
function fresh(text, before) {
  if (!before || !text.startsWith(before)) return text;
  return text === before ? "= 文字不变 the same text" : `…${text.slice(before.length)}`;
}

async function ask(address) {
  const response = await fetch(address);
  return response.ok ? response.json() : null;
}

// What a person does

function show(open) {
  view.open = open;
  sessionStorage.setItem("inspector", open ? "open" : "closed");
  aside.hidden = !open;
  for (const each of document.querySelectorAll('[aria-controls="inspector"]')) each.setAttribute("aria-expanded", String(open));
  draw();
}

function turn(tab) {
  view.tab = tab;
  leave();
  draw();
}

function filter(changes) {
  Object.assign(view, changes);
  draw();
}

build();
show(view.open);
document.addEventListener("click", ({ target }) => {
  const opener = target.closest('[aria-controls="inspector"]');
  if (opener) {
    if (opener.dataset.tab) turn(opener.dataset.tab);
    show(Boolean(opener.dataset.tab) || !view.open);
  }
  const card = target.closest("[data-card]");
  if (card && view.open && !target.closest("button, a")) {
    turn("traffic");
    inspect({ card: card.dataset.card });
  }
});
aside.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if ($("details").hidden) show(false);
  else leave();
});
on("troubles", soon);
on("scenarios", soon);
