// @ts-check
// The session's end is told two minutes before, and what was typed outlives it: a form is sent
// only when the server answers and the session is open, else it stays as it is.
const WARN = 120000, ASK = "/api/v1/session", LONGEST_WAIT = 3600000;
const body = document.body;
const shared = "BroadcastChannel" in window ? new BroadcastChannel("stocktake-session") : null;
let ends = 0, timer = 0, is_over = false;

/** @param {string} text @param {(HTMLElement | null)[]} acts */
function notice(text, ...acts) {
  const place = document.getElementById("session");
  if (!place) return;
  const line = document.createElement("p");
  line.textContent = text;
  place.replaceChildren(...(text ? [line, .../** @type {HTMLElement[]} */ (acts.filter(Boolean))] : []));
  place.hidden = !text;
}

/** @param {string} text @param {() => void} does */
function button(text, does) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", does);
  return made;
}

function over() {
  if (is_over) return;
  is_over = true;
  clearTimeout(timer);
  const link = document.createElement("a");
  link.className = "button primary";
  link.href = "/login";
  link.target = "_blank";
  link.textContent = "Sign in in a new tab";
  notice("You are signed out. What you typed stays here: sign in in a new tab, then go on.", link);
}

/** @param {number | null} left seconds */
function learn(left) {
  if (left === null) return;
  ends = Date.now() + 1000 * left;
  is_over = false;
  look();
}

/** Warn when it is time, else come back then. */
function look() {
  clearTimeout(timer);
  if (is_over) return;
  const left = ends - Date.now();
  if (left <= 0) { ask(); return; }
  if (left <= WARN) {
    const at = new Date(ends).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    notice(`Your session ends at ${at}. What you typed stays here.`, button("Stay signed in", stay));
  } else {
    notice("");
  }
  timer = window.setTimeout(look, Math.min(LONGEST_WAIT, left > WARN ? left - WARN : left) + 100);
}

function stay() {
  const before = ends;
  ask().then((state) => {
    if (state === "open" && ends - before < 5000 && ends - Date.now() <= WARN) {
      notice("No session lasts longer than seven days. When this one ends, sign in in a new tab; what you typed stays here.");
    }
  });
}

/** Ask how the session is: "open", "over", "other" (somebody else's) or "away" (no answer). */
export async function ask() {
  const answer = await fetch(ASK, { headers: { accept: "application/json" }, cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) { over(); return "over"; }
  if (!answer?.ok) {
    notice("The server does not answer. What you typed stays here; try again in a moment.", button("Try again", ask));
    return "away";
  }
  const who = await answer.json();
  if (who.name !== body.dataset.who) {
    notice(`You are now signed in as ${who.name}. Load the page again to go on as ${who.name}.`, button("Load again", () => location.reload()));
    return "other";
  }
  body.dataset.csrf = who.csrf_token;
  for (const field of document.querySelectorAll("input[name=csrf_token]")) /** @type {HTMLInputElement} */ (field).value = who.csrf_token;
  learn(who.seconds_left);
  shared?.postMessage({ who: who.name, left: who.seconds_left });
  return "open";
}

/** @param {SubmitEvent} event */
function guard(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const by = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (form.dataset.sure) { delete form.dataset.sure; return; }
  if ((by?.getAttribute("formmethod") || form.getAttribute("method")) !== "post") return;
  event.preventDefault();
  event.stopPropagation();
  if (form.dataset.asking) return;
  form.dataset.asking = "yes";
  const action = form.action; // a part that is renewed meanwhile may make it another form
  ask().then((state) => {
    delete form.dataset.asking;
    if (state !== "open" || !form.isConnected || form.action !== action) return;
    form.dataset.sure = "yes";
    form.requestSubmit(by);
  });
}

/** A page that says "not now" comes by itself once it can. */
function retry() {
  const place = document.querySelector("[data-retry]");
  if (!place) return;
  const every = 1000 * Number(place.getAttribute("data-retry"));
  const look = () => fetch("/readyz", { cache: "no-store" }).then((answer) => { if (answer.ok) location.reload(); else setTimeout(look, every); }, () => setTimeout(look, every));
  setTimeout(look, every);
}

export function keepSession() {
  retry();
  if (!body.dataset.who) return;
  learn(body.dataset.left ? Number(body.dataset.left) : null);
  shared?.postMessage({ who: body.dataset.who, left: body.dataset.left ? Number(body.dataset.left) : null });
  shared?.addEventListener("message", (event) => {
    if (event.data.who === body.dataset.who && !is_over) learn(event.data.left);
    else ask();
  });
  document.addEventListener("submit", guard, true);
  document.addEventListener("stocktake:doubt", () => { if (!document.hidden) fetch(ASK, { cache: "no-store" }).then((answer) => { if (answer.status === 401) over(); }, () => {}); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { if (is_over) ask(); else look(); } });
  addEventListener("focus", () => { if (is_over) ask(); });
  // A part of the page that wants to lead to the login would take what was typed with it.
  document.addEventListener("htmx:before:response", (event) => {
    const answer = /** @type {CustomEvent} */ (event).detail?.ctx?.response;
    if (answer?.headers?.get("HX-Redirect")?.startsWith("/login")) { event.preventDefault(); over(); }
  });
}
