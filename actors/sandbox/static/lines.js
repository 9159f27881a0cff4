// One line of a chat: what a person said with what they attached and quoted, a plain message, or a card.

import { cardBox } from "./cards.js";
import { clock } from "./conversations.js";
import { button, face, label, make, markdown } from "./dom.js";
import { say, TEXTS } from "./texts.js";

// `person` is who looks, `people` whom a mention may name, `pressed` the button that was pressed on this card; `press`
// and `quote` are what pressing a button and quoting do.
export function line(entry, { person, people, pressed, press, quote }) {
  const said = entry.kind === "said";
  const mine = said && entry.sender === person;
  const node = make("article", `line ${entry.kind}${mine ? " mine" : ""}`);
  node.dataset.entry = entry.id;
  const body = make("div", "body");
  body.append(byline(entry, said, quote));
  if (said) body.append(bubble(entry, people), make("div", `state ${entry.state}`, say(entry.state)));
  else if (entry.kind === "card") body.append(cardBox(entry, mentions(entry.mentions), pressed, press));
  else body.append(messageBox(entry));
  node.append(face(said ? entry.nick : entry.robot, !said), body);
  return node;
}

function byline(entry, said, quote) {
  const by = make("div", "by");
  by.append(make("span", "who", said ? entry.nick : entry.robot));
  if (!said) by.append(make("span", "badge", TEXTS.robot[0]));
  by.append(make("time", "", clock(entry.time)), label(button("quote-it", () => quote(entry), TEXTS.quote[0]), "quote"));
  return by;
}

function bubble(entry, people) {
  const box = make("div", "bubble");
  if (entry.quote) box.append(quoted(entry.quote));
  const words = make("p", "words");
  if (entry.chat.group) words.append(make("span", "mention", `@${entry.robot}`), " ");
  words.append(...withMentions(entry.text, entry.chat.group ? people : []));
  if (words.textContent.trim()) box.append(words);
  if (entry.attached.length) box.append(attachments(entry.attached));
  return box;
}

// A text in pieces, those that call somebody marked.
function withMentions(text, people) {
  const calls = new Set(people.map(({ nick }) => `@${nick}`));
  return text.split(/(@\S+)/u).filter(Boolean).map((piece) => make("span", calls.has(piece) ? "mention" : "said-text", piece));
}

function quoted({ entry, nick, text }) {
  const show = () => {
    const line = document.querySelector(`#lines [data-entry="${entry}"]`);
    line?.scrollIntoView({ block: "center" });
    line?.animate?.({ opacity: [0.4, 1] }, 600);
  };
  return button("quoted", show, make("b", "", nick), make("span", "", text));
}

function attachments(attached) {
  const row = make("div", "attachments");
  row.append(...attached.map((each) => each.kind === "picture" ? picture(each) : file(each)));
  return row;
}

function picture({ url }) {
  const node = make("img");
  node.src = url;
  node.alt = say("picture");
  node.loading = "lazy";
  node.addEventListener("error", () => node.replaceWith(make("span", "chip", `[${say("picture")}]`)));
  return node;
}

function file({ kind, name, url }) {
  const node = make("a", "chip", name || `[${say(kind in TEXTS ? kind : "file")}]`);
  node.href = url;
  node.download = name;
  return node;
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
