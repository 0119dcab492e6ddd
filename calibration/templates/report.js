(() => {
  "use strict";
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const plots = [...document.querySelectorAll(".plot")];
  const drawn = new Set();
  const touch = matchMedia("(pointer: coarse)");
  const config = {
    displaylogo: false,
    showSendToCloud: false, // plotly.js 4 shows a button that uploads the data unless told otherwise
    plotlyServerURL: "",
    responsive: true,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };

  // A copy of a figure in which colours named by CSS variables have their present values.
  function coloured(node, key, style) {
    if (Array.isArray(node)) return node.map((entry) => coloured(entry, key, style));
    if (node !== null && typeof node === "object") {
      return Object.fromEntries(Object.entries(node).map(([name, entry]) => [name, coloured(entry, name, style)]));
    }
    const isColour = typeof node === "string" && /color(scale)?$/.test(key) && node.startsWith("--");
    return isColour ? style.getPropertyValue(node).trim() : node;
  }

  function draw(plot) {
    const style = getComputedStyle(root);
    const { data, layout } = coloured(figures[plot.id], "", style);
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.width = plot.clientWidth;
    layout.dragmode = touch.matches ? false : "zoom";
    if (plot.clientWidth < 420) layout.font.size = 10;
    drawn.add(plot);
    return Plotly.react(plot, data, layout, {
      ...config,
      displayModeBar: touch.matches ? false : "hover",
      toImageButtonOptions: { filename: plot.id, scale: 2 },
    });
  }

  const isVisible = (plot) => plot.clientWidth > 0;
  const redraw = () => [...drawn].filter(isVisible).forEach(draw);

  const seen = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      seen.unobserve(target);
      if (!drawn.has(target)) draw(target);
    }),
    { rootMargin: "400px" },
  );
  plots.forEach((plot) => seen.observe(plot));

  const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    const changed = target.layout && target.clientWidth > 0 && target.clientWidth !== target.layout.width;
    if (drawn.has(target) && changed) draw(target);
  }));
  plots.forEach((plot) => resized.observe(plot));

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    plots.filter(isVisible).forEach(draw);
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    redraw();
  });

  // Links within the page open what they point to; inside a srcdoc frame the browser would leave the page instead.
  function reveal(id) {
    const target = document.getElementById(id);
    if (!target) return;
    if (target.tagName === "DETAILS") target.open = true;
    target.scrollIntoView();
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    reveal(id);
    if (location.protocol !== "about:") history.replaceState(null, "", `#${id}`);
  });
  if (location.hash) reveal(location.hash.slice(1));

  document.querySelectorAll("button[data-details]").forEach((button) => button.addEventListener("click", () => {
    button.closest(".card").querySelectorAll("details.metric").forEach((details) => {
      details.open = button.dataset.details === "open";
    });
  }));

  // Tables sort by a click on a column's head; cells without a value stay last.
  const value = (cell) => {
    if (cell.dataset.value === undefined) return cell.textContent.trim();
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return sign * order;
  }
  document.querySelectorAll("table.sortable").forEach((table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const body = table.tBodies[0];
        const isNumber = body.rows[0]?.cells[column].dataset.value !== undefined;
        const first = isNumber ? "descending" : "ascending";
        const second = isNumber ? "ascending" : "descending";
        const next = head.getAttribute("aria-sort") === first ? second : first;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", next);
        const sign = next === "ascending" ? 1 : -1;
        const rows = [...body.rows];
        rows.sort((a, b) => compare(value(a.cells[column]), value(b.cells[column]), sign));
        body.append(...rows);
      });
    });
  });
})();
