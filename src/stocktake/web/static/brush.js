// @ts-check
// The whole history by month below a heatmap: dragging over it chooses the days shown.
const UNKNOWN = 127;
const STEPS = [25, 50, 75, 90, 98, 100];
const SPACE = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Record<string, string | number>} told */
function drawn(tag, told) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(told)) element.setAttribute(name, String(value));
  return element;
}

class Brush {
  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.figure = figure;
    this.first = 0;
    this.count = 0;
    /** @type {number[]} */
    this.chosen = [];
  }

  async load() {
    const answer = await fetch(this.figure.dataset.brush || "", { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) return;
    const told = JSON.parse(answer.headers.get("X-Tile") || "{}");
    if (told.width < 2) return;
    const shares = new Uint8Array(await answer.arrayBuffer());
    this.count = shares.length;
    this.first = Number(told.origin.slice(0, 4)) * 12 + Number(told.origin.slice(5, 7)) - 1;
    const { since, until } = this.figure.dataset;
    if (since || until) this.chosen = [since ? this.number(since) : 0, until ? this.number(until) : this.count - 1];
    const strip = this.strip = drawn("svg", { class: "brush", role: "img", viewBox: `0 0 ${this.count} 10`, preserveAspectRatio: "none", "aria-describedby": this.figure.dataset.table || "", "aria-label": "Share held of each month, whole history. Drag over months to show them; the fields From and To do the same." });
    const years = document.createElement("div");
    years.className = "brush-years";
    years.setAttribute("aria-hidden", "true");
    shares.forEach((share, month) => {
      const step = STEPS.findIndex((limit) => share < limit);
      strip.append(drawn("rect", { x: month, y: 0, width: 0.9, height: 10, class: share === UNKNOWN ? "none" : `c${step < 0 ? 6 : step}` }));
    });
    for (let month = 0; month < this.count; ) {
      const at = (this.first + month) % 12, months = Math.min(12 - at, this.count - month);
      const name = document.createElement("span");
      name.textContent = months > 5 ? String(Math.floor((this.first + month) / 12)) : "";
      name.style.flexGrow = String(months);
      years.append(name);
      month += months;
    }
    this.figure.append(strip, years);
    strip.addEventListener("pointerdown", (event) => { strip.setPointerCapture(/** @type {PointerEvent} */ (event).pointerId); this.chosen = [this.at(event), this.at(event)]; this.mark(); });
    strip.addEventListener("pointermove", (event) => { if (/** @type {PointerEvent} */ (event).buttons === 1 && this.chosen.length) { this.chosen[1] = this.at(event); this.mark(); } });
    strip.addEventListener("pointerup", () => this.go());
    this.mark();
  }

  /** @param {string} day */
  number(day) { return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 - this.first; }

  /** @param {Event} event */
  at(event) {
    const box = /** @type {Element} */ (this.strip).getBoundingClientRect();
    const part = (/** @type {PointerEvent} */ (event).clientX - box.left) / (box.width || 1);
    return Math.max(0, Math.min(this.count - 1, Math.floor(part * this.count)));
  }

  /** @param {number} month @param {number} day */
  date(month, day) {
    const at = this.first + month;
    return new Date(Date.UTC(Math.floor(at / 12), at % 12, day)).toISOString().slice(0, 10);
  }

  go() {
    const address = new URL(location.href);
    address.searchParams.set("since", this.date(Math.min(...this.chosen), 1));
    address.searchParams.set("until", this.date(Math.max(...this.chosen) + 1, 0));
    location.assign(address);
  }

  mark() {
    const [low, high] = this.chosen.length ? [Math.min(...this.chosen), Math.max(...this.chosen)] : [0, this.count];
    this.strip?.querySelectorAll("rect").forEach((rect, month) => rect.classList.toggle("faint", month < low || month > high));
  }
}

for (const figure of document.querySelectorAll("figure[data-brush]")) new Brush(/** @type {HTMLElement} */ (figure)).load();
