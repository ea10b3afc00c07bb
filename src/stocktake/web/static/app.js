// @ts-check
// What every page has: keys, copying, the drawer, and live parts. All of it is an addition:
// pages work without script.
import { listen } from "./parts/live.js";
import { keepSession } from "./parts/session.js";

/** @type {any} */
const htmx = /** @type {any} */ (window).htmx;
const root = document.documentElement;

/** Say something to screen readers, at most the latest of each moment. @param {string} text */
export function say(text) {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}

/** Show a short message that is also somewhere else. @param {string} text */
export function toast(text) {
  const place = document.querySelector(".toasts");
  if (!place) return;
  const line = document.createElement("div");
  line.textContent = text;
  place.append(line);
  setTimeout(() => line.remove(), 4000);
}

/** @type {HTMLElement | null} */
let opener = null;

/** Show a page's details beside the present one. @param {string} address */
export function openDrawer(address) {
  const drawer = document.getElementById("drawer");
  if (!drawer || !htmx) { location.assign(address); return; }
  opener = /** @type {HTMLElement | null} */ (document.activeElement);
  drawer.hidden = false;
  drawer.setAttribute("aria-busy", "true");
  htmx.ajax("GET", address, { target: "#drawer", swap: "innerHTML", headers: { "HX-Target": "aside#drawer" } }).then(() => {
    drawer.removeAttribute("aria-busy");
    /** @type {HTMLElement | null} */ (drawer.querySelector("[data-close]"))?.focus();
  });
}

export function closeDrawer() {
  const drawer = document.getElementById("drawer");
  if (!drawer || drawer.hidden) return false;
  drawer.hidden = true;
  drawer.replaceChildren();
  opener?.focus();
  return true;
}

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("[data-close]")) closeDrawer();
  const copy = target.closest("[data-copy]");
  if (copy) {
    const text = copy.parentElement?.querySelector("code")?.textContent || "";
    navigator.clipboard?.writeText(text.trim()).then(() => toast("Copied"), () => toast("The browser did not allow copying"));
  }
  const menu = target.closest("a.menu");
  if (menu) {
    event.preventDefault();
    const side = document.getElementById("side");
    side?.classList.toggle("open");
    menu.setAttribute("aria-expanded", String(side?.classList.contains("open")));
    /** @type {HTMLElement | null} */ (side?.querySelector("a"))?.focus();
  }
});

document.querySelectorAll("[data-print]").forEach((button) => {
  /** @type {HTMLElement} */ (button).hidden = false;
  button.addEventListener("click", () => print());
});

let waiting = "";
const here = location.pathname.match(/^\/s\/[^/]+/)?.[0] || "";
/** @type {Record<string, string>} */
const places = { o: "/", r: "/runs", g: here ? `${here}/gaps` : "/", p: here ? `${here}/plans/new` : "/" };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    document.getElementById("side")?.classList.remove("open");
    closeDrawer();
    return;
  }
  const typing = /** @type {Element} */ (event.target).closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || root.dataset.shortcuts === "off") return;
  if (waiting === "g" && places[event.key]) { location.assign(places[event.key]); return; }
  waiting = event.key === "g" ? "g" : "";
  if (event.key === "/") { event.preventDefault(); document.getElementById("search")?.focus(); }
  if (event.key === "?") /** @type {any} */ (document.getElementById("keys"))?.showModal();
});

// The browser's zone is the default; the server shows times in it from the next page on.
if (!document.cookie.includes("stocktake-zone=") && !document.querySelector("[data-zone-known]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `stocktake-zone=${zone}; path=/; max-age=31536000; samesite=lax`;
}

// A part that cannot be fetched stays as it is; live parts say more, and try again.
document.body.addEventListener("htmx:error", (event) => {
  if (!(/** @type {Element} */ (event.target).closest("[data-live]"))) toast("The server does not answer; try again");
});
document.body.addEventListener("htmx:after:swap", () => document.dispatchEvent(new Event("stocktake:drawn")));
keepSession();
listen();
