// @ts-check
// The heatmap: one byte per cell, drawn on a canvas no larger than what is visible.
import { openDrawer, say } from "./app.js";

const STATES = ["complete", "thin", "empty", "stale", "missing", "failed", "blocked", "unrecoverable", "not_expected", "accepted", "future", "surplus"];
const GLYPHS = ["●", "◐", "∅", "↻", "○", "✕", "‖", "⊘", "", "~", "", "+"];
const UNKNOWN = 127;
const FIRST = 128;
const GAP = new Set([4, 5, 6, 7].map((at) => FIRST + at));
const HELD = 4;
const WORST = ["failed", "missing", "blocked", "unrecoverable", "stale", "thin", "accepted", "empty", "surplus", "complete", "not_expected", "future"].map((name) => FIRST + STATES.indexOf(name));
const STEPS = [25, 50, 75, 90, 98, 100];
const DAY = 86400000;
const ROW = 16, LINE = 15, HEAD = 20, GROUP = 20, LEAST = 3;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @typedef {{label: string, group: string, row: number, from: number, count: number, shift: number, y: number}} Line */

/** @param {number} code */
function stateName(code) { return (STATES[code - FIRST] || "").replace("_", " "); }

/** @param {string} tag @param {string} name @param {string} text */
function made(tag, name, text) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

