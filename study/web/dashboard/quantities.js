/* What images can be sorted and filtered by: one number an image, or null. In the address "metric:NAME", "people:TASK",
   "disagreement:TASK", "gap:TASK:METRIC" and "gapsize:TASK:METRIC", with names escaped. */

function quantitiesOf(context) {
  const { data } = context;
  const found = [];
  const add = (group, parts, words, column, direction) => {
    if (!column || !column.some((value) => value !== null)) return;
    const key = parts.map(encodeURIComponent).join(":");
    const digits = Math.min(4, digitsFor(column.filter((value) => value !== null)));
    found.push({ key, group, words, column, direction: direction || "", digits });
  };
  for (const metric of data.metrics) add("Metrics", ["metric", metric.name], metric.title, data.values[metric.name], metric.direction);
  for (const task of data.tasks) {
    const people = data.people[task] || {};
    add("People", ["people", task], capitalised(task) + ": mean rating", people.mean, "higher");
    add("People", ["disagreement", task], capitalised(task) + ": disagreement (SD)", people.sd);
  }
  for (const task of data.tasks) {
    for (const metric of data.metrics) {
      const gap = (data.gaps[task] || {})[metric.name];
      const group = "Gap between metric and people: " + capitalised(task);
      const words = metric.title + " against " + task.replaceAll("_", " ") + ": "; // a closed choice shows no group
      add(group, ["gapsize", task, metric.name], words + "gap, either way", gap && gap.map((value) => (value === null ? null : Math.abs(value))));
      add(group, ["gap", task, metric.name], words + "above people", gap);
    }
  }
  return found;
}

/* What a gap between metric and people is; "" of any other quantity. */
function gapWords({ key }) {
  if (!/^gap(size)?:/.test(key)) return "";
  const place = "Gap: where the metric places an image among those that people rated too (0 the worst, 1 the best), minus where people place it";
  return place + (key.startsWith("gap:") ? "." : ", without its sign.");
}

/* A labelled choice of a quantity, by their groups; `first` is the option of none. */
function makeQuantityChoice(label, quantities, first, onChange) {
  const made = makeChoice(label, first === null ? [] : [["", first]], onChange);
  const groups = new Map();
  for (const quantity of quantities) {
    if (!groups.has(quantity.group)) {
      const group = make("optgroup");
      group.label = quantity.group;
      groups.set(quantity.group, group);
      made.select.append(group);
    }
    const option = make("option", "", quantity.words);
    option.value = quantity.key;
    groups.get(quantity.group).append(option);
  }
  return made;
}

/* Places by a column, the highest first or the lowest first; those without a value last, and equals in their order. */
function ordered(places, column, isLowestFirst) {
  const sign = isLowestFirst ? 1 : -1;
  const keyOf = (place) => (column[place] === null ? Infinity : sign * column[place]);
  return [...places].sort((one, other) => {
    const [a, b] = [keyOf(one), keyOf(other)];
    return a === b ? one - other : a < b ? -1 : 1;
  });
}

/* Buttons and a choice of page, with the count of what is shown: "201 to 400 of 3,840 images". */
function makePager(size, noun, where, onPage) {
  const element = make("nav", "pager");
  element.setAttribute("aria-label", "Pages of " + noun + ", " + where);
  const count = make("span", "pager-count");
  count.setAttribute("role", "status");
  let page = 0;
  const back = makeButton("", "← Previous", () => onPage(page - 1));
  const forward = makeButton("", "Next →", () => onPage(page + 1));
  const choice = makeChoice("Page", [], (value) => onPage(Number(value)));
  element.append(count, back, choice.element, forward);
  const show = (at, total, more) => {
    page = at;
    const pages = Math.max(1, Math.ceil(total / size));
    const last = Math.min(total, (at + 1) * size);
    count.textContent = (total ? grouped(at * size + 1) + " to " + grouped(last) + " of " : "") + grouped(total) + " " + noun + more;
    back.disabled = at === 0;
    forward.disabled = at >= pages - 1;
    for (const made of [back, forward, choice.element]) made.hidden = pages < 2;
    if (choice.select.length !== pages) {
      choice.select.replaceChildren(...Array.from({ length: pages }, (_, i) => Object.assign(make("option", "", i + 1 + " of " + pages), { value: i })));
    }
    choice.select.value = at;
  };
  return { element, show };
}

/* The card that an arrow leads to from the one with the focus; null where none has it, or there is none. */
function cardBeside(cards, key) {
  const at = cards.findIndex((card) => card.contains(document.activeElement));
  if (at < 0) return null;
  if (key === "ArrowLeft") return cards[at - 1] || null;
  if (key === "ArrowRight") return cards[at + 1] || null;
  const { left, top } = cards[at].getBoundingClientRect();
  const isBelow = key === "ArrowDown";
  const inColumn = (card) => {
    const box = card.getBoundingClientRect();
    return Math.abs(box.left - left) < 2 && (isBelow ? box.top > top : box.top < top);
  };
  const found = cards.filter(inColumn);
  return (isBelow ? found[0] : found[found.length - 1]) || null;
}
