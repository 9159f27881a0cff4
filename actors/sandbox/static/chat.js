// The chat page: keeps what the server tells, draws it, and says what a person does. Everything from a chat is text to
// it; the only HTML it takes is the Markdown that the server rendered.

import { face, make, options, place } from "./dom.js";
import { on } from "./feed.js";
import { line, STAGES } from "./lines.js";

const $ = (id) => document.getElementById(id);
const KEPT = 400;

const world = { robots: [], people: [], groups: new Map(), entries: new Map(), live: false };
const here = { robot: "", person: "", group: "", drafts: new Map() };
const news = new Map();
const pressed = new Map();
const drawn = new Map();

// What the server tells

on("hello", (all) => {
  world.live = true;
  world.entries.clear();
  meet(all);
  all.entries.forEach(take);
  draw();
});
on("presence", (all) => {
  meet(all);
  draw();
});
on("entry", (entry) => {
  const known = world.entries.has(entry.id);
  take(entry);
  if (!known && !inView(entry)) {
    news.set(placeOf(entry), (news.get(placeOf(entry)) ?? 0) + 1);
  }
  draw();
});
on("error", () => {
  world.live = false;
  drawPresence();
});

function meet({ robots, people }) {
  world.robots = robots;
  world.people = people;
  if (!robots.some((robot) => robot.id === here.robot)) {
    here.robot = (robots.find((robot) => robot.connections) ?? robots[0])?.id ?? "";
  }
  if (!here.person) here.person = people[0].id;
}

function take(entry) {
  if (entry.chat.group) world.groups.set(entry.chat.id, entry.chat);
  world.entries.set(entry.id, entry);
  if (world.entries.size > KEPT) world.entries.delete(world.entries.keys().next().value);
}

// Where things belong

const placeOf = (entry) => entry.chat.group ? entry.chat.id : `${entry.chat.robot} ${entry.chat.person}`;
const placeHere = () => here.group || `${here.robot} ${here.person}`;
const inView = (entry) => placeOf(entry) === placeHere();
const nickOf = (id) => world.people.find((person) => person.id === id)?.nick ?? id;

// Drawing

function draw() {
  news.delete(placeHere());
  ready();
  drawConversations();
  drawTop();
  drawPresence();
  drawLines();
}

function drawConversations() {
  const rows = [
    ...world.people.map((person) => [person.nick, `${here.robot} ${person.id}`, { person: person.id, group: "" }, person.staff]),
    ...[...world.groups.values()].map((group) => [group.title, group.id, { group: group.id }, true]),
  ];
  $("conversations").replaceChildren(...rows.map(([name, place, target, staff]) => {
    const row = make("button", "person");
    row.type = "button";
    row.setAttribute("aria-current", String(place === placeHere()));
    const text = make("div");
    text.append(make("div", "name", staff ? name : `${name}（外部 outside）`), make("div", "last", lastOf(place)));
    row.append(face(name), text);
    if (news.get(place)) row.append(make("div", "news", String(Math.min(news.get(place), 99))));
    row.addEventListener("click", () => go(target));
    return row;
  }));
}

function lastOf(place) {
  const last = [...world.entries.values()].findLast((entry) => placeOf(entry) === place);
  if (!last) return world.groups.has(place) ? "群聊 Group" : "私聊 Private chat";
  if (last.kind === "said") return last.text;
  return last.kind === "card" ? `[卡片 Card] ${last.title || STAGES[last.state][0]}` : last.title || "[消息 Message]";
}

function drawTop() {
  $("title").textContent = here.group ? world.groups.get(here.group)?.title ?? "" : `${nickOf(here.person)} → ${here.robot || "机器人 robot"}`;
  $("subtitle").textContent = here.group ? "群聊 · Group" : "私聊 · Private chat";
  $("pick").hidden = world.robots.length < 2;
  options($("robot"), world.robots.map((robot) => [robot.id, `${robot.id}${robot.connections ? "" : " (离线 offline)"}`]), here.robot);
  $("as").hidden = !here.group;
  options($("sender"), world.people.map((person) => [person.id, person.nick]), here.person);
}

