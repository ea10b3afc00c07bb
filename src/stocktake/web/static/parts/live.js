// @ts-check
// One stream of events per browser, shared between tabs. A message names what changed; the part
// of the page that shows it is then fetched, so rights are checked there. What cannot be fetched
// stays, is said to be old, and is tried again until it comes.

const BACKOFF = [1000, 2000, 5000, 10000];
const POLL = 3000, QUIET = 1000, AFAR = 5000, SILENT = 40000, LATELY = 10000;
const AWAY = "database:away", BACK = "database:back", ALL = "*";

/** @typedef {{drawn: number, busy: boolean, owed: boolean, timer: number}} Care */
/** @type {Map<Element, Care>} */
const cares = new Map();
const shared = "BroadcastChannel" in window ? new BroadcastChannel("stocktake") : null;
/** What was told a moment ago, for tabs that come later. @type {Map<string, number>} */
const lately = new Map();
const told = { lost: false, away: false, failing: "" };
let seenAt = new Date(), holds = false;

/** @param {Element} part */
function care(part) {
  const known = cares.get(part) || { drawn: 0, busy: false, owed: false, timer: 0 };
  cares.set(part, known);
  return known;
}

/** @param {Element} part */
function isTyped(part) {
  return part.contains(document.activeElement) && Boolean(document.activeElement?.matches("input, textarea, select"));
}

/** Fetch a part anew, at most once a second, never while hidden or typed in. @param {Element} part */
function refresh(part) {
  const one = care(part), since = Date.now() - one.drawn;
  if (!part.isConnected) { cares.delete(part); return; }
  const isFar = document.hidden, quiet = isFar ? AFAR : QUIET;
  if ((isFar && !part.hasAttribute("data-afar")) || one.busy || isTyped(part)) { one.owed = true; return; }
  if (since < quiet) { again(part, quiet - since + 50); return; }
  clearTimeout(one.timer);
  one.timer = 0;
  one.busy = true;
  one.owed = false;
  const htmx = /** @type {any} */ (window).htmx;
  htmx.ajax("GET", part.getAttribute("data-fragment"), { source: part, target: part, swap: "innerMorph", headers: { "HX-Target": `div#${part.id}` } });
}

/** @param {Element} part @param {number} wait */
function again(part, wait) {
  const one = care(part);
  if (!one.timer) one.timer = window.setTimeout(() => { one.timer = 0; refresh(part); }, wait);
}

/** @param {string} topic */
function changed(topic) {
  if (topic === AWAY || topic === BACK) told.away = topic === AWAY;
  else if (topic !== ALL) lately.set(topic, Date.now());
  for (const part of document.querySelectorAll("[data-live]")) {
    const wanted = (part.getAttribute("data-live") || "").split(" ");
    const isMeant = wanted.some((one) => topic === one || (one.endsWith(":") && topic.startsWith(one)));
    if (isMeant || topic === ALL || topic === BACK) refresh(part);
  }
  show();
}

/** Say what of the page is old, and why. */
function show() {
  const place = document.getElementById("link");
  if (!place) return;
  const why = told.lost ? "The connection is lost; reconnecting." : told.away ? "The database is away; waiting for it." : told.failing;
  const text = why ? `${why} What you see is of ${seenAt.toLocaleTimeString("en-GB")}.` : "";
  if (place.textContent !== text) place.textContent = text;
  document.documentElement.toggleAttribute("data-old", Boolean(text));
}

/** @param {Partial<typeof told>} news */
function note(news) {
  Object.assign(told, news);
  if (!told.lost && !told.away && !told.failing) seenAt = new Date();
  show();
}

/** What becomes of a part's request. @param {Element} part @param {string} failing */
function ended(part, failing) {
  const one = care(part);
  one.busy = false;
  one.drawn = Date.now();
  note({ failing });
  const every = Number(part.querySelector("[data-every]")?.getAttribute("data-every") || 0);
  if (failing) again(part, POLL);
  else if (one.owed) refresh(part);
  else if (every) again(part, every * 1000);
}

