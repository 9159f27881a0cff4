// The left column: as whom one speaks, and the conversations that this person sees.

import { post } from "./actions.js";
import { $, both, button, face, make, place } from "./dom.js";
import { say, TEXTS } from "./texts.js";
import { here, invite, lastAt, newsAt, newsOf, placeHere, privately, world } from "./world.js";

const drawn = new Map();

// `go` leads to another person or place.
export function drawConversations(go) {
  place($("people"), [...world.people.map((person) => kept(`person ${person.id}`, personLook(person), (look) => personButton(look, go))), $("new-person")]);
  place($("conversations"), rows().map((look) => kept(`row ${look.place}`, look, () => row(look, go))));
  if (!world.robots.length && !world.groups.size) $("conversations").append(both("p", "none", "noRobot"));
}

// A button that looks as before is the same one, so that it keeps its focus and takes the click that is under way.
function kept(key, look, build) {
  const wanted = JSON.stringify(look);
  if (drawn.get(key)?.wanted !== wanted) drawn.set(key, { wanted, node: build(look) });
  return drawn.get(key).node;
}

const personLook = ({ id, nick, staff }) => ({ id, nick, staff, current: id === here.person, news: id === here.person ? 0 : newsOf(id) });

function personButton({ id, nick, staff, current, news }, go) {
  const name = make("span", "name", nick);
  const node = button("person", () => go({ person: id }), face(nick), name);
  if (!staff) node.append(make("span", "outside", TEXTS.outside[0]));
  if (news) node.append(badge(news));
  node.setAttribute("aria-pressed", String(current));
  node.title = staff ? nick : `${nick} · ${say("outside")}`;
  return node;
}

function rows() {
  const privates = world.robots.map((robot) => ({
    place: privately(robot.id, here.person), name: robot.id, robot: true, online: robot.connections > 0, target: { robot: robot.id, group: "" },
  }));
  const groups = [...world.groups.values()].map((group) => ({ place: group.id, name: group.title, robot: false, online: true, target: { group: group.id } }));
  return [...privates, ...groups].map((each) => ({ ...each, ...lastLook(each), current: each.place === placeHere(), news: newsAt(each.place) }));
}

function lastLook({ place: where, robot }) {
  const last = lastAt(where);
  if (!last) return { last: say(robot ? "privateChat" : "group"), time: "" };
  return { last: gist(last), time: clock(last.time), busy: last.kind === "card" && ["PROCESSING", "INPUTING", "EXECUTING"].includes(last.state) };
}

function gist(entry) {
  if (entry.kind === "said") return entry.text || entry.attached.map(({ kind }) => `[${say(kind in TEXTS ? kind : "file")}]`).join(" ");
  if (entry.kind === "message") return entry.title || `[${say("message")}]`;
  return ["FINISHED", "FAILED"].includes(entry.state) ? `[${TEXTS.card[0]}] ${entry.title || TEXTS[entry.state][0]}` : `${say(entry.state)}…`;
}

export const clock = (time) => new Date(time * 1000).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit" });

function row({ name, robot, online, target, last, time, busy, current, news }, go) {
  const picture = robot ? face(name, true) : groupFace(name);
  picture.classList.toggle("away", !online);
  const node = button("conversation", () => go(target), picture, make("span", "name", name), make("time", "", time), make("span", busy ? "last busy" : "last", last));
  if (news) node.append(badge(news));
  node.setAttribute("aria-current", String(current));
  return node;
}

function groupFace(name) {
  const node = face([...name].slice(0, 2).join(""));
  node.classList.add("group");
  return node;
}

const badge = (news) => make("span", "news", String(Math.min(news, 99)));

// The next or the previous conversation of this person.
export function step(by, go) {
  const all = rows();
  const next = all[(all.findIndex((each) => each.current) + by + all.length) % all.length];
  if (next) go(next.target);
}

// Dialogs for who and what is new

export function listenToDialogs(go) {
  opens("new-person", "person-dialog", (form) => {
    const nick = form.get("name").trim();
    const id = `guest-${crypto.randomUUID().slice(0, 8)}`;
    invite({ id, nick, staff: !form.has("outsider") });
    go({ person: id });
  });
  opens("new-group", "group-dialog", async (form) => {
    const title = form.get("name").trim();
    const { id } = await post("chat_id", { robot: here.robot, group: title });
    world.groups.set(id, { id, title, group: true });
    go({ group: id });
  });
}

function opens(opener, name, take) {
  const dialog = $(name);
  const form = dialog.querySelector("form");
  $(opener).addEventListener("click", () => {
    form.reset();
    dialog.showModal();
  });
  dialog.querySelector("[data-text=cancel]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const filled = new FormData(form);
    if (!filled.get("name").trim()) return;
    dialog.close();
    take(filled);
  });
}
