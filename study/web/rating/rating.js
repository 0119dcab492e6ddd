/* The rating page. Where the rater stands is not stored anywhere: it is the first assignment without an answer. */

const PREFETCHED = 3;
const RETRY_MS = 3000;
const LONGEST_RESPONSE_MS = 86400000;
const BOUNCE_MS = 150;
const LOOK_AGAIN_MS = 3000;
const LATE = "This picture did not load yet. It is tried again by itself.";

const page = element.querySelector(".hg");
const find = (selector) => page.querySelector(selector);
const token = new URLSearchParams(location.search).get("key") || "";
const api = new URL("../api/rater/" + encodeURIComponent(token) + "/", location.href).href;
const pictures = new Pictures(api + "images/");
const outbox = new Outbox(api + "ratings/", token, showSaving);

let session = null;
let list = []; // all assignments of all tasks, round by round, in their order
let at = 0; // the place in the list; list.length is the thank-you screen
let shownSince = null; // when the current picture stood on the screen, null while it loads
let lastTask = null;
let lastRating = null; // the answer just given
let failures = 0; // of the current picture
const skipped = new Set();
let anySaved = false;
let savingTimer = null;
let sessionTag = null; // what the server calls the state of the session that is here
let lookedAt = 0;
let lookingLater = 0;

// ---- where we stand

/* The first image without an answer from a place on, else from the beginning, else the end. */
function nextOpen(from) {
  const later = list.findIndex((item, place) => place >= from && isOpen(item));
  const place = later < 0 ? list.findIndex(isOpen) : later;
  return place < 0 ? list.length : place;
}

function isOpen(item) {
  return item.rating === null && !skipped.has(item.id);
}

function doneIn(task, of = list) {
  return of.filter((item) => item.task === task && item.rating !== null).length;
}

/* The images of the round that we are in: what was asked before others came is answered, and stays. */
function roundHere() {
  const { round } = list[Math.min(at, list.length - 1)];
  return list.filter((item) => item.round === round);
}

function mayGoBack() {
  return at > 0 && (at === list.length || list[at - 1].round === list[at].round);
}

function goTo(place) {
  at = place;
  failures = 0;
  if (find(".enlarged").open) find(".enlarged").close();
  if (at >= list.length) showEnd();
  else showItem();
}

function answer(rating) {
  if (shownSince === null) return;
  const item = list[at];
  const isChange = item.rating !== null;
  skipped.delete(item.id);
  lastRating = rating;
  if (item.rating !== rating) {
    const previous = item.rating;
    item.rating = rating;
    const responseMs = Math.round(performance.now() - shownSince);
    outbox.add(item.id, rating, Math.min(responseMs, LONGEST_RESPONSE_MS), previous);
  }
  flash(rating);
  goTo(isChange ? at + 1 : nextOpen(at + 1));
}

function back() {
  if (mayGoBack()) goTo(at - 1);
}

function forward() {
  if (at < list.length && list[at].rating !== null) goTo(at + 1);
}

// ---- one image

function picturesOf(item) {
  const references = Array.from({ length: item.references }, (_, i) => item.references_from + "/references/" + i);
  return { main: pictures.get(item.id), references: references.map((path) => pictures.get(path)) };
}

async function showItem() {
  const place = at;
  const item = list[place];
  shownSince = null;
  page.dataset.state = "loading-image";
  showWords(item);
  const wanted = picturesOf(item);
  const all = [wanted.main, ...wanted.references];
  if (!all.every((entry) => entry.ready)) {
    find(".picture").replaceChildren();
    find(".waiting").hidden = false;
    try {
      await Promise.all(all.map((entry) => entry.decoded));
    } catch {
      if (at === place) await retryLater(place);
      return;
    }
    if (at !== place) return;
  }
  find(".waiting").hidden = true;
  find(".missing").hidden = true;
  wanted.main.image.alt = "The image to rate";
  find(".picture").replaceChildren(wanted.main.image);
  showReferences(wanted.references);
  page.dataset.state = "rating";
  shownSince = performance.now();
  list.slice(place + 1, place + 1 + PREFETCHED).forEach(picturesOf);
}

/* A picture did not come: say so, and what the server says where it fails again; try again while the rater is here. */
async function retryLater(place) {
  find(".waiting").hidden = true;
  find(".missing").hidden = false;
  failures += 1;
  find(".missing-text").textContent = LATE;
  if (failures > 1) find(".missing-text").textContent = (await whyMissing(list[place])) || LATE;
  if (at !== place) return;
  await new Promise((resolve) => {
    window.addEventListener("online", resolve, { once: true });
    setTimeout(resolve, RETRY_MS);
  });
  if (at === place && shownSince === null) showItem();
}

/* What the server says of the first of an image's pictures that it refuses; "" where it sends all. */
async function whyMissing(item) {
  const references = Array.from({ length: item.references }, (_, i) => item.references_from + "/references/" + i);
  for (const path of [item.id, ...references]) {
    const response = await fetch(api + "images/" + path, { cache: "no-store" }).catch(() => null);
    if (response && !response.ok) return explanation(response);
  }
  return "";
}