/** Let the tab's icon tell a run's state, and its end be heard of elsewhere. @param {Element} part */
function beacon(part) {
  const news = part.querySelector("[data-icon]");
  const icon = /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=icon]"));
  if (!news || !icon) return;
  icon.href = news.getAttribute("data-icon") || "";
  const ended = news.getAttribute("data-ended") || "";
  const ask = /** @type {HTMLElement | null} */ (document.querySelector("[data-notify]"));
  if (ended && ask && document.hidden && Notification.permission === "granted") new Notification(ended);
  if (ask) ask.hidden = Boolean(ended) || !("Notification" in window) || Notification.permission !== "default";
  if (ended) ask?.remove();
}

/** @param {Element} part */
function watch(part) {
  beacon(part);
  const mine = (/** @type {Event} */ event) => event.target === part;
  part.addEventListener("htmx:before:response", (event) => {
    const answer = /** @type {CustomEvent} */ (event).detail?.ctx?.response;
    if (!mine(event) || !answer || (answer.status < 400 && answer.status !== 204)) return;
    event.preventDefault(); // what is shown stays: an error is no news of the part
    ended(part, answer.status === 503 ? "The database is away; waiting for it." : answer.status === 204 ? "You are signed out." : `It could not be renewed (${answer.status}); trying again.`);
  });
  part.addEventListener("htmx:error", (event) => { if (mine(event)) ended(part, "The server does not answer; trying again."); });
  part.addEventListener("htmx:after:swap", (event) => { if (mine(event)) { ended(part, ""); beacon(part); } });
  const every = Number(part.querySelector("[data-every]")?.getAttribute("data-every") || 0);
  if (every) again(part, every * 1000);
}

function payDebts() {
  for (const [part, one] of cares) if (one.owed && !one.busy) refresh(part);
}

export function listen() {
  const parts = document.querySelectorAll("[data-live]");
  if (!parts.length) return;
  parts.forEach(watch);
  document.querySelector("[data-notify]")?.addEventListener("click", (event) => {
    Notification.requestPermission().then(() => { /** @type {HTMLElement} */ (event.target).hidden = true; });
  });
  document.addEventListener("visibilitychange", payDebts);
  document.addEventListener("focusout", () => setTimeout(payDebts));
  shared?.addEventListener("message", (event) => {
    const { topic, lost, hello } = event.data;
    if (topic) changed(topic);
    if (lost !== undefined) note({ lost });
    if (hello && holds) recall();
  });
  shared?.postMessage({ hello: true });
  // One tab holds the stream; when it closes, the lock passes to the next.
  if (navigator.locks) navigator.locks.request("stocktake-stream", () => new Promise(() => hold(0)));
  else hold(0);
}

/** Tell a tab that came later how things are, and what it may have missed while it loaded. */
function recall() {
  shared?.postMessage({ lost: told.lost });
  if (told.away) shared?.postMessage({ topic: AWAY });
  for (const [topic, at] of lately) {
    if (Date.now() - at < LATELY) shared?.postMessage({ topic });
    else lately.delete(topic);
  }
}

/** @param {string} topic */
function tell(topic) {
  changed(topic);
  shared?.postMessage({ topic });
}

/** @param {number} failures */
function hold(failures) {
  holds = true;
  const stream = new EventSource("/events");
  const was = failures;
  let heard = Date.now();
  const watchdog = setInterval(() => { if (Date.now() - heard > SILENT) fail(); }, 5000);
  const poll = failures >= 3 ? setInterval(() => tell(ALL), POLL) : 0;
  const fail = () => {
    stream.close();
    clearInterval(watchdog);
    clearInterval(poll);
    note({ lost: true });
    shared?.postMessage({ lost: true });
    document.dispatchEvent(new Event("stocktake:doubt"));
    setTimeout(() => hold(failures + 1), BACKOFF[Math.min(failures, BACKOFF.length - 1)] * (0.8 + 0.4 * Math.random()));
  };
  stream.addEventListener("open", () => {
    heard = Date.now();
    failures = 0;
    clearInterval(poll);
    note({ lost: false });
    shared?.postMessage({ lost: false });
    if (was) tell(ALL);
  });
  stream.addEventListener("beat", () => { heard = Date.now(); });
  stream.addEventListener("change", (event) => { heard = Date.now(); tell(/** @type {MessageEvent} */ (event).data); });
  stream.addEventListener("error", fail);
}
