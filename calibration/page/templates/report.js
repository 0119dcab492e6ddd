(() => {
  "use strict";

  // Links within the page open what they point to; inside a srcdoc frame the browser would leave the page instead.
  function reveal(id) {
    const target = document.getElementById(id);
    if (!target) return;
    for (let node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") node.open = true;
    }
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
    button.closest(".card").querySelectorAll("details").forEach((details) => {
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
