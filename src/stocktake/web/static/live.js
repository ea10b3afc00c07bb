// @ts-check
// One stream of events per browser, shared between tabs. A message names what changed; the part
// of the page that shows it is then fetched, so rights are checked there. Without a stream the
// parts are fetched every three seconds while they say that they want to be.

const RETRY = [1000, 2000, 5000, 10000, 20000];
const POLL = 3000;
const QUIET = 1000;

/** @type {Map<Element, number>} */
const drawn = new Map();

/** Fetch a live part anew, at most once a second, never while somebody types in it. @param {Element} part */
function refresh(part) {
  const htmx = /** @type {any} */ (window).htmx;
  const since = Date.now() - (drawn.get(part) || 0);
  if (!part.isConnected || document.hidden) return;
  if (part.contains(document.activeElement) && document.activeElement?.matches("input, textarea, select")) return;
  if (since < QUIET) { setTimeout(() => refresh(part), QUIET - since + 50); return; }
  drawn.set(part, Date.now());
  htmx?.ajax("GET", part.getAttribute("data-fragment"), { target: part, swap: "innerHTML", headers: { "HX-Target": `div#${part.id}` } });
}

/** @param {string} topic */
function changed(topic) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const wanted = (part.getAttribute("data-live") || "").split(" ");
    if (wanted.some((one) => topic === one || topic.startsWith(one))) refresh(part);
  }
}

/** @param {string} text */
function tell(text) {
  for (const place of document.querySelectorAll("[data-connection]")) place.textContent = text;
}

export function listen() {
  if (!document.querySelector("[data-live]")) return;
  const shared = "BroadcastChannel" in window ? new BroadcastChannel("stocktake") : null;
  shared?.addEventListener("message", (event) => changed(event.data));
  const connect = () => hold(shared, 0);
  // One tab holds the stream; when it closes, the lock passes to the next.
  if (navigator.locks) navigator.locks.request("stocktake-stream", () => new Promise(() => connect()));
  else connect();
}

/** @param {BroadcastChannel | null} shared @param {number} failures */
function hold(shared, failures) {
  const stream = new EventSource("/events");
  let poll = 0;
  stream.addEventListener("change", (event) => {
    const topic = /** @type {MessageEvent} */ (event).data;
    changed(topic);
    shared?.postMessage(topic);
  });
  stream.addEventListener("open", () => { failures = 0; tell(""); clearInterval(poll); });
  stream.addEventListener("error", () => {
    stream.close();
    clearInterval(poll);
    tell("reconnecting");
    const wait = RETRY[Math.min(failures, RETRY.length - 1)] * (0.8 + 0.4 * Math.random());
    if (failures >= 3) poll = window.setInterval(() => changed(""), POLL);
    setTimeout(() => { clearInterval(poll); hold(shared, failures + 1); }, wait);
  });
}
