// @ts-check
// The heatmap: one byte per cell, fetched in tiles as they come into sight, drawn on a canvas no
// larger than what is visible. Below it the whole history by month, to choose days from.
import { openDrawer, say } from "./app.js";

const STATES = "complete thin empty stale missing failed blocked unrecoverable not_expected accepted future surplus".split(" ");
const GLYPHS = "●◐∅↻○✕‖⊘ ~ +";
const PENDING = 126, UNKNOWN = 127, FIRST = 128;
const HELD = 4, GAPS = 8;
/** Codes of states, the gravest first. */
const WORST = [5, 4, 6, 7, 3, 1, 9, 2, 11, 0, 8, 10].map((at) => FIRST + at);
const STEPS = [25, 50, 75, 90, 98, 100];
const DAY = 86400000;
const ROW = 16, HIGH = 14, LINE = 15, HEAD = 20, GROUP = 20, LEAST = 3;
const REST = 150;
const SPACE = "http://www.w3.org/2000/svg";

/** @typedef {{label: string, group: string, row: number, from: number, count: number, shift: number, y: number}} Line */
/** @typedef {CanvasRenderingContext2D} Context */

/** @param {number} share */
const step = (share) => STEPS.filter((limit) => share >= limit).length;
/** @param {number} day */
const dayText = (day) => new Date(day * DAY).toISOString().slice(0, 10);
/** @param {string} text */
const dayOf = (text) => Date.parse(`${text}T00:00Z`) / DAY;

/** @param {string} tag @param {string} name */
function made(tag, name, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

/** What a tile's header says, and its bytes; nothing when it cannot be had. @param {string} address @returns {Promise<[any, Uint8Array]>} */
async function tileAt(address) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) return [null, new Uint8Array(0)];
  return [JSON.parse(answer.headers.get("X-Tile") || "{}"), new Uint8Array(await answer.arrayBuffer())];
}

