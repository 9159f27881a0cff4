// Small helpers over the document. Text stays text here; only `markdown` takes HTML, the server's own.

export function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

export function both(tag, className, chinese, english) {
  const node = make(tag, className, `${chinese} `);
  node.append(make("span", "", english));
  return node;
}

export function face(name, robot = false) {
  const node = make("div", `face ${robot ? "robot" : `tint-${hash(name) % 6}`}`, robot ? "AI" : [...name].slice(-2).join(""));
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
  select.replaceChildren(...pairs.map(([value, label]) => {
    const option = make("option", "", label);
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
