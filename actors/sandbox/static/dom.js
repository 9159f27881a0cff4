// Small helpers over the document. Text stays text here; only `markdown` takes HTML, the server's own.

import { say, TEXTS } from "./texts.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

export function both(tag, className, key) {
  const [chinese, english] = TEXTS[key];
  const node = make(tag, className, `${chinese} `);
  node.append(make("span", "english", english));
  return node;
}

export function button(className, press, ...parts) {
  const node = make("button", className);
  node.type = "button";
  node.append(...parts);
  node.addEventListener("click", press);
  return node;
}

export function label(node, key) {
  node.title = say(key);
  node.setAttribute("aria-label", say(key));
  return node;
}

// The words that the document itself asks for.
export function fillIn(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.replaceChildren(...both("p", "", node.dataset.text).childNodes);
  for (const node of root.querySelectorAll("[data-label]")) label(node, node.dataset.label);
  for (const node of root.querySelectorAll("[data-hint]")) node.placeholder = TEXTS[node.dataset.hint].join(" · ");
}

export function face(name, robot = false) {
  const node = make("div", `face ${robot ? "robot" : `tint-${hash(name) % 6}`}`, robot ? "" : [...name].slice(-2).join(""));
  node.setAttribute("aria-hidden", "true");
  return node;
}

const hash = (text) => [...text].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 7);

export function markdown(className, html) {
  const node = document.createElement("div");
  node.className = className;
  node.innerHTML = html;
  return node;
}

export function options(select, pairs, chosen) {
  const wanted = JSON.stringify([pairs, chosen]);
  if (select.dataset.drawn === wanted) return;
  select.dataset.drawn = wanted;
  select.replaceChildren(...pairs.map(([value, text]) => {
    const option = make("option", "", text);
    option.value = value;
    option.selected = value === chosen;
    return option;
  }));
}

// Nodes that stay are left where they are, so that a click on a button of a card that is growing elsewhere is not lost.
export function place(parent, nodes) {
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  while (parent.children.length > nodes.length) parent.lastElementChild.remove();
}

let fading = 0;
export function toast(key) {
  $("toast").textContent = say(key);
  $("toast").hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { $("toast").hidden = true; }, 4000);
}