export class Heatmap {
  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.figure = figure;
    const told = this.told = figure.dataset;
    this.kind = told.kind || "day";
    this.names = /** @type {string[]} */ (JSON.parse(told.rows || "[]"));
    this.byShare = told.colour === "coverage";
    this.only = this.byShare ? "" : told.state || "";
    this.tally = new Int32Array(256);
    this.firstMonth = Number(told.month || 1);
    this.zoom = 1;
    this.cells = new Uint8Array(0);
    this.rows = this.width = this.origin = this.today = 0;
    this.size = [1, 1];
    this.cell = this.margin = this.height = this.columns = 0;
    this.step = 1;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {[number, string, boolean][]} */
    this.ticks = [];
    this.at = { line: 0, column: 0 };
    /** @type {[number, number] | null} */
    this.chosen = null;
    /** @type {Set<string>} */
    this.asked = new Set();
    /** @type {Map<string, string>} */
    this.said = new Map();
    this.mode = "";
    this.busy = this.hovering = false;
    this.build();
  }

  build() {
    const bar = made("div", "bar-row");
    this.tip = made("div", "tip", "Loading");
    this.plan = /** @type {HTMLAnchorElement} */ (made("a", "button primary", ""));
    this.decide = made("button", "", "Accept or recheck");
    this.plan.hidden = this.decide.hidden = true;
    this.decide.onclick = () => openDrawer(`${this.told.range}?${this.days()}`);
    bar.append(this.tip, this.plan, this.decide);
    for (const [text, name, factor] of /** @type {[string, string, number][]} */ ([["−", "Zoom out", 0.5], ["+", "Zoom in", 2]])) {
      const button = made("button", "", text);
      button.ariaLabel = name;
      button.onclick = () => this.zoomBy(factor);
      bar.append(button);
    }
    this.scroll = made("div", "scroll");
    this.spacer = made("div", "spacer");
    const canvas = this.canvas = document.createElement("canvas");
    Object.assign(canvas, { tabIndex: 0, role: "img", ariaLabel: this.told.label });
    if (this.told.table) canvas.setAttribute("aria-describedby", this.told.table);
    this.context = /** @type {Context} */ (canvas.getContext("2d"));
    this.scroll.append(this.spacer, canvas);
    this.figure.append(bar, this.scroll);
    const later = () => this.later();
    this.scroll.onscroll = () => { later(); this.keep(); };
    new ResizeObserver(() => this.place()).observe(this.scroll);
    matchMedia("(prefers-color-scheme: dark)").onchange = () => { this.paint = null; later(); };
    canvas.onpointermove = (event) => this.hover(event);
    canvas.onpointerdown = (event) => this.press(event);
    canvas.onpointerup = (event) => this.release(event);
    canvas.onkeydown = (event) => this.key(event);
    canvas.onfocus = canvas.onblur = later;
    this.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.5 : 1 / 1.5);
    }, { passive: false });
  }

  /** Fetch a tile, once. @param {number} row @param {number} column */
  async load(row = 0, column = 0) {
    const key = `row=${row}&column=${column}`, map = this.told.map || "";
    if (this.asked.has(key)) return;
    this.asked.add(key);
    const [told, bytes] = await tileAt(`${map}${map.includes("?") ? "&" : "?"}${key}`);
    if (!told) {
      const again = made("button", "", "Try again");
      again.onclick = () => { this.asked.delete(key); this.load(row, column); };
      this.tip?.replaceChildren("The picture could not be loaded; the table shows the same. ", again);
      return;
    }
    const isFirst = !this.told.ready;
    if (isFirst || (told.version !== this.version && !this.renewed)) { // what changed meanwhile is loaded anew, once
      this.renewed = !isFirst;
      this.asked = new Set([key]);
      this.begin(told);
    }
    if (told.width !== this.width || told.rows !== this.rows) return;
    const wide = Math.min(this.size[1], this.width - column);
    for (let from = 0, to = row * this.width + column; from < bytes.length; from += wide, to += this.width) this.cells.set(bytes.subarray(from, from + wide), to);
    if (isFirst) this.restore();
    else this.place();
    this.told.ready = "yes";
  }

  /** @param {any} told */
  begin(told) {
    this.version = told.version;
    this.kind = told.axis;
    this.dated = told.axis === "day" || told.axis === "share";
    this.width = told.width;
    this.rows = told.rows;
    this.start = told.origin;
    this.origin = told.axis === "member" ? told.origin : dayOf(told.origin);
    this.today = Math.floor(Date.now() / DAY);
    this.size = told.tile || [this.rows, this.width];
    this.cells = new Uint8Array(this.rows * this.width).fill(PENDING);
    this.arrange();
    if (this.told.ready) return;
    this.at = { line: Math.max(0, this.lines.length - 1), column: 0 };
    this.tip?.replaceChildren(this.width ? "Point at a cell, or use the arrow keys; Enter explains it." : "");
  }

  /** Show what the address says: zoom, place, days chosen. */
  restore() {
    const asked = new URLSearchParams(location.search);
    const column = (/** @type {string} */ text) => Math.max(0, Math.min(this.width - 1, this.dated ? dayOf(text) - this.origin : Number(text) - 1 - this.origin));
    this.zoom = Math.max(1, Number(asked.get("zoom")) || 1);
    this.place();
    const at = column(asked.get("at") || ""), row = Math.max(0, this.names.indexOf(asked.get("row") || ""));
    const line = this.lines.findIndex((one) => one.row === row && at >= one.from && at < one.from + one.count);
    if (line >= 0 && asked.has("at")) {
      this.at = { line, column: at - this.lines[line].from };
      this.reveal();
      this.describe(false);
    }
    const [first, last] = (asked.get("pick") || "").split("..").map(column);
    if (last >= first && this.dated) this.chosen = [first, last];
    this.offer();
    this.later();
  }

  /** Keep in the address what can be shared, once the hand rests. */
  keep() {
    clearTimeout(this.keeping);
    if (this.kind === "month") return;
    this.keeping = window.setTimeout(() => {
      const address = new URL(location.href), line = this.lines[this.at.line];
      const chosen = this.chosen && [...this.chosen].sort((one, other) => one - other);
      const told = {
        zoom: this.zoom > 1 && this.zoom.toFixed(2),
        at: this.moved && this.date(line.from + this.at.column),
        row: this.moved && this.names[line.row],
        pick: chosen && `${this.date(chosen[0])}..${this.date(chosen[1])}`,
      };
      for (const [name, text] of Object.entries(told)) {
        if (text) address.searchParams.set(name, text);
        else address.searchParams.delete(name);
      }
      history.replaceState(history.state, "", address);
    }, 2 * REST);
  }

  /** What a column stands for. @param {number} column */
  date(column) {
    if (this.kind === "member") return String(this.origin + column + 1);
    if (this.dated) return dayText(this.origin + column);
    const first = new Date(this.origin * DAY);
    return dayText(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + column, 1) / DAY).slice(0, 7);
  }

  arrange() {
    this.lines = [];
    const byYear = this.dated && this.width > 200 && this.rows <= 8;
    this.mode = byYear ? "years" : this.kind === "member" ? "wrapped" : "rows";
    const seen = this.scroll?.clientWidth || 800;
    const wide = Math.max(20, Math.min(this.width, Math.floor((seen - 90) / LINE)));
    for (let row = 0; row < this.rows; row += 1) {
      const name = this.names[row] || "", group = this.rows > 1 ? name || "all" : "";
      for (let from = 0; from < this.width || !from;) {
        const line = { label: name, group: "", row, from, count: this.width, shift: 0, y: 0 };
        if (byYear) {
          const day = new Date((this.origin + from) * DAY);
          const year = day.getUTCFullYear() - (day.getUTCMonth() + 1 < this.firstMonth ? 1 : 0);
          const [begins, ends] = [year, year + 1].map((one) => Date.UTC(one, this.firstMonth - 1, 1) / DAY - this.origin);
          Object.assign(line, { group, shift: from - begins, count: Math.min(this.width, ends) - from, label: this.firstMonth === 1 ? `${year}` : `${year}-${String(year + 1).slice(2)}` });
        } else if (this.mode === "wrapped") Object.assign(line, { group, count: Math.min(wide, this.width - from), label: `${from + 1}` });
        this.lines.push(line);
        from += line.count || 1;
      }
    }
    let y = this.mode === "wrapped" ? 4 : HEAD, group = "";
    for (const line of this.lines) {
      if (line.group !== group) { y += group ? GROUP : GROUP - 6; group = line.group; }
      line.y = y;
      y += ROW;
    }
    this.height = y + 6;
    this.columns = byYear ? 366 : Math.max(1, ...this.lines.slice(0, 9).map((line) => line.count));
    const widest = this.lines.reduce((longest, line) => line.label.length > longest.length ? line.label : longest, "");
    this.context && (this.context.font = "12px system-ui, sans-serif");
    this.margin = 14 + Math.ceil(Math.max(24, this.context?.measureText(widest).width || 0));
    this.mark();
  }

  /** Find where months and years begin. */
  mark() {
    this.ticks = [];
    if (this.mode === "wrapped") return;
    // Lines of years are marked as the longest year is.
    const start = this.mode === "years" ? Date.UTC(2024 - Number(this.firstMonth > 2), this.firstMonth - 1, 1) / DAY : this.origin;
    const isMonths = this.kind === "month", first = new Date(start * DAY);
    for (let month = isMonths || first.getUTCDate() === 1 ? 0 : 1; ; month += 1) {
      const at = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + month, 1);
      const column = isMonths ? month : at / DAY - start;
      if (column >= this.columns) return;
      const text = dayText(at / DAY), isYear = text.slice(5, 7) === "01";
      this.ticks.push([column, this.mode === "years" ? new Date(at).toLocaleString("en", { month: "short", timeZone: "UTC" }) : text.slice(0, 7), isYear]);
    }
  }

  place() {
    const { scroll, canvas, spacer } = this;
    if (!scroll || !canvas || !spacer || !this.columns || !scroll.clientWidth) return;
    const seen = scroll.clientWidth;
    this.margin = Math.min(this.margin, seen * 0.4);
    const fit = (seen - this.margin - 2) / this.columns;
    const base = this.mode === "wrapped" ? LINE : Math.min(28, fit);
    this.zoom = Math.max(1, Math.min(40 / base, this.zoom));
    const cell = this.cell = base * this.zoom;
    this.step = cell >= LEAST ? 1 : this.dated ? [7, 31].find((days) => days * cell >= LEAST) || 366 : Math.ceil(LEAST / cell);
    spacer.style.width = `${Math.ceil(this.margin + this.columns * cell)}px`;
    spacer.style.height = `${this.height}px`;
    const tall = Math.min(this.height, innerHeight * 0.7), ratio = devicePixelRatio || 1;
    canvas.style.width = `${seen}px`;
    canvas.style.height = `${tall}px`;
    canvas.width = Math.round(seen * ratio);
    canvas.height = Math.round(tall * ratio);
    this.told.step = String(this.step);
    this.draw();
  }

  later() {
    if (this.busy) return;
    this.busy = true;
    requestAnimationFrame(() => { this.busy = false; this.draw(); });
  }

  /** Colours of the theme: of each code its fill, the ink upon it, and whether it needs a rim. */
  colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const light = (/** @type {string} */ hex) => hex.length < 7 ? 255 : [299, 587, 114].reduce((sum, part, at) => sum + part * parseInt(hex.slice(1 + 2 * at, 3 + 2 * at), 16), 0) / 1000;
    const surface = of("surface"), ground = light(surface), near = ground > 128 ? 110 : 60;
    const coded = (/** @type {string} */ name) => {
      const fill = of(name), shine = light(fill);
      return { fill, ink: shine > 110 ? "#10151b" : "#fff", rim: Math.abs(shine - ground) < near };
    };
    const table = Array.from({ length: FIRST }, (_, code) => coded(`c${step(code)}`)).concat(STATES.map(coded));
    const hatch = document.createElement("canvas"), pen = /** @type {Context} */ (hatch.getContext("2d"));
    hatch.width = hatch.height = 5;
    pen.strokeStyle = of("edge");
    for (const at of [-5, 0, 5]) { pen.moveTo(at, 5); pen.lineTo(at + 5, 0); }
    pen.stroke();
    return { table, surface, hatch: /** @type {CanvasPattern} */ (pen.createPattern(hatch, "repeat")), text: of("text"), soft: of("text-2"), line: of("line"), edge: of("edge"), accent: of("accent") };
  }

  draw() {
    const { context, canvas, scroll, cell } = this;
    if (!context || !canvas || !scroll || !cell) return;
    const began = performance.now(), ratio = devicePixelRatio || 1;
    const left = scroll.scrollLeft, top = scroll.scrollTop;
    const seen = canvas.width / ratio, tall = canvas.height / ratio;
    this.paint ||= this.colours();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, seen, tall);
    context.save();
    context.beginPath();
    context.rect(this.margin, 0, seen, tall);
    context.clip();
    context.translate(this.margin - left, -top);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = "10px system-ui, sans-serif";
    const from = Math.floor(left / cell), to = Math.ceil((left + seen - this.margin) / cell);
    const shown = this.lines.filter((line) => line.y + ROW >= top && line.y <= top + tall);
    for (const line of shown) this.drawLine(line, from, to);
    this.drawMarks(shown, top, tall);
    context.restore();
    this.drawLabels(shown, left, top, seen);
    this.told.draw = (performance.now() - began).toFixed(1);
  }

  /** The first column of the week, month, year or group that a column is in, and the one after it. @param {number} column */
  span(column) {
    const size = this.step;
    const at = !this.dated ? column % size : size === 7 ? (this.origin + column + 700003) % 7 : -1;
    if (at >= 0) return [column - at, column - at + size];
    const day = new Date((this.origin + column) * DAY), year = day.getUTCFullYear(), month = day.getUTCMonth();
    return (size === 31 ? [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)] : [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)]).map((one) => one / DAY - this.origin);
  }

  /** @param {Line} line @param {number} from @param {number} to */
  drawLine(line, from, to) {
    const { cell, step: size } = this, base = line.row * this.width, last = line.from + line.count;
    const gap = size * cell >= 6 ? 1 : 0;
    let column = line.from + Math.max(0, from - line.shift);
    const end = Math.min(last, line.from + to - line.shift);
    if (column >= end) return;
    if (size > 1) column = Math.max(line.from, this.span(column)[0]);
    const [rows, columns] = this.size;
    for (let tile = column - column % columns; tile < Math.min(last, end + size); tile += columns) this.load(line.row - line.row % rows, tile);
    const x = (/** @type {number} */ at) => Math.round((line.shift + at - line.from) * cell);
    const wide = (/** @type {number} */ begin, /** @type {number} */ until) => Math.max(1, x(until) - x(begin) - gap);
    /** Where the gravest state is not the commonest, it covers at least a quarter. @type {[number, number, number, number][]} */
    const graves = [];
    let run = column, alike = -1;
    const draw = (/** @type {number} */ until) => { if (run < until) this.drawCell(alike, x(run), line.y, wide(run, until), HIGH); run = until; };
    while (column < end) {
      const next = size > 1 ? Math.min(last, this.span(column)[1]) : column + 1;
      const { code, grave, part } = size > 1 || this.byShare ? this.tile(base + column, base + next) : { code: this.cells[base + column], grave: -1, part: 1 };
      if (gap || code !== alike) draw(column); // neighbours alike are one
      alike = code;
      if (grave !== code && grave >= 0) graves.push([grave, column, next, Math.ceil(HIGH * Math.max(0.25, part))]);
      column = next;
    }
    draw(column);
    for (const [grave, begin, until, over] of graves) this.drawCell(grave, x(begin), line.y + HIGH - over, wide(begin, until), over);
  }

  /** What a tile shows: a share, or its commonest state with the gravest and that one's part of it. @param {number} from @param {number} to */
  tile(from, to) {
    const tally = this.tally.fill(0);
    let least = UNKNOWN, common = UNKNOWN, held = 0, lacking = 0, partly = false;
    for (let at = from; at < to; at += 1) {
      const code = this.cells[at];
      tally[code] += 1;
      if (code < FIRST) { least = Math.min(least, code); continue; }
      if (common === UNKNOWN || tally[code] > tally[common]) common = code;
      if (code < FIRST + HELD) held += 1;
      else if (code < FIRST + GAPS) lacking += 1;
      if (code === FIRST + 1 || code === FIRST + 3) partly = true;
    }
    if (tally[PENDING]) return { code: PENDING, grave: PENDING, part: 1 };
    if (this.byShare && held + lacking) {
      const share = Math.floor((100 * held) / (held + lacking));
      least = partly ? Math.min(99, share) : share;
    }
    const grave = least === UNKNOWN ? WORST.find((code) => tally[code]) || common : least;
    return { code: least === UNKNOWN ? common : least, grave, part: least === UNKNOWN && grave !== common ? tally[grave] / (to - from) : 1 };
  }

  /** @param {number} code @param {number} x @param {number} y @param {number} wide @param {number} high */
  drawCell(code, x, y, wide, high) {
    if (code === UNKNOWN || code === PENDING) return;
    const { paint, context } = this, name = STATES[code - FIRST], cell = high < HIGH ? 0 : this.cell * this.step;
    if (!paint || !context) return;
    const { fill, ink, rim } = paint.table[code];
    context.globalAlpha = this.only && name !== this.only ? 0.12 : 1;
    context.strokeStyle = paint.edge;
    if (name === "future") {
      if (cell < 6) return;
      context.setLineDash([1, 2]);
      context.strokeRect(x + 0.5, y + 0.5, wide - 1, high - 1);
      context.setLineDash([]);
      return;
    }
    context.fillStyle = name === "not_expected" ? paint.hatch : fill;
    context.fillRect(x, y, wide, high);
    if (cell >= 6 && rim) context.strokeRect(x + 0.5, y + 0.5, wide - 1, high - 1);
    const text = code >= FIRST ? cell >= 10 && this.step === 1 && GLYPHS[code - FIRST] : cell >= 28 && `${code}`;
    if (!text) return;
    context.fillStyle = ink;
    context.fillText(text, x + wide / 2, y + high / 2 + 0.5);
  }

  /** @param {Line[]} shown @param {number} top @param {number} tall */
  drawMarks(shown, top, tall) {
    const { context, paint, cell } = this;
    if (!context || !paint) return;
    const [first, last] = this.chosen ? [Math.min(...this.chosen), Math.max(...this.chosen)] : [0, -1];
    const today = this.dated ? this.today - this.origin : -1;
    if (this.mode === "rows") {
      context.globalAlpha = 1;
      context.fillStyle = paint.edge;
      for (const [column, , isYear] of this.ticks) if (isYear) context.fillRect(Math.round(column * cell) - 1, top, 1, tall);
    }
    for (const line of shown) {
      const x = (/** @type {number} */ column) => (line.shift + column - line.from) * cell, ends = line.from + line.count;
      const begin = Math.max(first, line.from), end = Math.min(last + 1, ends);
      context.globalAlpha = 0.35;
      context.fillStyle = paint.accent;
      if (begin < end) context.fillRect(x(begin), line.y - 1, (end - begin) * cell, ROW);
      context.globalAlpha = 1;
      context.fillStyle = paint.text;
      if (today >= line.from && today < ends) context.fillRect(x(today), line.y - 1, 1.5, ROW);
    }
    const line = this.lines[this.at.line];
    if (!line || !(document.activeElement === this.canvas || this.hovering)) return;
    context.lineWidth = 2;
    context.strokeStyle = paint.text;
    context.strokeRect((line.shift + this.at.column) * cell - 1.5, line.y - 1.5, Math.max(cell, 4) + 2, ROW + 1);
    context.lineWidth = 1;
  }

  /** @param {Line[]} shown @param {number} left @param {number} top @param {number} seen */
  drawLabels(shown, left, top, seen) {
    const { context, paint, margin, cell } = this;
    if (!context || !paint) return;
    const write = (/** @type {CanvasTextAlign} */ align, /** @type {string} */ colour, /** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => {
      context.textAlign = align;
      context.fillStyle = colour;
      context.fillText(text, x, y, align === "right" ? margin - 8 : seen);
    };
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    let group = "";
    for (const line of shown) {
      write("right", paint.soft, line.label, margin - 6, line.y - top + ROW / 2 - 1);
      if (line.group !== group && line.from === 0) write("left", paint.text, line.group, 2, line.y - top - 8);
      group = line.group;
    }
    if (this.mode === "wrapped") return;
    context.fillStyle = paint.surface;
    context.fillRect(margin, 0, seen, HEAD - 4);
    const isWide = this.mode === "years" || cell * (this.kind === "month" ? 1 : 30) > 44;
    let free = margin;
    for (const [column, text, isYear] of this.ticks) {
      const x = margin + column * cell - left;
      if (x < free || x > seen - 20 || !(isWide || isYear)) continue;
      const shownText = isWide ? text : text.slice(0, 4);
      write("left", paint.soft, shownText, x, 8);
      free = x + context.measureText(shownText).width + 8;
    }
  }

  /** @param {PointerEvent} event */
  find(event) {
    const box = /** @type {HTMLCanvasElement} */ (this.canvas).getBoundingClientRect(), { scroll } = this;
    const x = event.clientX - box.left + (scroll?.scrollLeft || 0) - this.margin;
    const y = event.clientY - box.top + (scroll?.scrollTop || 0);
    const line = this.lines.findIndex((one) => y >= one.y - 1 && y < one.y + ROW - 1);
    if (line < 0 || x < 0) return null;
    const column = Math.floor(x / this.cell) - this.lines[line].shift;
    return column >= 0 && column < this.lines[line].count ? { line, column } : null;
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const found = this.find(event);
    this.hovering = Boolean(found);
    if (found) {
      this.at = found;
      if (event.buttons === 1 && this.pressed !== undefined && this.kind !== "member") {
        const to = this.lines[found.line].from + found.column;
        this.chosen = this.pressed === to ? null : [this.pressed, to];
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
    if (found && !this.chosen && event.button === 0) { this.at = found; this.moved = true; this.open(); }
    this.pressed = undefined;
    this.keep();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const before = this.lines[this.at.line], { key } = event;
    if (!before) return;
    const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -1e9], End: [0, 1e9] });
    const move = moves[key];
    if (key === "Enter") { event.preventDefault(); this.open(); return; }
    if (key === "+" || key === "=") this.zoomBy(2);
    if (key === "-") this.zoomBy(0.5);
    if (!move || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const start = before.from + this.at.column;
    this.go(move[0], move[1]);
    const now = this.lines[this.at.line];
    if (event.shiftKey && this.kind !== "member") this.chosen = [this.chosen ? this.chosen[0] : start, now.from + this.at.column];
    else if (!event.shiftKey) this.chosen = null;
    this.moved = true;
    this.offer();
    this.describe(true);
    this.reveal();
    this.later();
    this.keep();
  }

  /** @param {number} down @param {number} right */
  go(down, right) {
    const before = this.lines[this.at.line];
    let column = this.at.column + right, line = this.at.line;
    if (right === -1 && column < 0 && this.lines[line - 1]?.row === before.row) { line -= 1; column = this.lines[line].count - 1; }
    if (right === 1 && column >= before.count && this.lines[line + 1]?.row === before.row) { line += 1; column = 0; }
    line = Math.max(0, Math.min(this.lines.length - 1, line + down));
    const now = this.lines[line];
    if (down) column = before.shift + column - now.shift;
    this.at = { line, column: Math.max(0, Math.min(now.count - 1, column)) };
  }

  reveal() {
    const line = this.lines[this.at.line], { scroll, canvas } = this;
    if (!scroll || !line || !canvas) return;
    const x = (line.shift + this.at.column) * this.cell, seen = scroll.clientWidth - this.margin;
    if (x < scroll.scrollLeft) scroll.scrollLeft = x - 20;
    if (x > scroll.scrollLeft + seen - 20) scroll.scrollLeft = x - seen + 40;
    const tall = canvas.clientHeight;
    if (line.y - HEAD < scroll.scrollTop) scroll.scrollTop = line.y - HEAD;
    if (line.y + ROW > scroll.scrollTop + tall) scroll.scrollTop = line.y + ROW - tall;
  }

  /** Tell the cell; once the hand rests, also its rows and reason. @param {boolean} aloud */
  describe(aloud) {
    const line = this.lines[this.at.line], { tip, told } = this;
    if (!line || !tip) return;
    const column = line.from + this.at.column, name = this.names[line.row] || "";
    const code = this.cells[line.row * this.width + column];
    const what = code === PENDING ? "loading" : code === UNKNOWN ? "nothing expected" : code < UNKNOWN ? `${code} % held` : STATES[code - FIRST].replace("_", " ");
    const text = [`${this.kind === "member" ? "number " : ""}${this.date(column)}`, name, what].filter(Boolean).join(", ");
    const tell = (/** @type {string} */ all) => { tip.textContent = all; if (aloud) say(all); };
    tell(text);
    clearTimeout(this.resting);
    if (!told.said || code === UNKNOWN) return;
    this.resting = window.setTimeout(async () => {
      const address = `${told.said}ordinal=${this.origin + column}&series=${encodeURIComponent(name)}`;
      if (!this.said.has(address)) {
        const answer = await fetch(address).catch(() => null);
        this.said.set(address, answer?.ok ? await answer.text() : "");
      }
      const more = this.said.get(address);
      if (more && tip.textContent === text) tell(`${text}: ${more}`);
    }, REST);
  }

  /** The days chosen, as part of an address. */
  days() {
    const chosen = this.chosen || [0, 0];
    return `since=${this.date(Math.min(...chosen))}&until=${this.date(Math.max(...chosen))}`;
  }

  offer() {
    const base = this.told.plan, { plan, decide } = this;
    if (!plan || !decide) return;
    plan.hidden = !this.chosen || !base;
    decide.hidden = plan.hidden || !this.told.range;
    if (!this.chosen || !base) return;
    const [first, last] = [Math.min(...this.chosen), Math.max(...this.chosen)];
    let units = 0, more = "";
    for (let row = 0; row < this.rows; row += 1) {
      for (let at = first; at <= last; at += 1) {
        const code = this.cells[row * this.width + at], state = code - FIRST;
        if (code === PENDING) more = "or more ";
        if (code < 100 || state === 1 || (state > 2 && state < GAPS)) units += 1;
      }
    }
    const noun = this.kind === "share" ? "day" : "unit";
    plan.textContent = units || more ? `Plan these ${units.toLocaleString("en")} ${more}${noun}${units === 1 ? "" : "s"}` : "Nothing missing in these days";
    plan.href = `${base}&${this.days()}`;
  }

  open() {
    const line = this.lines[this.at.line], base = this.told.unit || "";
    if (!line) return;
    const column = line.from + this.at.column, name = encodeURIComponent(this.names[line.row] || "");
    if (this.kind === "month") {
      const month = this.date(column);
      const end = dayText(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 0) / DAY);
      location.assign(`${base}${name}?since=${month}-01&until=${end}`);
    } else openDrawer(this.kind === "share" ? `${base}day/${this.date(column)}` : `${base}at?ordinal=${this.origin + column}&series=${name}`);
  }

  /** The cell pointed at or in focus stays where it is, if it is in sight. @param {number} factor */
  zoomBy(factor) {
    const line = this.lines[this.at.line], { scroll } = this;
    if (!line || !scroll) return;
    const at = line.shift + this.at.column, seen = scroll.clientWidth - this.margin;
    let x = at * this.cell - scroll.scrollLeft;
    if (x < 0 || x > seen) x = seen / 2;
    this.zoom *= factor;
    this.moved = true;
    this.place();
    scroll.scrollLeft = at * this.cell - x;
    this.keep();
  }
}

