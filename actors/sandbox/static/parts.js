// What the inspector is built of. Text stays text.

import { options } from "./dom.js";

export function node(tag, className, ...parts) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...parts);
  return made;
}

export const english = (text) => node("span", "english", text);

export function button(className, press, ...parts) {
  const made = node("button", className, ...parts);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}

// A select with its label; `offer` gives it pairs of value and text.
export function picker(chinese, inEnglish, name, choose) {
  const select = node("select", "");
  select.addEventListener("change", () => choose(select.value));
  const made = node("label", "i-pick", chinese, " ", english(inEnglish), " ", select);
  made.dataset.pick = name;
  made.offer = (pairs, chosen) => options(select, pairs, chosen);
  return made;
}

export const seconds = (time) => time < 1 ? `${Math.round(time * 1000)} ms` : `${time.toFixed(1)} s`;

export const pretty = (data) => typeof data === "string" ? data : JSON.stringify(data, null, 2);
