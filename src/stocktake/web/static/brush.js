// @ts-check
// The whole history by month below a heatmap: dragging over it chooses the days shown.
const UNKNOWN = 127;
const STEPS = [25, 50, 75, 90, 98, 100];

class Brush {
  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.figure = figure;
    this.shares = new Uint8Array(0);
    this.first = 0;
    /** @type {number[]} */
    this.chosen = [];
  }

  async load() {
    const answer = await fetch(this.figure.dataset.brush || "", { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) return;
    const told = JSON.parse(answer.headers.get("X-Tile") || "{}");
    if (told.width < 2) return;
    this.shares = new Uint8Array(await answer.arrayBuffer());
    this.first = Number(told.origin.slice(0, 4)) * 12 + Number(told.origin.slice(5, 7)) - 1;
    const canvas = this.canvas = document.createElement("canvas");
    canvas.className = "brush";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Share held of each month, whole history. Drag over months to show them; the fields From and To do the same.");
    canvas.setAttribute("aria-describedby", this.figure.dataset.table || "");
    this.figure.append(canvas);
    const { since, until } = this.figure.dataset;
    if (since || until) this.chosen = [since ? this.number(since) : 0, until ? this.number(until) : this.shares.length - 1];
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); this.chosen = [this.at(event), this.at(event)]; this.draw(); });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons === 1 && this.chosen.length) { this.chosen[1] = this.at(event); this.draw(); } });
    canvas.addEventListener("pointerup", () => this.go());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** @param {string} day */
  number(day) { return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 - this.first; }

  /** @param {PointerEvent} event */
  at(event) {
    const wide = this.canvas?.clientWidth || 1;
    return Math.max(0, Math.min(this.shares.length - 1, Math.floor((event.offsetX / wide) * this.shares.length)));
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

  draw() {
    const context = this.canvas?.getContext("2d");
    if (!context || !this.canvas) return;
    const style = getComputedStyle(document.documentElement);
    const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const ratio = devicePixelRatio || 1, wide = this.canvas.clientWidth, high = this.canvas.clientHeight;
    this.canvas.width = Math.round(wide * ratio);
    this.canvas.height = Math.round(high * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const cell = wide / this.shares.length;
    const [low, top] = this.chosen.length ? [Math.min(...this.chosen), Math.max(...this.chosen)] : [0, this.shares.length];
    this.shares.forEach((share, month) => {
      context.globalAlpha = month >= low && month <= top ? 1 : 0.35;
      const step = STEPS.findIndex((limit) => share < limit);
      context.fillStyle = share === UNKNOWN ? of("line") : of(`c${step < 0 ? 6 : step}`);
      context.fillRect(month * cell, 0, Math.max(1, cell - 0.5), high - 12);
      if ((this.first + month) % 12 === 0) {
        context.globalAlpha = 1;
        context.fillStyle = of("text-2");
        context.font = "10px system-ui, sans-serif";
        if (cell * 12 > 30 || (this.first + month) % 60 === 0) context.fillText(`${(this.first + month) / 12}`, month * cell, high - 2);
      }
    });
    context.globalAlpha = 1;
  }
}

for (const figure of document.querySelectorAll("figure[data-brush]")) new Brush(/** @type {HTMLElement} */ (figure)).load();