/** The share held of each month, the line of the target, and the days chosen by dragging. @param {HTMLElement} figure */
async function brush(figure) {
  const { since, until, target, table, strip } = figure.dataset;
  const [told, shares] = await tileAt(figure.dataset.brush || "");
  const count = shares.length;
  if (count < 2) return;
  const drawn = (/** @type {string} */ tag, /** @type {Record<string, string | number>} */ given) => {
    const element = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(given)) element.setAttribute(name, String(value));
    return element;
  };
  const monthOf = (/** @type {string} */ day) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;
  const start = monthOf(told.origin);
  const dateOf = (/** @type {number} */ month, /** @type {number} */ day) => dayText(Date.UTC(Math.floor((start + month) / 12), (start + month) % 12, day) / DAY);
  let chosen = since || until ? [since ? monthOf(since) - start : 0, until ? monthOf(until) - start : count - 1] : [0, count];
  const line = /** @type {SVGElement} */ (drawn("svg", { class: "brush", role: "img", viewBox: `0 0 ${count} 100`, preserveAspectRatio: "none", "aria-describedby": table || "", "aria-label": strip || "" }));
  const years = made("div", "brush-years");
  years.ariaHidden = "true";
  let path = "";
  shares.forEach((share, month) => {
    line.append(drawn("rect", { x: month, y: 0, width: 0.9, height: 100, class: share === UNKNOWN ? "none" : `c${step(share)}` }));
    if (share !== UNKNOWN) path += `M${month} ${100 - share}h1`;
  });
  line.append(drawn("path", { d: path }));
  if (target) line.append(drawn("path", { class: "goal", d: `M0 ${100 - Number(target)}h${count}` }));
  for (let month = 0; month < count;) {
    const months = Math.min(12 - (start + month) % 12, count - month);
    const name = made("span", "", months > 5 ? dateOf(month, 1).slice(0, 4) : "");
    name.style.flexGrow = String(months);
    years.append(name);
    month += months;
  }
  figure.append(line, years);
  const mark = () => line.querySelectorAll("rect").forEach((rect, month) => rect.classList.toggle("faint", month < Math.min(...chosen) || month > Math.max(...chosen)));
  const at = (/** @type {PointerEvent} */ event) => {
    const box = line.getBoundingClientRect();
    return Math.max(0, Math.min(count - 1, Math.floor((event.clientX - box.left) / (box.width || 1) * count)));
  };
  line.onpointerdown = (event) => { line.setPointerCapture(event.pointerId); chosen = [at(event), at(event)]; mark(); };
  line.onpointermove = (event) => { if (event.buttons === 1) { chosen[1] = at(event); mark(); } };
  line.onpointerup = () => {
    const address = new URL(location.href);
    for (const name of ["zoom", "at", "row", "pick"]) address.searchParams.delete(name);
    address.searchParams.set("since", dateOf(Math.min(...chosen), 1));
    address.searchParams.set("until", dateOf(Math.max(...chosen) + 1, 0));
    location.assign(address);
  };
  mark();
}

function start() {
  for (const one of document.querySelectorAll("figure[data-map]")) {
    const figure = /** @type {HTMLElement} */ (one);
    if (figure.dataset.begun) continue;
    figure.dataset.begun = "yes";
    new Heatmap(figure).load();
    if (figure.dataset.brush) brush(figure);
  }
}
document.addEventListener("stocktake:drawn", start);
start();
