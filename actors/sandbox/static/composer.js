// Writing: words, a quote, attachments, and whom they are for. A draft stays with its conversation.

import { attach, post } from "./actions.js";
import { $, button, face, label, make, options, toast } from "./dom.js";
import { TEXTS } from "./texts.js";
import { here, move, personHere, placeHere, world } from "./world.js";

const LARGEST = 2.8e6;
const drafts = new Map();
let draft = empty();
let sending = false;

function empty() {
  return { text: "", quote: null, files: [] };
}

// What is written here stays behind for when one comes back; `travel` goes elsewhere.
export function keepDraft(travel) {
  draft.text = $("text").value;
  drafts.set(placeHere(), draft);
  travel();
  draft = drafts.get(placeHere()) ?? empty();
  $("text").value = draft.text;
  closeMenu();
  drawDraft();
}

export function quote(entry) {
  const said = entry.kind === "said";
  const text = said ? entry.text : document.querySelector(`#lines [data-entry="${entry.id}"] .md`)?.textContent ?? "";
  draft.quote = { id: entry.id, nick: said ? entry.nick : entry.robot, text: text || entry.title || "" };
  drawDraft();
  $("text").focus();
}

// What the world says about writing here.
export function drawComposer() {
  $("to").hidden = !here.group;
  options($("robot"), world.robots.map(({ id, connections }) => [id, connections ? id : `${id}（${TEXTS.offline[0]}）`]), here.robot);
  ready();
}

function drawDraft() {
  const parts = draft.files.map((file) => chip(file, () => { draft.files = draft.files.filter((each) => each !== file); }));
  if (draft.quote) parts.unshift(quoteBar(draft.quote, () => { draft.quote = null; }));
  $("draft").replaceChildren(...parts);
  grow();
}

function chip({ name, picture, code }, drop) {
  const node = make("div", "chip");
  if (picture) {
    const image = make("img");
    image.src = `/sandbox/attached?${new URLSearchParams({ code })}`;
    image.alt = "";
    node.append(image);
  }
  node.append(make("span", "", name), remover(drop));
  return node;
}

function quoteBar({ nick, text }, drop) {
  const node = make("div", "quote-bar");
  node.append(make("b", "", nick), make("span", "", text), remover(drop));
  return node;
}

function remover(drop) {
  const press = () => {
    drop();
    drawDraft();
    $("text").focus();
  };
  return label(button("remove", press, "×"), "remove");
}

function grow() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
  ready();
}

const written = () => Boolean($("text").value.trim() || draft.files.length);
const ready = () => { $("send").disabled = !written() || !here.robot; };

// Sending

// Pictures stand in the text; in a group they must, since only there is a mention. Every other file is a message.
function messages(text) {
  const pictures = draft.files.filter((file) => file.picture).map(({ code }) => ({ type: "picture", downloadCode: code, pictureDownloadCode: code }));
  const others = draft.files.filter((file) => !file.picture).map(other);
  if (!pictures.length) return [...(text ? [{ text, ...(draft.quote ? { quoting: draft.quote.id } : {}) }] : []), ...others];
  const { type: _, ...alone } = pictures[0];
  const plain = !text && pictures.length === 1 && !here.group;
  const first = plain ? { msgtype: "picture", content: alone } : { msgtype: "richText", content: { richText: [...(text ? [{ text }] : []), ...pictures] } };
  return [{ text: "", ...first }, ...others];
}

function other({ name, type, code }) {
  const content = { downloadCode: code };
  if (type.startsWith("video/")) return { text: "", msgtype: "video", content: { ...content, videoType: type.slice(6), fileName: name } };
  return { text: "", msgtype: "file", content: { ...content, fileName: name } };
}

async function send(event) {
  event?.preventDefault();
  if (!written() || !here.robot || sending) return;
  const typed = $("text").value;
  const unsent = { ...draft, text: typed };
  const person = personHere();
  const group = here.group ? { group: world.groups.get(here.group).title, at: called(typed) } : {};
  const who = { robot: here.robot, sender: here.person, nick: person.nick, staff: person.staff, ...group };
  const outgoing = messages(typed.trim());
  const place = placeHere();
  draft = empty();
  $("text").value = "";
  drawDraft();
  sending = true;
  try {
    for (const message of outgoing) await post("say", { ...who, ...message });
  } catch {
    toast("notSent");
    if (placeHere() !== place) drafts.set(place, unsent);
    else if (!written()) {
      draft = unsent;
      $("text").value = typed;
      drawDraft();
    }
  } finally {
    sending = false;
  }
}

