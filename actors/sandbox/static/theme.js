// Light or dark: as the system says, or as the person does. It runs before the first paint.

const KEY = "theme";
const THEMES = ["auto", "light", "dark"];

export const theme = () => THEMES.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto";

export function setTheme(name) {
  localStorage.setItem(KEY, name);
  document.documentElement.dataset.theme = name;
}

document.documentElement.dataset.theme = theme();
