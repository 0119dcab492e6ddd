/* The dashboard: it loads the study's data, shows one panel at a time, and follows the address. */

const LOOK_AGAIN_MS = 20000;
const TABS = [
  ["trends", "Trends", trendsPanel],
  ["grid", "Grid", gridPanel],
  ["gallery", "Gallery", galleryPanel],
  ["best", "Best", bestPanel],
  ["alerts", "Alerts", alertsPanel],
  ["compare", "Compare", comparePanel],
];
const GENERAL_KEYS = [
  ["1 to " + TABS.length, "the views, from the left"],
  ["Tab, Enter", "through buttons and pictures"],
  ["← →", "in an opened image: the one before, the next"],
  ["Esc", "close"],
  ["?", "this list"],
];

const page = element.querySelector(".hg");
const find = (selector) => page.querySelector(selector);
const source = new Source();
const state = new UrlState(() => follow());
const context = { source, state, make };
const panels = new Map(); // tab -> {element, show, hide, keys}
const tabs = new Map();
let shownTab = "";

function shows(name) {
  return TABS.some(([own]) => own === name) ? name : TABS[0][0];
}

/* Show what the address says. */
function follow() {
  if (!context.data) return;
  const values = state.get();
  const tab = shows(values.tab);
  const isOther = tab !== shownTab;
  const isFirst = !shownTab;
  if (isOther) {
    const before = panels.get(shownTab);
    if (before) {
      before.hide();
      before.element.hidden = true;
    }
    shownTab = tab;
    tabs.forEach((button, name) => {
      button.setAttribute("aria-selected", String(name === tab));
      button.tabIndex = name === tab ? 0 : -1;
    });
    tabs.get(tab).scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const panel = panels.get(tab) || makePanel(tab);
  panel.element.hidden = false;
  panel.show(values);
  if (isOther && !isFirst) bringInSight(panel.element);
  context.lightbox.follow(values.image);
}

/* A view that was chosen begins below the tabs where it would begin out of sight, or in its middle. */
function bringInSight(panel) {
  const below = panel.getBoundingClientRect().top - find(".tabs").offsetHeight;
  if (below < 0 || below > page.clientHeight / 2) page.scrollTop += below - 12;
}

function makePanel(name) {
  const panel = TABS.find(([own]) => own === name)[2](context);
  panel.element.id = "panel-" + name;
  panel.element.classList.add("panel");
  panel.element.setAttribute("role", "tabpanel");
  panel.element.setAttribute("aria-labelledby", "tab-" + name);
  find(".panels").append(panel.element);
  panels.set(name, panel);
  return panel;
}

function makeTabs() {
  for (const [name, words] of TABS) {
    const button = makeButton("tab", words, () => state.set({ tab: name }));
    button.id = "tab-" + name;
    button.setAttribute("role", "tab");
    button.addEventListener("keydown", (event) => moveInTabs(event, name));
    tabs.set(name, button);
    find(".tabs").append(button);
  }
}

function moveInTabs(event, name) {
  const names = [...tabs.keys()];
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  event.stopPropagation();
  const next = names[(names.indexOf(name) + by + names.length) % names.length];
  state.set({ tab: next });
  tabs.get(next).focus();
}

/* ---- keys */

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !context.data) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "?") openHelp();
  else if (/^[1-9]$/.test(event.key) && TABS[Number(event.key) - 1]) state.set({ tab: TABS[Number(event.key) - 1][0] });
  else if (!panels.get(shownTab).keys(event)) return;
  event.preventDefault();
}

function openHelp() {
  const panel = panels.get(shownTab);
  const rows = [...(panel.help || []), ...GENERAL_KEYS];
  find(".help-list").replaceChildren(...rows.map(([keys, words]) => figureRow(keys, words)));
  find(".help").showModal();
}

/* ---- loading */

function status(kind, text) {
  find(".fresh").dataset.kind = kind;
  find(".fresh").textContent = text;
}

function message(text) {
  page.dataset.state = "message";
  find(".title").textContent = "humangrade";
  status("", text);
}

async function load() {
  if (!source.hasKey) return message("Open the private link of the owner; this address lacks its key.");
  try {
    context.data = await source.json("data");
  } catch (error) {
    message(error.message);
    return setTimeout(load, LOOK_AGAIN_MS / 4);
  }
  source.version = context.data.version;
  source.onNew = offerNew;
  context.study = new StudyData(context.data);
  context.pictures = new Pictures(source, context.study);
  context.lightbox = new Lightbox(find(".lightbox"), context);
  document.title = context.data.title;
  find(".title").textContent = context.data.title;
  const { checkpoints, images } = context.data;
  const counts = counted(checkpoints.length, "checkpoint") + " · " + counted(images.item.length, "image");
  showNotes(find(".data-notes"), [context.data.base_note, ...context.data.notes]);
  status("", counts + (source.isExported ? " · exported " : " · as of ") + momentOf(context.data.made_at));
  page.dataset.state = "ready";
  makeTabs();
  follow(); // what is looked at is asked for first; the answer above it takes longer
  context.answered = showAnswer(find(".answer"), context);
  if (!source.isExported) setTimeout(whenLookedAt, LOOK_AGAIN_MS);
}

/* What is to be known of the data, folded: it is the same at every visit. */
function showNotes(details, notes) {
  const said = notes.filter(Boolean);
  details.hidden = !said.length;
  details.querySelector("summary").textContent = counted(said.length, "note") + " on these data";
  details.querySelector("ul").replaceChildren(...said.map((words) => make("li", "", words)));
}

/* ---- what is new since */

async function lookAgain() {
  try {
    const response = await source.ask("version");
    if (!response.ok) throw new Error(await refusalOf(response));
    const { version, trouble: words } = await response.json();
    trouble(words ? words + " What is shown stays as it was." : "");
    if (version !== context.data.version) return offerNew();
  } catch (error) {
    trouble(error.message + " What is shown stays as it was; trying again…");
  }
  setTimeout(whenLookedAt, LOOK_AGAIN_MS);
}

function whenLookedAt() {
  if (!document.hidden) lookAgain();
  else document.addEventListener("visibilitychange", whenLookedAt, { once: true });
}

let isOffered = false;
function offerNew() {
  if (isOffered) return;
  isOffered = true;
  find(".name").append(makeButton("news", "There is something new: show it", () => location.reload()));
}

function trouble(text) {
  find(".trouble").hidden = !text;
  find(".trouble").textContent = text;
}

document.addEventListener("keydown", onKey);
find(".help-button").addEventListener("click", () => context.data && openHelp());
find(".help-close").addEventListener("click", () => find(".help").close());
load();
