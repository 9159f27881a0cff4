// How much of the platform's limits is used: calls of each API in a second, and the month's quota.

import { english, node } from "./parts.js";

const panel = node("div", "i-panel i-limits");

export const limitsPanel = () => panel;

export function drawLimits(limits, robot) {
  if (!limits) return;
  const rates = limits.rates.filter((rate) => !robot || rate.robot === robot);
  panel.replaceChildren(
    node("h3", "", "每秒调用 ", english(`Calls a second, of ${limits.limit || "any number"}; peak of the last minute`)),
    ...(rates.length ? rates.map((rate) => rateNode(rate, limits.limit)) : [node("p", "i-none", "最近一分钟没有调用 ", english("No calls in the last minute"))]),
    node("h3", "", "本月额度 ", english("The month's quota, standard edition")),
    gauge("接口调用", "API calls", limits.calls.used, limits.calls.limit, "quota-calls"),
    gauge("Webhook 与 Stream", "Webhook and Stream", limits.pushes.used, limits.pushes.limit, "quota-pushes"),
    node("p", "i-hint", "自沙箱启动以来；真实平台按整个组织计算。", node("br", ""), english("Since the sandbox began; the real platform counts the whole organisation.")),
  );
}

function rateNode(rate, limit) {
  const made = gauge(rate.api, rate.robot, rate.now, limit, `rate-${rate.api}`);
  made.querySelector("b").textContent = `${rate.now} · 峰值 peak ${rate.peak}`;
  const peak = node("i", "i-peak");
  peak.style.left = `${limit ? Math.min(100, (100 * rate.peak) / limit) : 0}%`;
  made.querySelector(".i-gauge").append(peak);
  return made;
}

function gauge(chinese, inEnglish, used, limit, name) {
  const share = limit ? Math.min(100, (100 * used) / limit) : 0;
  const fill = node("i", share >= 90 ? "full" : share >= 60 ? "high" : "");
  fill.style.width = `${share}%`;
  const made = node("div", "i-limit", node("span", "", chinese, " ", english(inEnglish)), node("b", "", `${used} / ${limit || "∞"}`), node("div", "i-gauge", fill));
  made.dataset.limit = name;
  return made;
}
