// The bar of one question: how its time was spent, from the ack to the final text.

import { english, node, seconds } from "./parts.js";

const STATES = {
  lost: ["未送达", "Lost"], waiting: ["等待", "Waiting"], running: ["回答中", "Answering"], done: ["完成", "Done"], failed: ["失败", "Failed"],
};
const MOMENTS = [
  ["ack", "应答", "ack"], ["card", "首卡", "first card"], ["token", "首字", "first token"], ["message", "消息", "message"], ["final", "完成", "final"],
];

export function bar({ state, moments, updates }) {
  const end = Math.max(...Object.values(moments), ...updates, 0.001);
  const at = (time) => `${(100 * Math.max(0, time)) / end}%`;
  const track = node("div", "i-bar");
  const { ack, card, token, message } = moments;
  const first = card ?? message;
  stretch(track, "reach", 0, first ?? ack, at);
  if (card !== undefined) stretch(track, "think", card, token ?? end, at);
  if (token !== undefined) stretch(track, "type", token, moments.final ?? end, at);
  for (const time of updates) track.append(mark("i-update", at(time)));
  if (ack !== undefined) track.append(mark("i-ack", at(ack)));
  if (moments.final !== undefined) track.append(mark("i-final", at(moments.final)));
  const told = MOMENTS.filter(([name]) => moments[name] !== undefined).map(([name, chinese, inEnglish]) =>
    node("span", `i-moment ${name}`, chinese, " ", english(inEnglish), " ", node("b", "", seconds(moments[name]))));
  if (updates.length) told.splice(moments.final === undefined ? told.length : -1, 0, node("span", "i-moment updates", "更新", " ", english("updates"), " ", node("b", "", String(updates.length))));
  return [track, node("div", "i-moments", node("span", `i-badge ${state}`, STATES[state].join(" ")), ...told)];
}

function stretch(track, kind, from, to, at) {
  if (to === undefined) return;
  const made = mark(`i-${kind}`, at(from));
  made.style.width = `calc(${at(to)} - ${at(from)})`;
  track.append(made);
}

function mark(className, left) {
  const made = node("i", className);
  made.style.left = left;
  return made;
}