function skip() {
  skipped.add(list[at].id);
  goTo(nextOpen(at + 1));
}

// ---- keys

/* The level that a key presses; null for none. */
function ratingOf(event) {
  const { numbers } = session.tasks[list[Math.min(at, list.length - 1)].task];
  const place = keysOf(numbers).indexOf(keyOf(event));
  return place < 0 ? null : numbers[place];
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !session) return;
  const rating = list.length ? ratingOf(event) : null;
  if (event.repeat) {
    // a key held down is one answer, also where it presses the focused button
    if (rating !== null || ["Enter", " ", "Backspace"].includes(event.key)) event.preventDefault();
    return;
  }
  const bounces = rating === lastRating && performance.now() - shownSince < BOUNCE_MS;
  if (rating !== null) bounces || answer(rating);
  else if (event.key === "Backspace" || event.key === "ArrowLeft") back();
  else if (event.key === "ArrowRight") forward();
  else return;
  event.preventDefault();
}

// ---- the beginning

async function load() {
  if (!token) {
    message("Open the private link you were given; this address lacks its key.");
    return;
  }
  let response = null;
  try {
    response = await fetch(api + "session", { cache: "no-store" });
  } catch {
    response = null;
  }
  if (!response || response.status >= 500) {
    message(response ? await explanation(response) : "The server cannot be reached. Trying again…");
    setTimeout(load, RETRY_MS);
    return;
  }
  if (!response.ok) {
    message(await explanation(response));
    return;
  }
  sessionTag = response.headers.get("ETag");
  begin(await response.json());
}

function begin(loaded) {
  session = loaded;
  document.title = session.title;
  find(".title").textContent = session.title;
  const unsent = outbox.ratings();
  list = session.tasks.flatMap((task, number) =>
    task.assignments.map((item) => {
      const rating = unsent.has(item.id) ? unsent.get(item.id) : item.rating;
      return { ...item, round: item.round || 1, task: number, rating };
    }),
  );
  list.sort((one, other) => one.round - other.round); // within a round the tasks stay apart
  numberImages();
  lastTask = null;
  anySaved = list.some((item) => item.rating !== null);
  if (!list.length) {
    message("There is nothing for you to rate yet. Ask the owner of the study.");
    return;
  }
  outbox.flush();
  showSaving();
  goTo(nextOpen(0));
  page.focus({ preventScroll: true });
}

/* Each image's place among those of its task and round, and how many these are. */
function numberImages() {
  const groups = new Map();
  for (const item of list) {
    const key = item.task + " " + item.round;
    if (!groups.has(key)) groups.set(key, []);
    item.number = groups.get(key).push(item);
  }
  for (const group of groups.values()) for (const item of group) item.total = group.length;
}

/* Back on this page: what was rated on another page or device meanwhile is not asked again. The server answers in a few
   bytes where nothing was. */
async function refresh() {
  if (!session || document.visibilityState !== "visible" || outbox.waiting.length) return;
  const wait = lookedAt + LOOK_AGAIN_MS - performance.now(); // focus and visibility come together
  if (wait > 0) {
    lookingLater ||= setTimeout(() => ((lookingLater = 0), refresh()), wait);
    return;
  }
  lookedAt = performance.now();
  const headers = sessionTag ? { "If-None-Match": sessionTag } : {};
  const response = await fetch(api + "session", { cache: "no-store", headers }).catch(() => null);
  if (!response || !response.ok) return;
  const tag = response.headers.get("ETag");
  const loaded = await response.json();
  const there = new Map(loaded.tasks.flatMap((task) => task.assignments.map((item) => [item.id, item.rating])));
  if (outbox.waiting.length) return; // answered while it was on its way
  sessionTag = tag;
  const known = new Set(list.map((item) => item.id));
  if ([...there.keys()].some((id) => !known.has(id))) {
    begin(loaded); // images were added
    return;
  }
  session.report_seen = loaded.report_seen;
  if (at >= list.length) showEndSaved();
  const wasOpen = at < list.length && list[at].rating === null;
  let changed = false;
  for (const item of list) {
    if (there.has(item.id) && there.get(item.id) !== item.rating) {
      item.rating = there.get(item.id);
      changed = true;
    }
  }
  if (!changed) return;
  if (at >= list.length || (wasOpen && list[at].rating !== null)) goTo(nextOpen(0));
  else showItem();
}

document.addEventListener("visibilitychange", refresh);
window.addEventListener("focus", refresh);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) refresh();
});
document.addEventListener("keydown", onKey);
window.addEventListener("beforeunload", (event) => {
  if (outbox.waiting.length) event.preventDefault();
});
window.addEventListener("resize", arrangePhotos);
find(".back").addEventListener("click", back);
find(".forward").addEventListener("click", forward);
find(".skip").addEventListener("click", skip);
find(".end-back").addEventListener("click", back);
find(".end-report").addEventListener("click", () => {
  lookedAt = -LOOK_AGAIN_MS; // back here, the answers stay as they are
});
find(".end-retry").addEventListener("click", () => {
  skipped.clear();
  goTo(nextOpen(0));
});
find(".close").addEventListener("click", () => find(".enlarged").close());
load();
