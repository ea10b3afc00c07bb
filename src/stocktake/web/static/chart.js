// @ts-check
// Time series by uPlot; the table below each chart shows the same figures.
function draw() {
  const Plot = /** @type {any} */ (window).uPlot;
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const place = /** @type {HTMLElement} */ (figure);
    if (!Plot || place.dataset.drawn) continue;
    place.dataset.drawn = "yes";
    const points = /** @type {[number, number][]} */ (JSON.parse(place.dataset.chart || "[]"));
    const style = getComputedStyle(document.documentElement);
    const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const is_share = place.dataset.unit === "share";
    const shown = (/** @type {number | null} */ value) => value === null || value === undefined ? "—" : is_share ? `${(100 * value).toFixed(2)} %` : value.toLocaleString("en");
    const columns = [points.map((one) => one[0]), points.map((one) => one[1])];
    const series = [{}, { label: place.dataset.label, stroke: of("accent"), width: 2, points: { show: true, size: 6 }, value: (/** @type {any} */ _, /** @type {number} */ value) => shown(value) }];
    for (const [name, label, colour] of [["low", "fails below", "bad"], ["high", "fails above", "bad"], ["warnLow", "warns below", "warn-line"], ["warnHigh", "warns above", "warn-line"]]) {
      const limit = place.dataset[name];
      if (limit === undefined) continue;
      columns.push(points.map(() => Number(limit)));
      series.push({ label, stroke: of(colour), width: 1, points: { show: false, size: 0 }, value: (/** @type {any} */ _, /** @type {number} */ value) => shown(value) });
    }
    const axis = { stroke: of("text-2"), grid: { stroke: of("line"), width: 1 } };
    const options = { width: place.clientWidth - 32, height: 220, series, axes: [axis, { ...axis, size: 80, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(shown) }] };
    const plot = new Plot(options, columns, place);
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth - 32, height: 220 })).observe(place);
  }
}
addEventListener("load", draw);
