// Scenarios: what is recorded, saved and playing, the same on every page, and the buttons for it.

import { place } from "./dom.js";
import { on } from "./feed.js";
import { button, english, node, pretty, seconds } from "./parts.js";
import { here } from "./world.js";

const known = { recording: null, saved: [], plays: [] };
const panel = node("section", "i-scenarios");
const name = field("input", "名称", "Name");
const text = field("textarea", "场景的 JSON", "A scenario as JSON");
const trouble = node("p", "i-trouble");
const record = button("i-act i-record", () => act("record", {}), node("i", ""), "录制 ", english("Record"));
const keep = node("form", "i-keep", name, submit("保存", "Save"));
const state = node("div", "i-recording");
const list = node("div", "i-saved");
const paste = node("details", "i-paste", node("summary", "", "JSON：复制或粘贴 ", english("copy or paste")),
  node("form", "", text, submit("存为场景", "Keep it")));
const rows = new Map();

on("scenarios", (news) => {
  Object.assign(known, news);
  drawScenarios();
});

export function scenariosPanel() {
  const heading = node("h3", "", "场景 ", english("Scenarios"), record);
  trouble.setAttribute("role", "alert");
  trouble.hidden = true;
  state.setAttribute("role", "status");
  keep.addEventListener("submit", save);
  paste.querySelector("form").addEventListener("submit", take);
  panel.append(heading, state, keep, trouble, list, paste);
  return panel;
}

export function drawScenarios() {
  const { recording, saved } = known;
  panel.classList.toggle("recording", Boolean(recording));
  record.lastChild.textContent = recording ? "Again" : "Record";
  record.childNodes[1].textContent = recording ? "重新录制 " : "录制 ";
  keep.hidden = !recording;
  if (recording) {
    const since = new Date(recording.since * 1000).toTimeString().slice(0, 8);
    state.replaceChildren(node("strong", "", "正在录制 ", english("Recording")),
      node("span", "", `自 since ${since} · ${recording.happenings} 步 steps${recording.full ? " · 已满 full" : ""}`));
  } else if (saved.length) state.replaceChildren();
  else state.replaceChildren(node("p", "i-hint", "录下您的操作（消息、按钮、故障），以后可以一键重放。", " ",
    english("Record what you do here — messages, buttons, faults — and play it again at a press.")));
  for (const key of rows.keys()) if (!saved.some((each) => each.name === key)) rows.delete(key);
  place(list, saved.toReversed().map(row));
}

// A row stays, so that its buttons keep the focus.
function row(scenario) {
  const made = rows.get(scenario.name) ?? newRow(scenario.name);
  rows.set(scenario.name, made);
  const plays = known.plays.filter((each) => each.scenario === scenario.name);
  const latest = plays.findLast((each) => !each.over) ?? plays.at(-1);
  const playing = Boolean(latest) && !latest.over;
  const { facts, gauge, problems, play, halt } = made.parts;
  facts.textContent = latest ? progress(latest) : `${scenario.happenings} 步 steps · ${seconds(scenario.seconds)}`;
  made.dataset.state = !latest ? "" : playing ? "playing" : latest.problems.length ? "bad" : latest.done < latest.happenings ? "halted" : "done";
  gauge.hidden = !playing;
  gauge.firstChild.style.width = latest ? `${100 * latest.done / Math.max(1, latest.happenings)}%` : "0";
  problems.hidden = !latest?.problems.length;
  const told = (latest?.problems ?? []).join("\n");
  if (problems.dataset.told !== told) {
    problems.dataset.told = told;
    problems.replaceChildren(...(latest?.problems ?? []).map((each) => node("li", "", each)));
  }
  if (playing !== !halt.hidden) swap(playing ? play : halt, playing ? halt : play);
  return made;
}

function newRow(scenario) {
  const facts = node("small", "");
  const gauge = node("div", "i-gauge", node("i", ""));
  const problems = node("ul", "i-problems");
  const play = labelled(button("i-off", () => act("play", { name: scenario, robot: here.robot }), "▶ 播放 ", english("Play")), `播放 Play ${scenario}`);
  const halt = labelled(button("i-off i-halt", () => act("halt", {}), "■ 停止 ", english("Halt")), `停止 Halt ${scenario}`);
  const json = labelled(button("i-off", () => show(scenario), "JSON"), `JSON ${scenario}`);
  halt.hidden = true;
  const made = node("div", "i-scenario", node("strong", "", scenario), facts, node("div", "i-buttons", json, play, halt), gauge, problems);
  made.dataset.scenario = scenario;
  made.parts = { facts, gauge, problems, play, halt };
  return made;
}

// One button gives way to the other, and its focus with it.
function swap(from, to) {
  const focused = document.activeElement === from;
  to.hidden = false;
  from.hidden = true;
  if (focused) to.focus();
}

function progress({ over, done, happenings, problems }) {
  const word = !over ? "播放中 playing" : done < happenings ? "已停止 halted" : "已播完 played";
  return `${word} ${done}/${happenings}${problems.length ? ` · ${problems.length} 个问题 problems` : ""}`;
}

async function save(event) {
  event.preventDefault();
  if (!name.value.trim()) name.focus();
  else if (await act("save", { name: name.value.trim() })) {
    name.value = "";
    record.focus();
  }
}

async function show(scenario) {
  const { saved } = await (await fetch("/sandbox/scenarios")).json();
  paste.open = true;
  text.value = pretty(saved.find((each) => each.name === scenario) ?? {});
  text.focus();
  text.select();
}

async function take(event) {
  event.preventDefault();
  let scenario;
  try {
    scenario = JSON.parse(text.value);
  } catch (problem) {
    complain(`这不是 JSON This is no JSON: ${problem.message}`);
    return;
  }
  if (!scenario?.happenings) complain("这不是场景：缺少 happenings This is no scenario: it has no happenings");
  else if (await act("save", scenario)) paste.open = false;
}

// Whether it was done; if not, the server's reason is shown.
async function act(action, what) {
  const response = await fetch(`/sandbox/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(what),
  });
  complain(response.ok ? "" : (await response.json()).error);
  return response.ok;
}

function complain(reason) {
  trouble.textContent = reason;
  trouble.hidden = !reason;
}

function field(tag, chinese, inEnglish) {
  const made = labelled(node(tag, ""), `${chinese} ${inEnglish}`);
  made.placeholder = `${chinese} · ${inEnglish}`;
  made.spellcheck = false;
  return made;
}

function submit(chinese, inEnglish) {
  const made = node("button", "i-act", chinese, " ", english(inEnglish));
  made.type = "submit";
  return made;
}

function labelled(made, label) {
  made.setAttribute("aria-label", label);
  return made;
}
