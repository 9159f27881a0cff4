// What the server told, who is looking, and where: it draws nothing.

import { on } from "./feed.js";

const KEPT = 400;

export const world = { robots: [], people: [], guests: [], groups: new Map(), entries: new Map(), live: false };
export const here = { robot: "", person: "", group: "", ...remembered() };
const news = new Map();

// Calls `changed` whenever there is something new.
export function listen(changed) {
  on("hello", (all) => {
    world.live = true;
    world.entries.clear();
    meet(all);
    all.entries.forEach(take);
    changed();
  });
  on("presence", (all) => {
    meet(all);
    changed();
  });
  on("entry", (entry) => {
    const known = world.entries.has(entry.id);
    take(entry);
    if (!known && !inView(entry)) news.set(placeOf(entry), newsAt(placeOf(entry)) + 1);
    changed();
  });
  on("error", () => {
    world.live = false;
    changed();
  });
}

function meet({ robots, people, groups }) {
  world.robots = robots;
  world.people = [...people, ...world.guests.filter((guest) => !people.some((person) => person.id === guest.id))];
  world.groups = new Map(groups.map((group) => [group.id, group]));
  if (!world.groups.has(here.group)) here.group = "";
  if (!robots.some((robot) => robot.id === here.robot)) {
    here.robot = (robots.find((robot) => robot.connections) ?? robots[0])?.id ?? "";
  }
  if (!world.people.some((person) => person.id === here.person)) here.person = people[0].id;
}

function take(entry) {
  world.entries.set(entry.id, entry);
  if (world.entries.size > KEPT) world.entries.delete(world.entries.keys().next().value);
}

// Somebody whom the server meets with their first message.
export function invite(guest) {
  world.guests.push(guest);
  world.people.push(guest);
}

// A place is a private chat of one person with one robot, or a group.

export const privately = (robot, person) => `${robot} ${person}`;
export const placeOf = (entry) => entry.chat.group ? entry.chat.id : privately(entry.chat.robot, entry.chat.person);
export const placeHere = () => here.group || privately(here.robot, here.person);
export const inView = (entry) => placeOf(entry) === placeHere();
export const linesHere = () => [...world.entries.values()].filter(inView).sort((one, other) => one.id - other.id);
export const lastAt = (place) => [...world.entries.values()].findLast((entry) => placeOf(entry) === place);
export const newsAt = (place) => news.get(place) ?? 0;
export const newsOf = (person) => world.robots.reduce((sum, robot) => sum + newsAt(privately(robot.id, person)), 0);
export const allNews = () => [...news.values()].reduce((sum, each) => sum + each, 0);
export const seen = (place) => news.delete(place);
export const robotHere = () => world.robots.find((robot) => robot.id === here.robot);
export const personHere = () => world.people.find((person) => person.id === here.person);

// A reload comes back to where one was; each tab has a place of its own, so that two can be two people.

export function move(target) {
  Object.assign(here, target);
  sessionStorage.setItem("here", JSON.stringify(here));
}

function remembered() {
  return JSON.parse(sessionStorage.getItem("here") ?? "{}");
}
