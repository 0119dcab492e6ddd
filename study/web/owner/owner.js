/* The owner's page: who has rated how much, refreshed every few seconds while it is being looked at. */

const REFRESH_MS = 4000;
const COPIED_MS = 1500;

const page = element.querySelector(".hg");
const find = (selector) => page.querySelector(selector);
const token = new URLSearchParams(location.search).get("key") || "";
const api = new URL("../api/owner/" + encodeURIComponent(token) + "/", location.href).href;
const rows = new Map(); // evaluator -> the cells of the row, filled anew at each refresh

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

function ago(time) {
  if (!time) return "not yet";
  const seconds = Math.max(0, (Date.now() - new Date(time).getTime()) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h ago";
  return new Date(time).toLocaleDateString();
}

function capitalised(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function figure(value, words) {
  const item = make("li");
  item.append(make("strong", "", value), make("span", "", words));
  return item;
}

function showFigures(progress) {
  const done = sum(progress.evaluators.map((person) => person.done));
  const total = sum(progress.evaluators.map((person) => person.total));
  const finished = progress.evaluators.filter((person) => person.total && person.done === person.total).length;
  const share = total ? Math.floor((100 * done) / total) + " %" : "–";
  find(".figures").replaceChildren(
    figure(share, "of the study is rated"),
    figure(done + " / " + total, "ratings"),
    figure(finished + " / " + progress.evaluators.length, "evaluators have finished"),
  );
}

function showColumns(tasks) {
  const names = ["Evaluator", ...tasks.map(capitalised), "Last rating", "Private link"];
  find(".columns").replaceChildren(
    ...names.map((name) => {
      const cell = make("th", "", name);
      cell.scope = "col";
      return cell;
    }),
  );
}

function newRow(person, tasks) {
  const row = make("tr");
  const cells = {
    name: make("td", "name", person.name),
    tasks: tasks.map(() => make("td", "task-cell")),
    last: make("td", "quiet"),
    link: make("td"),
  };
  cells.tasks.forEach((cell, i) => (cell.dataset.label = capitalised(tasks[i])));
  cells.last.dataset.label = "Last rating";
  cells.link.append(linkField(person));
  row.append(cells.name, ...cells.tasks, cells.last, cells.link);
  find(".rows").append(row);
  return cells;
}

function linkField(person) {
  const field = make("div", "link");
  const input = make("input");
  input.readOnly = true;
  input.value = new URL(".." + person.link, location.href).href;
  input.setAttribute("aria-label", "Private link of " + person.name);
  input.addEventListener("focus", () => input.select());
  const button = make("button", "copy", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", "Copy the link of " + person.name);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(input)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
  });
  field.append(input, button);
  return field;
}

/* The clipboard API exists on localhost and https only; elsewhere the old command still works. */
async function copy(input) {
  input.focus();
  input.select();
  if (!navigator.clipboard) return document.execCommand("copy");
  return navigator.clipboard.writeText(input.value).then(
    () => true,
    () => document.execCommand("copy"),
  );
}

function fillRow(cells, person) {
  person.tasks.forEach((task, i) => {
    const done = make("div", "done" + (task.total && task.done === task.total ? " full" : ""));
    const track = make("span", "track");
    const fill = make("i");
    fill.style.width = (task.total ? (100 * task.done) / task.total : 0) + "%";
    track.append(fill);
    done.append(track, make("span", "", task.done + "/" + task.total));
    const median = task.median_response_ms;
    const pace = median === null ? "" : (median / 1000).toFixed(1) + " s an image (median)";
    const state = make("div", "state");
    state.append(done, make("div", "pace", pace));
    cells.tasks[i].replaceChildren(state);
  });
  cells.last.textContent = ago(person.last_rated_at);
  cells.last.title = person.last_rated_at || "";
}

function show(progress) {
  if (page.dataset.state !== "ready") {
    document.title = progress.title;
    find(".title").textContent = progress.title;
    showColumns(progress.tasks);
    find(".export").href = api + "export.zip";
    find(".nameless").href = api + "export.zip?names=0";
    find(".report").href = api + "report";
    find(".dashboard").href = new URL("../dashboard/?key=" + encodeURIComponent(token), location.href).href;
    page.dataset.state = "ready";
  }
  showFigures(progress);
  for (const person of progress.evaluators) {
    if (!rows.has(person.name)) rows.set(person.name, newRow(person, progress.tasks));
    fillRow(rows.get(person.name), person);
  }
  status("", "Updated " + new Date().toLocaleTimeString());
  trouble(progress.trouble);
}

/* What keeps the server from saving, in a box of its own. */
function trouble(text) {
  find(".trouble").hidden = !text;
  find(".trouble").textContent = text;
}

function status(kind, text) {
  find(".fresh").dataset.kind = kind;
  find(".fresh").textContent = text;
}

function message(text) {
  page.dataset.state = "message";
  find(".title").textContent = "humangrade";
  status("", text);
}

async function refresh() {
  let response = null;
  try {
    response = await fetch(api + "progress", { cache: "no-store" });
  } catch {
    response = null;
  }
  if (!response || response.status >= 500) {
    status("late", "The server cannot be reached. Trying again…");
    if (response && response.status === 503) {
      status("late", "The server cannot read the study. Trying again…");
      if (page.dataset.state === "loading") find(".title").textContent = "humangrade";
      trouble((await response.json().catch(() => ({}))).detail || "");
    }
  } else if (!response.ok) {
    message((await response.json()).detail);
    return;
  } else {
    show(await response.json());
  }
  setTimeout(whenLookedAt, REFRESH_MS);
}

function whenLookedAt() {
  if (!document.hidden) refresh();
  else document.addEventListener("visibilitychange", whenLookedAt, { once: true });
}

find(".show").addEventListener("click", () => {
  find(".frame").hidden = false;
  find(".frame").src = api + "report";
  find(".show").textContent = "Refresh";
});
if (token) refresh();
else message("Open the private link of the owner; this address lacks its key.");