export class Heatmap {
  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.figure = figure;
    this.kind = figure.dataset.kind || "day";
    this.names = /** @type {string[]} */ (JSON.parse(figure.dataset.rows || "[]"));
    this.byShare = figure.dataset.colour === "coverage";
    this.only = this.byShare ? "" : figure.dataset.state || "";
    this.tally = new Int32Array(256);
    this.firstMonth = Number(figure.dataset.month || 1);
    this.zoom = 1;
    this.cells = new Uint8Array(0);
    this.width = 0;
    this.origin = 0;
    /** @type {Line[]} */
    this.lines = [];
    this.at = { line: 0, column: 0 };
    /** @type {[number, number] | null} */
    this.chosen = null;
    this.busy = false;
    this.build();
  }

  build() {
    const bar = made("div", "bar-row", "");
    this.tip = made("div", "tip", "Loading");
    this.plan = /** @type {HTMLAnchorElement} */ (made("a", "button primary", ""));
    this.plan.hidden = true;
    this.decide = made("button", "", "Accept or recheck");
    this.decide.hidden = true;
    this.decide.addEventListener("click", () => openDrawer(`${this.figure.dataset.range}?${this.days()}`));
    const out = made("button", "", "−"), into = made("button", "", "+");
    out.setAttribute("aria-label", "Zoom out");
    into.setAttribute("aria-label", "Zoom in");
    out.addEventListener("click", () => this.zoomBy(0.5));
    into.addEventListener("click", () => this.zoomBy(2));
    bar.append(this.tip, this.plan, this.decide, out, into);
    this.scroll = made("div", "scroll", "");
    this.spacer = made("div", "spacer", "");
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", this.figure.dataset.label || "Heatmap");
    if (this.figure.dataset.table) this.canvas.setAttribute("aria-describedby", this.figure.dataset.table);
    this.scroll.append(this.spacer, this.canvas);
    this.figure.append(bar, this.scroll);
    this.scroll.addEventListener("scroll", () => this.later());
    new ResizeObserver(() => this.place()).observe(this.scroll);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.later());
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointerup", (event) => this.release(event));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", () => this.later());
    this.canvas.addEventListener("blur", () => this.later());
    this.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.5 : 1 / 1.5);
    }, { passive: false });
  }

  async load() {
    const answer = await fetch(this.figure.dataset.map || "", { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) {
      const again = made("button", "", "Try again");
      again.addEventListener("click", () => this.load());
      this.tip?.replaceChildren(`The picture could not be loaded (${answer ? answer.status : "no answer"}); the table shows the same. `, again);
      return;
    }
    const told = JSON.parse(answer.headers.get("X-Tile") || "{}");
    this.cells = new Uint8Array(await answer.arrayBuffer());
    this.kind = told.axis;
    this.width = told.width;
    this.rows = told.rows;
    this.origin = told.axis === "member" ? told.origin : Date.parse(`${told.origin}T00:00Z`) / DAY;
    this.start = told.origin;
    this.today = Math.floor(Date.now() / DAY);
    if (told.of > told.rows) say(`Showing ${told.rows} of ${told.of} series`);
    this.arrange();
    this.place();
    const last = this.lines.length - 1;
    this.at = { line: Math.max(0, last), column: 0 };
    this.tip?.replaceChildren(this.width ? "Point at a cell, or use the arrow keys; Enter explains it." : "Nothing is expected in this range.");
    this.figure.dataset.ready = "yes";
  }

  /** Day number of a column of a row's bytes. @param {number} column */
  day(column) { return this.origin + column; }

  /** @param {number} column */
  date(column) {
    if (this.kind === "month") {
      const first = new Date(`${this.start}T00:00Z`);
      return new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + column, 1)).toISOString().slice(0, 7);
    }
    return new Date(this.day(column) * DAY).toISOString().slice(0, 10);
  }

  arrange() {
    this.lines = [];
    const byYear = (this.kind === "day" || this.kind === "share") && this.width > 200 && (this.rows || 0) <= 8;
    for (let row = 0; row < (this.rows || 0); row += 1) {
      const name = this.names[row] || "";
      if (byYear) this.addYears(row, name);
      else if (this.kind === "member") this.addWrapped(row, name);
      else this.lines.push({ label: name, group: "", row, from: 0, count: this.width, shift: 0, y: 0 });
    }
    this.mode = byYear ? "years" : this.kind === "member" ? "wrapped" : "rows";
    let y = this.mode === "wrapped" ? 4 : HEAD;
    let group = "";
    for (const line of this.lines) {
      if (line.group && line.group !== group) { y += group ? GROUP : GROUP - 6; group = line.group; }
      line.y = y;
      y += ROW;
    }
    this.height = y + 6;
    this.columns = this.mode === "years" ? 366 : Math.max(1, ...this.lines.map((line) => line.shift + line.count));
  }

  /** @param {number} row @param {string} name */
  addYears(row, name) {
    let column = 0;
    while (column < this.width) {
      const day = new Date(this.day(column) * DAY);
      const year = day.getUTCFullYear() - (day.getUTCMonth() + 1 < this.firstMonth ? 1 : 0);
      const begins = Date.UTC(year, this.firstMonth - 1, 1) / DAY;
      const ends = Date.UTC(year + 1, this.firstMonth - 1, 1) / DAY;
      const count = Math.min(this.width - column, ends - this.day(column));
      const label = this.firstMonth === 1 ? `${year}` : `${year}-${String((year + 1) % 100).padStart(2, "0")}`;
      this.lines.push({ label, group: (this.rows || 0) > 1 ? name || "all" : "", row, from: column, count, shift: this.day(column) - begins, y: 0 });
      column += count;
    }
  }

  /** @param {number} row @param {string} name */
  addWrapped(row, name) {
    const wide = Math.max(20, Math.min(this.width, Math.floor(((this.scroll?.clientWidth || 800) - 90) / LINE)));
    for (let from = 0; from < this.width; from += wide) {
      this.lines.push({ label: `${from + 1}`, group: (this.rows || 0) > 1 ? name : "", row, from, count: Math.min(wide, this.width - from), shift: 0, y: 0 });
    }
  }

  place() {
    if (!this.scroll || !this.canvas || !this.spacer) return;
    const seen = this.scroll.clientWidth;
    if (!seen || !this.columns) return;
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.font = "12px system-ui, sans-serif";
    this.margin = 10 + Math.ceil(Math.max(24, ...this.lines.map((line) => context.measureText(line.label).width)));
    this.margin = Math.min(this.margin, seen * 0.4);
    const fit = (seen - this.margin - 2) / this.columns;
    this.cell = Math.min(this.mode === "wrapped" ? LINE : 40, Math.max(fit, this.mode === "wrapped" ? LINE : 0)) * this.zoom;
    if (this.mode !== "wrapped") this.cell = Math.min(28, fit) * this.zoom;
    this.spacer.style.width = `${Math.ceil(this.margin + this.columns * this.cell)}px`;
    this.spacer.style.height = `${this.height}px`;
    const tall = Math.min(this.height || 0, innerHeight * 0.7);
    const ratio = devicePixelRatio || 1;
    this.canvas.style.width = `${seen}px`;
    this.canvas.style.height = `${tall}px`;
    this.canvas.width = Math.round(seen * ratio);
    this.canvas.height = Math.round(tall * ratio);
    this.draw();
  }

  later() {
    if (this.busy) return;
    this.busy = true;
    requestAnimationFrame(() => { this.busy = false; this.draw(); });
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    /** @type {string[]} */
    const table = [];
    for (let code = 0; code <= 100; code += 1) table[code] = of(`c${STEPS.findIndex((step) => code < step) < 0 ? 6 : STEPS.findIndex((step) => code < step)}`);
    STATES.forEach((name, at) => { table[FIRST + at] = of(name); });
    return { table, text: of("text"), soft: of("text-2"), line: of("line"), edge: of("edge"), accent: of("accent"), surface: of("surface") };
  }

  draw() {
    const context = this.canvas?.getContext("2d");
    if (!context || !this.canvas || !this.scroll || !this.cell) return;
    const began = performance.now();
    const ratio = devicePixelRatio || 1;
    const left = this.scroll.scrollLeft, top = this.scroll.scrollTop;
    const seen = this.canvas.width / ratio, tall = this.canvas.height / ratio;
    const paint = this.colours();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, seen, tall);
    context.save();
    context.beginPath();
    context.rect(this.margin || 0, 0, seen, tall);
    context.clip();
    context.translate((this.margin || 0) - left, -top);
    const from = Math.max(0, Math.floor(left / this.cell)), to = Math.ceil((left + seen) / this.cell);
    for (const line of this.lines) {
      if (line.y + ROW < top || line.y > top + tall) continue;
      this.drawLine(context, line, paint, from, to);
    }
    this.drawMarks(context, paint);
    context.restore();
    this.drawLabels(context, paint, left, top, seen);
    this.lastDraw = performance.now() - began;
    this.figure.dataset.draw = this.lastDraw.toFixed(1);
  }

  /** @param {CanvasRenderingContext2D} context @param {Line} line @param {any} paint @param {number} from @param {number} to */
  drawLine(context, line, paint, from, to) {
    const base = line.row * this.width + line.from;
    const cell = this.cell || 1;
    const step = cell >= LEAST ? 1 : Math.ceil(LEAST / cell);
    const gap = cell >= 6 ? 1 : cell >= LEAST ? 0.5 : 0;
    const high = ROW - 2;
    let column = Math.max(0, from - line.shift);
    const end = Math.min(line.count, to - line.shift);
    while (column < end) {
      let next = Math.min(end, column + step);
      const x = (line.shift + column) * cell;
      if (step === 1 && !this.byShare) {
        const code = this.cells[base + column];
        if (!gap) while (next < end && this.cells[base + next] === code) next += 1;
        this.drawCell(context, code, paint, x, line.y, (next - column) * cell - gap, high, cell);
      } else this.drawTile(context, paint, base + column, base + next, x, line.y, (next - column) * cell - gap, cell);
      column = next;
    }
  }

  /** Many cells as one: the commonest state, and over at least a quarter of it the gravest. @param {CanvasRenderingContext2D} context @param {any} paint @param {number} from @param {number} to @param {number} x @param {number} y @param {number} wide @param {number} cell */
  drawTile(context, paint, from, to, x, y, wide, cell) {
    const high = ROW - 2;
    const { code, grave, part } = this.tile(from, to);
    this.drawCell(context, code, paint, x, y, wide, high, cell);
    if (grave === code) return;
    const over = high * Math.max(0.25, part);
    this.drawCell(context, grave, paint, x, y + high - over, wide, over, 0);
  }

  /** What a tile shows: a share, or its commonest state with the gravest and that one's part of it. @param {number} from @param {number} to */
  tile(from, to) {
    const tally = this.tally.fill(0);
    let least = UNKNOWN, common = UNKNOWN, held = 0, lacking = 0, partly = false;
    for (let at = from; at < to; at += 1) {
      const code = this.cells[at];
      if (code < UNKNOWN) least = Math.min(least, code);
      tally[code] += 1;
      if (code >= FIRST && (common === UNKNOWN || tally[code] > tally[common])) common = code;
      if (code >= FIRST && code < FIRST + HELD) held += 1;
      if (GAP.has(code)) lacking += 1;
      if (code === FIRST + 1 || code === FIRST + 3) partly = true;
    }
    if (least < UNKNOWN) return { code: least, grave: least, part: 1 };
    if (this.byShare && held + lacking) {
      const share = Math.floor((100 * held) / (held + lacking));
      return { code: partly ? Math.min(99, share) : share, grave: partly ? Math.min(99, share) : share, part: 1 };
    }
    for (const code of WORST) if (tally[code] && common !== UNKNOWN) return { code: common, grave: code, part: tally[code] / (to - from) };
    return { code: common, grave: common, part: 1 };
  }

  /** @param {CanvasRenderingContext2D} context @param {number} code @param {any} paint @param {number} x @param {number} y @param {number} wide @param {number} high @param {number} cell */
  drawCell(context, code, paint, x, y, wide, high, cell) {
    if (code === UNKNOWN) return;
    const name = STATES[code - FIRST];
    context.globalAlpha = this.only && name !== this.only ? 0.12 : 1;
    if (name === "future") {
      if (cell >= 6) { context.strokeStyle = paint.line; context.setLineDash([1, 2]); context.strokeRect(x + 0.5, y + 0.5, wide - 1, high - 1); context.setLineDash([]); }
    } else if (name === "not_expected") {
      context.fillStyle = paint.line;
      context.globalAlpha *= 0.6;
      context.fillRect(x, y + high / 2 - 1, wide, 2);
    } else {
      context.fillStyle = paint.table[code];
      context.fillRect(x, y, wide, high);
      if (cell >= 10 && code >= FIRST && wide < 60) {
        const dark = ["complete", "failed", "stale", "missing", "unrecoverable", "surplus"].includes(name);
        context.fillStyle = dark === (paint.surface === "#fff") ? "#fff" : "#10151b";
        if (name === "missing" || name === "surplus" || name === "failed") context.fillStyle = "#10151b";
        if (name === "failed" && paint.surface === "#fff") context.fillStyle = "#fff";
        if (name === "complete" || name === "stale") context.fillStyle = "#fff";
        context.font = "10px system-ui, sans-serif";
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText(GLYPHS[code - FIRST], x + wide / 2, y + high / 2 + 0.5);
      } else if (cell >= 28 && code <= 100) {
        context.fillStyle = code >= 75 ? "#fff" : "#10151b";
        context.font = "10px system-ui, sans-serif";
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText(`${code}`, x + wide / 2, y + high / 2 + 0.5);
      }
    }
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {any} paint */
  drawMarks(context, paint) {
    const cell = this.cell || 1;
    if (this.chosen) {
      const [first, last] = [Math.min(...this.chosen), Math.max(...this.chosen)];
      context.fillStyle = paint.accent;
      context.globalAlpha = 0.35;
      for (const line of this.lines) {
        const begin = Math.max(first, line.from), end = Math.min(last + 1, line.from + line.count);
        if (begin < end) context.fillRect((line.shift + begin - line.from) * cell, line.y - 1, (end - begin) * cell, ROW);
      }
      context.globalAlpha = 1;
    }
    if (this.kind !== "member" && this.kind !== "month") {
      const column = (this.today || 0) - this.origin;
      context.fillStyle = paint.text;
      for (const line of this.lines) {
        if (column >= line.from && column < line.from + line.count) context.fillRect((line.shift + column - line.from) * cell, line.y - 1, 1.5, ROW);
      }
    }
    const line = this.lines[this.at.line];
    if (line && (document.activeElement === this.canvas || this.hovering)) {
      context.lineWidth = 2;
      context.strokeStyle = paint.text;
      context.strokeRect((line.shift + this.at.column) * cell - 1.5, line.y - 1.5, Math.max(cell, 4) + 2, ROW + 1);
      context.lineWidth = 1;
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {any} paint @param {number} left @param {number} top @param {number} seen */
  drawLabels(context, paint, left, top, seen) {
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.fillStyle = paint.soft;
    const margin = this.margin || 0;
    let group = "";
    for (const line of this.lines) {
      const y = line.y - top;
      context.textAlign = "right";
      context.fillStyle = paint.soft;
      context.fillText(line.label, margin - 6, y + ROW / 2 - 1, margin - 8);
      if (line.group && line.group !== group) {
        group = line.group;
        context.textAlign = "left";
        context.fillStyle = paint.text;
        context.font = "600 12px system-ui, sans-serif";
        context.fillText(group, 2, y - 8);
        context.font = "12px system-ui, sans-serif";
      }
    }
    if (this.mode === "wrapped") return;
    context.fillStyle = paint.surface;
    context.fillRect(margin, 0, seen, HEAD - 4);
    context.fillStyle = paint.soft;
    context.textAlign = "left";
    let free = margin;
    for (const [column, text] of this.ticks()) {
      const x = margin + column * (this.cell || 1) - left;
      if (x < free || x > seen - 20) continue;
      context.fillText(text, x, 8);
      free = x + context.measureText(text).width + 8;
    }
  }

  /** @returns {[number, string][]} */
  ticks() {
    /** @type {[number, string][]} */
    const found = [];
    if (this.mode === "years") {
      for (let month = 0; month < 12; month += 1) {
        const at = (this.firstMonth - 1 + month) % 12;
        const begins = Date.UTC(2024 + (at < this.firstMonth - 1 ? 1 : 0), at, 1) / DAY - Date.UTC(2024, this.firstMonth - 1, 1) / DAY;
        found.push([begins, MONTHS[at]]);
      }
      return found;
    }
    let shown = "";
    const wide = (this.cell || 1) * (this.kind === "month" ? 1 : 30) > 44;
    for (let column = 0; column < this.width; column += 1) {
      const text = wide ? this.date(column).slice(0, 7) : this.date(column).slice(0, 4);
      if (text !== shown) { found.push([column, text]); shown = text; }
    }
    return found;
  }

  /** @param {PointerEvent} event */
  find(event) {
    const box = /** @type {HTMLCanvasElement} */ (this.canvas).getBoundingClientRect();
    const x = event.clientX - box.left + (this.scroll?.scrollLeft || 0) - (this.margin || 0);
    const y = event.clientY - box.top + (this.scroll?.scrollTop || 0);
    const line = this.lines.findIndex((one) => y >= one.y - 1 && y < one.y + ROW - 1);
    if (line < 0 || x < 0) return null;
    const column = Math.floor(x / (this.cell || 1)) - this.lines[line].shift;
    return column >= 0 && column < this.lines[line].count ? { line, column } : null;
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const found = this.find(event);
    this.hovering = Boolean(found);
    if (found) {
      this.at = found;
      if (event.buttons === 1 && this.pressed !== undefined && this.kind !== "member") {
        this.chosen = [this.pressed, this.lines[found.line].from + found.column];
        if (this.chosen[0] === this.chosen[1]) this.chosen = null;
      }
      this.describe(false);
    }
    this.later();
  }

  /** @param {PointerEvent} event */
  press(event) {
    const found = this.find(event);
    this.pressed = found ? this.lines[found.line].from + found.column : undefined;
    this.chosen = null;
  }

  /** @param {PointerEvent} event */
  release(event) {
    const found = this.find(event);
    this.offer();
    if (found && !this.chosen && event.button === 0) { this.at = found; this.open(); }
    this.pressed = undefined;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const before = this.lines[this.at.line];
    if (!before) return;
    const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -1e9], End: [0, 1e9] });
    const move = moves[event.key];
    if (event.key === "Enter") { event.preventDefault(); this.open(); return; }
    if (event.key === "+" || event.key === "=") { this.zoomBy(2); return; }
    if (event.key === "-") { this.zoomBy(0.5); return; }
    if (!move || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const start = before.from + this.at.column;
    this.step(move[0], move[1]);
    const now = this.lines[this.at.line];
    if (event.shiftKey && this.kind !== "member") this.chosen = [this.chosen ? this.chosen[0] : start, now.from + this.at.column];
    else if (!event.shiftKey) this.chosen = null;
    this.offer();
    this.describe(true);
    this.reveal();
    this.later();
  }

  /** @param {number} down @param {number} right */
  step(down, right) {
    const before = this.lines[this.at.line];
    let column = this.at.column + right;
    let line = this.at.line;
    if (right === -1 && column < 0 && this.lines[line - 1]?.row === before.row) { line -= 1; column = this.lines[line].count - 1; }
    if (right === 1 && column >= before.count && this.lines[line + 1]?.row === before.row) { line += 1; column = 0; }
    line = Math.max(0, Math.min(this.lines.length - 1, line + down));
    const now = this.lines[line];
    if (down) column = before.shift + column - now.shift;
    this.at = { line, column: Math.max(0, Math.min(now.count - 1, column)) };
  }

  reveal() {
    const line = this.lines[this.at.line];
    if (!this.scroll || !line || !this.canvas) return;
    const x = (line.shift + this.at.column) * (this.cell || 1), seen = this.scroll.clientWidth - (this.margin || 0);
    if (x < this.scroll.scrollLeft) this.scroll.scrollLeft = x - 20;
    if (x > this.scroll.scrollLeft + seen - 20) this.scroll.scrollLeft = x - seen + 40;
    const tall = this.canvas.clientHeight;
    if (line.y - HEAD < this.scroll.scrollTop) this.scroll.scrollTop = line.y - HEAD;
    if (line.y + ROW > this.scroll.scrollTop + tall) this.scroll.scrollTop = line.y + ROW - tall;
  }

  cellText() {
    const line = this.lines[this.at.line];
    const column = line.from + this.at.column;
    const code = this.cells[line.row * this.width + column];
    const name = this.names[line.row] || "";
    const where = this.kind === "member" ? `number ${this.origin + column + 1}` : this.date(column);
    const what = code === UNKNOWN ? "nothing expected" : code < UNKNOWN ? `${code} % held` : stateName(code);
    return [where, name, what].filter(Boolean).join(", ");
  }

  /** @param {boolean} aloud */
  describe(aloud) {
    if (!this.lines[this.at.line]) return;
    const text = this.cellText();
    this.tip?.replaceChildren(text);
    if (aloud) say(text);
  }

  /** The days chosen, as part of an address. */
  days() {
    const chosen = this.chosen || [0, 0];
    return `since=${this.date(Math.min(...chosen))}&until=${this.date(Math.max(...chosen))}`;
  }

  offer() {
    if (!this.plan || !this.decide) return;
    const base = this.figure.dataset.plan;
    this.plan.hidden = !this.chosen || !base;
    this.decide.hidden = this.plan.hidden || !this.figure.dataset.range;
    if (!this.chosen || !base) return;
    const [first, last] = [Math.min(...this.chosen), Math.max(...this.chosen)];
    let units = 0;
    for (let row = 0; row < (this.rows || 0); row += 1) {
      for (let at = first; at <= last; at += 1) {
        const code = this.cells[row * this.width + at];
        if (GAP.has(code) || code < 100 || code === FIRST + 1 || code === FIRST + 3) units += 1;
      }
    }
    const noun = this.kind === "share" ? "day" : "unit";
    this.plan.textContent = units ? `Plan these ${units.toLocaleString("en")} ${noun}${units === 1 ? "" : "s"}` : `Nothing missing, ${this.date(first)} to ${this.date(last)}`;
    this.plan.href = `${base}&${this.days()}`;
  }

  open() {
    const line = this.lines[this.at.line];
    if (!line) return;
    const column = line.from + this.at.column;
    const name = this.names[line.row] || "";
    const base = this.figure.dataset.unit || "";
    if (this.kind === "month") {
      const month = this.date(column);
      const end = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 0)).toISOString().slice(0, 10);
      location.assign(`${base}${encodeURIComponent(name)}?since=${month}-01&until=${end}`);
    } else if (this.kind === "share") {
      openDrawer(`${base}day/${this.date(column)}`);
    } else {
      openDrawer(`${base}at?ordinal=${this.origin + column}&series=${encodeURIComponent(name)}`);
    }
  }

  /** @param {number} factor */
  zoomBy(factor) {
    const line = this.lines[this.at.line];
    this.zoom = Math.max(1, Math.min(64, this.zoom * factor));
    this.place();
    if (line && this.scroll && this.cell) this.scroll.scrollLeft = (line.shift + this.at.column) * this.cell - this.scroll.clientWidth / 2;
  }
}

function start() {
  for (const figure of document.querySelectorAll("figure[data-map]")) {
    const one = /** @type {HTMLElement} */ (figure);
    if (one.dataset.begun) continue;
    one.dataset.begun = "yes";
    new Heatmap(one).load();
  }
}
document.addEventListener("stocktake:drawn", start);
start();