function drawPresence() {
  const robot = world.robots.find((each) => each.id === here.robot);
  const [className, chinese, english] = !world.live ? ["pill off", "页面已断开", "Page offline"]
    : robot?.connections ? ["pill on", "已连接", "Connected"]
      : ["pill", "等待机器人连接", "Waiting for the robot"];
  const pill = $("presence");
  if (pill.dataset.drawn === className) return;
  pill.dataset.drawn = className;
  pill.className = className;
  pill.replaceChildren(`${chinese} `, make("span", "", english));
}

function drawLines() {
  const shown = [...world.entries.values()].filter(inView).sort((one, other) => one.id - other.id);
  const lines = shown.map((entry) => {
    const known = drawn.get(entry.id);
    if (known?.entry === entry) return known.node;
    const node = line(entry, { person: here.person, pressed: pressedOn(entry), press });
    drawn.set(entry.id, { entry, node });
    return node;
  });
  place($("lines"), lines);
  for (const id of drawn.keys()) if (!world.entries.has(id)) drawn.delete(id);
  $("empty").hidden = shown.length > 0;
  if (!shown.length) drawEmpty();
  stayAtEnd();
}

// The end is followed until a person scrolls away from it: what is shown may also grow by itself, as fonts and pictures come.
const follow = { end: true, top: 0 };

function scrolled() {
  const log = $("log");
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 80) follow.end = true;
  else if (log.scrollTop < follow.top) follow.end = false;
  follow.top = log.scrollTop;
}

function stayAtEnd() {
  if (follow.end) $("log").scrollTop = $("log").scrollHeight;
}

// The button that was pressed here, until the robot shows other ones.
function pressedOn({ card, buttons }) {
  const { id, among } = pressed.get(card) ?? {};
  return among === JSON.stringify(buttons) ? id : undefined;
}

function drawEmpty() {
  const online = world.robots.some((robot) => robot.connections);
  const icon = make("img");
  icon.src = "/static/icon.svg";
  icon.width = icon.height = 60;
  icon.alt = "";
  const parts = online
    ? [icon, make("h3", "", "向机器人提一个问题"), make("p", "", "Ask the robot something; the answer comes as a card that grows.")]
    : [icon, make("h3", "", "还没有机器人连接"), make("p", "", "No robot is connected yet. Point one here:"), make("code", "", `DINGTALK_OPENAPI_ENDPOINT=${location.origin}`)];
  $("empty").replaceChildren(...parts);
}

// What a person does

function go(target) {
  here.drafts.set(placeHere(), $("text").value);
  Object.assign(here, target);
  drawn.clear();
  $("text").value = here.drafts.get(placeHere()) ?? "";
  grow();
  draw();
  follow.end = true;
  stayAtEnd();
  $("text").focus();
}

async function post(action, what) {
  const response = await fetch(`/sandbox/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(what),
  });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

async function send(event) {
  event?.preventDefault();
  const text = $("text").value.trim();
  if (!text || !here.robot) return;
  $("text").value = "";
  grow();
  const group = here.group ? { group: world.groups.get(here.group).title } : {};
  try {
    await post("say", { robot: here.robot, sender: here.person, text, ...group });
  } catch {
    $("text").value = text;
    grow();
    toast("发送失败 Could not be sent");
  }
}

async function press(entry, button, node) {
  for (const other of node.parentElement.children) other.setAttribute("aria-pressed", "false");
  node.setAttribute("aria-pressed", "true");
  pressed.set(entry.card, { id: button.id, among: JSON.stringify(entry.buttons) });
  try {
    const { delivered } = await post("click", { card: entry.card, button: button.id, user: here.person });
    if (delivered) return;
    toast("点击未送达 The click reached no robot");
  } catch {
    toast("点击失败 The click failed");
  }
  pressed.delete(entry.card);
  node.setAttribute("aria-pressed", "false");
}

let fading = 0;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

function grow() {
  const field = $("text");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
  ready();
}

function ready() {
  $("send").disabled = !$("text").value.trim() || !here.robot;
}

$("log").addEventListener("scroll", scrolled);
const grown = new ResizeObserver(stayAtEnd);
grown.observe($("lines"));
grown.observe($("log"));
$("composer").addEventListener("submit", send);
$("text").addEventListener("input", grow);
$("text").addEventListener("keydown", (event) => {
  // While an input method composes Chinese, Enter belongs to it.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
});
$("robot").addEventListener("change", (event) => go({ robot: event.target.value, group: "" }));
$("sender").addEventListener("change", (event) => go({ person: event.target.value }));