const called = (text) => world.people.filter(({ nick }) => text.split(/\s/u).includes(`@${nick}`)).map(({ id }) => id);

// Attaching

async function take(files) {
  const place = placeHere();
  const into = draft;
  for (const file of files) {
    const picture = ["image/png", "image/jpeg", "image/gif", "image/webp"].includes(file.type);
    if (here.group && !picture) toast("notInGroups");
    else if (file.size > LARGEST) toast("tooLarge");
    else {
      try {
        into.files = [...into.files, { name: file.name, type: file.type, picture, code: await attach(file) }];
      } catch {
        toast("notAttached");
      }
    }
  }
  if (placeHere() === place) drawDraft();
  $("text").focus();
}

function listenToFiles() {
  $("attach").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", async () => {
    await take([...$("files").files]);
    $("files").value = "";
  });
  $("text").addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take([...event.clipboardData.files]);
  });
  const chat = $("chat");
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  chat.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    chat.classList.add("dropping");
  });
  chat.addEventListener("dragleave", (event) => { if (!chat.contains(event.relatedTarget)) chat.classList.remove("dropping"); });
  chat.addEventListener("drop", (event) => {
    chat.classList.remove("dropping");
    if (!carries(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}

// Mentioning: what follows an @ at the caret picks a robot or a person of the group

const callAt = () => here.group ? /(?:^|\s)@(\S*)$/u.exec($("text").value.slice(0, $("text").selectionStart)) : null;

function drawMenu() {
  const call = callAt();
  const begins = (name) => call && name.toLowerCase().startsWith(call[1].toLowerCase());
  const robots = world.robots.filter(({ id }) => begins(id)).map(({ id }) => [id, true, () => callRobot(id)]);
  const people = world.people.filter(({ id, nick }) => id !== here.person && begins(nick)).map(({ nick }) => [nick, false, () => replaceCall(`@${nick} `)]);
  const items = [...robots, ...people].map(([name, robot, pick]) => {
    const item = button("", pick, face(name, robot), make("span", "", name));
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.tabIndex = -1;
    return item;
  });
  items[0]?.setAttribute("aria-selected", "true");
  $("mentions").replaceChildren(...items);
  $("mentions").hidden = !items.length;
}

function callRobot(id) {
  move({ robot: id });
  replaceCall("");
  drawComposer();
}

function replaceCall(by) {
  const field = $("text");
  const caret = field.selectionStart;
  field.setRangeText(by, caret - callAt()[1].length - 1, caret, "end");
  closeMenu();
  grow();
  field.focus();
}

const closeMenu = () => { $("mentions").hidden = true; };

// True when the key was the menu's.
function menuKey(key) {
  if ($("mentions").hidden) return false;
  const items = [...$("mentions").children];
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (key === "Escape") closeMenu();
  else if (key === "Enter" || key === "Tab") items[at].click();
  else if (key === "ArrowDown" || key === "ArrowUp") {
    const next = items[(at + (key === "ArrowDown" ? 1 : -1) + items.length) % items.length];
    items[at].setAttribute("aria-selected", "false");
    next.setAttribute("aria-selected", "true");
    next.scrollIntoView({ block: "nearest" });
  } else return false;
  return true;
}

function typed(event) {
  // While an input method composes Chinese, keys belong to it.
  if (event.isComposing) return;
  if (menuKey(event.key)) event.preventDefault();
  else if (event.key === "Enter" && !event.shiftKey) send(event);
  else if (event.key === "Escape" && draft.quote) {
    draft.quote = null;
    drawDraft();
  } else return;
  event.stopPropagation();
}

export function listenToWriting(redraw) {
  $("composer").addEventListener("submit", send);
  $("text").addEventListener("input", () => {
    grow();
    drawMenu();
  });
  $("text").addEventListener("keydown", typed);
  $("text").addEventListener("blur", (event) => { if (!$("mentions").contains(event.relatedTarget)) closeMenu(); });
  $("robot").addEventListener("change", (event) => {
    move({ robot: event.target.value });
    redraw();
  });
  listenToFiles();
}
