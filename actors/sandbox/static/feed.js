// What the server tells, in one stream for the whole page: a browser opens only six connections to a server.

const listeners = [];

// Whoever wants to hear of a kind of news says so while its module is read; the stream begins when all are.
export function on(kind, take) {
  listeners.push([kind, take]);
}

document.addEventListener("DOMContentLoaded", () => {
  const source = new EventSource("/sandbox/events");
  for (const [kind, take] of listeners) {
    source.addEventListener(kind, (event) => take(event.data ? JSON.parse(event.data) : undefined));
  }
});
