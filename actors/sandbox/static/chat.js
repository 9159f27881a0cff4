// The chat page: it puts the parts together and draws what has changed. Everything from a chat is text to it; the only
// HTML it takes is the Markdown that the server rendered.

import { post } from "./actions.js";
import { drawComposer, keepDraft, listenToWriting, quote } from "./composer.js";
import { drawConversations, listenToDialogs, step } from "./conversations.js";
import { $, both, fillIn, make, options, place, toast } from "./dom.js";
import { line } from "./lines.js";
import { say, TEXTS } from "./texts.js";
import { setTheme, theme } from "./theme.js";
import { allNews, here, linesHere, listen, move, personHere, placeHere, robotHere, seen, world } from "./world.js";

const pressed = new Map();
const drawn = new Map();

// Drawing

function draw() {
  seen(placeHere());
  drawConversations(go);
  drawTop();
  drawPresence();
  drawLines();
  drawComposer();
}

function drawTop() {
  const nick = personHere()?.nick ?? "";
  const group = world.groups.get(here.group);
  $("title").textContent = group ? group.title : here.robot || say("robot");
  $("subtitle").textContent = `${say(group ? "group" : "privateChat")} · ${nick}`;
  const news = allNews();
  $("list-news").hidden = !news;
  $("list-news").textContent = String(Math.min(news, 99));
  document.title = `${news ? `(${news}) ` : ""}${TEXTS.name.join(" · ")}`;
  tell(group?.id ?? linesHere()[0]?.chat.id ?? "");
}

// Whoever looks beside the chat is told which conversation it is.
function tell(conversation) {
  const { dataset } = document.body;
  if (dataset.conversation === conversation && dataset.robot === here.robot && dataset.person === here.person) return;
  Object.assign(dataset, { conversation, robot: here.robot, person: here.person });
  document.dispatchEvent(new CustomEvent("conversation", { detail: { conversation, robot: here.robot, person: here.person } }));
}

function drawPresence() {
  const [className, key] = !world.live ? ["pill off", "pageOffline"] : robotHere()?.connections ? ["pill on", "connected"] : ["pill", "waiting"];
  const pill = $("presence");
  if (pill.dataset.drawn === className) return;
  pill.dataset.drawn = className;
  pill.className = className;
  pill.replaceChildren(...both("p", "", key).childNodes);
}

function drawLines() {
  const shown = linesHere();
  const nicks = JSON.stringify(world.people);
  const lines = shown.map((entry) => {
    const known = drawn.get(entry.id);
    if (known?.entry === entry && known.nicks === nicks) return known.node;
    const node = line(entry, { person: here.person, people: world.people, pressed: pressedOn(entry), press, quote });
    drawn.set(entry.id, { entry, nicks, node });
    return node;
  });
  place($("lines"), lines);
  for (const id of drawn.keys()) if (!world.entries.has(id)) drawn.delete(id);
  $("empty").hidden = shown.length > 0;
  if (!shown.length) drawEmpty();
  stayAtEnd();
}

function drawEmpty() {
  const icon = make("img");
  icon.src = "/static/icon.svg";
  icon.width = icon.height = 60;
  icon.alt = "";
  const [chinese, english] = TEXTS[robotHere()?.connections ? "ask" : "point"];
  const last = robotHere()?.connections ? both("p", "tips", "tips") : make("code", "", `DINGTALK_OPENAPI_ENDPOINT=${location.origin}`);
  $("empty").replaceChildren(icon, make("h3", "", chinese), make("p", "", english), last);
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

// What a person does

function go(target) {
  keepDraft(() => move(target));
  drawn.clear();
  showList(false);
  follow.end = true;
  draw();
  $("text").focus();
}

// The button that was pressed here, until the robot shows other ones.
function pressedOn({ card, buttons }) {
  const { id, among } = pressed.get(card) ?? {};
  return among === JSON.stringify(buttons) ? id : undefined;
}

async function press(entry, button, node) {
  for (const other of node.parentElement.children) other.setAttribute("aria-pressed", "false");
  node.setAttribute("aria-pressed", "true");
  pressed.set(entry.card, { id: button.id, among: JSON.stringify(entry.buttons) });
  try {
    const { delivered } = await post("click", { card: entry.card, button: button.id, user: here.person });
    if (delivered) return;
    toast("clickLost");
  } catch {
    toast("clickFailed");
  }
  pressed.delete(entry.card);
  node.setAttribute("aria-pressed", "false");
}

// On a narrow screen the list of conversations is a drawer.
function showList(open) {
  document.body.classList.toggle("list-open", open);
  $("open-list").setAttribute("aria-expanded", String(open));
  if (open) ($("conversations").querySelector("[aria-current=true]") ?? $("close-list")).focus();
}

function key(event) {
  const writing = event.target.matches("input, textarea, select");
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key)) step(event.key === "ArrowDown" ? 1 : -1, go);
  else if (event.key === "/" && !writing) $("text").focus();
  else if (event.key === "Escape" && document.body.classList.contains("list-open")) showList(false);
  else return;
  event.preventDefault();
}

fillIn(document);
options($("theme"), ["auto", "light", "dark"].map((name) => [name, say(name)]), theme());
$("theme").addEventListener("change", (event) => setTheme(event.target.value));
$("open-list").addEventListener("click", () => showList(true));
$("close-list").addEventListener("click", () => showList(false));
$("scrim").addEventListener("click", () => showList(false));
$("log").addEventListener("scroll", scrolled);
document.addEventListener("keydown", key);
const grown = new ResizeObserver(stayAtEnd);
grown.observe($("lines"));
grown.observe($("log"));
listenToWriting(draw);
listenToDialogs(go);
listen(draw);
