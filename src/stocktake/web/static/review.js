// @ts-check
// Keys for pairs of rows: m merges as chosen, k keeps both, n tells them apart. The buttons of the
// pair that has the focus are pressed, else those of the first. Without script they are buttons.
const root = document.documentElement;

document.addEventListener("keydown", (event) => {
  const target = /** @type {Element} */ (event.target);
  const typing = target.closest("input:not([type=radio]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || root.dataset.shortcuts === "off") return;
  const pair = target.closest("[data-pair]") || document.querySelector("[data-pair]");
  const button = /** @type {HTMLElement | null} */ (pair?.querySelector(`[data-key="${CSS.escape(event.key)}"]`) ?? null);
  if (!button) return;
  event.preventDefault();
  button.click();
});
