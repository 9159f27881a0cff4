// What the server tells, in one stream for the whole page: a browser opens only six connections to a server.

const listeners = [];

// Whoever wants to hear of a kind of news says so while its module is read; the stream begins when all are.
export function on(kind, take) {
  listeners.push([kind, take]);
}

document.addEventListener("DOMContentLoaded", listen);

// A browser comes back by itself when a stream breaks, but not when it is refused: too many pages are open.
const AGAIN = 2000;

function listen() {
  const source = new EventSource("/sandbox/events");
  for (const [kind, take] of listeners) {
    source.addEventListener(kind, (event) => take(event.data ? JSON.parse(event.data) : undefined));
  }
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN);
  });
}
