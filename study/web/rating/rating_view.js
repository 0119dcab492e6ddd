/* What the rating page shows; it reads the state that rating.js keeps. */

const DOUBLE_CLICK_MS = 500;
const QUIET_SAVING_MS = 300;
const PHOTO_GAP = 8;
const MOST_IN_A_ROW = 5; // levels, or in a column beside the image; a high screen has two rows at most

// ---- the words and pictures around an image

function showReferences(entries) {
  const photos = entries.map((entry, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "photo";
    button.setAttribute("aria-label", "Enlarge reference photo " + (i + 1));
    entry.image.alt = "";
    button.append(entry.image);
    button.addEventListener("click", () => enlarge(entry.image.src));
    return button;
  });
  find(".photos").replaceChildren(...photos);
  arrangePhotos();
}

/* The number of columns in which the reference photos come out largest. */
function arrangePhotos() {
  const box = find(".photos");
  const images = Array.from(box.querySelectorAll("img"));
  let largest = -1;
  for (let columns = 1; columns <= images.length; columns++) {
    const width = (box.clientWidth - PHOTO_GAP * (columns - 1)) / columns;
    const rows = Math.ceil(images.length / columns);
    const height = Math.max(0, (box.clientHeight - PHOTO_GAP * (rows - 1)) / rows);
    let area = 0;
    for (const { naturalWidth, naturalHeight } of images) {
      area += Math.min(width / naturalWidth, height / naturalHeight) ** 2 * naturalWidth * naturalHeight;
    }
    if (area > largest) {
      largest = area;
      box.style.setProperty("--columns", String(columns));
    }
  }
}

function enlarge(source) {
  const image = new Image();
  image.src = source;
  image.alt = "Reference photo";
  find(".close").replaceChildren(image);
  find(".enlarged").showModal();
}

function showWords(item) {
  const task = session.tasks[item.task];
  const changed = lastTask !== null && lastTask !== item.task;
  if (lastTask !== item.task) {
    find(".question").textContent = task.question;
    page.dataset.task = String(item.task % 4);
    find(".references").hidden = !task.show_references;
    page.dataset.references = task.show_references ? "yes" : "no";
    showScale(task.levels, task.numbers);
  }
  lastTask = item.task;
  if (changed) highlightQuestion();
  else if (item.number > 1) find(".changed").hidden = true;
  find(".prompt").hidden = !item.prompt;
  find(".prompt").textContent = item.prompt || "";
  for (const button of find(".scale").children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.rating) === item.rating));
  }
  find(".missing").hidden = true;
  find(".end").hidden = true;
  find(".message").hidden = true;
  find(".back").disabled = !mayGoBack();
  find(".forward").disabled = item.rating === null;
  const count = item.number + " of " + item.total;
  const news = item.round > 1 ? counted(item.total, "new image") : "";
  find(".count").textContent = count;
  find(".part").textContent = partName(item.task) + (news && ", " + news);
  const question = changed || at === 0 ? " " + task.question : "";
  const before = item.rating === null ? "" : " Your answer: " + item.rating + ".";
  const added = news && item.number === 1 ? " " + news + "." : "";
  find(".announcement").textContent = "Image " + count + "." + added + question + before;
  showProgress();
}

function partName(number) {
  const name = taskName(number);
  return session.tasks.length > 1 ? name + ", part " + (number + 1) + " of " + session.tasks.length : name;
}

function taskName(number) {
  const name = session.tasks[number].name.replaceAll("_", " ");
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function highlightQuestion() {
  find(".changed").hidden = false;
  const ask = find(".ask");
  ask.classList.remove("fresh");
  void ask.offsetWidth; // restarts the animation
  ask.classList.add("fresh");
}

function showScale(levels, numbers) {
  const keys = keysOf(numbers);
  const buttons = levels.map((words, i) => {
    const name = String(numbers[i]);
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.rating = name;
    button.setAttribute("aria-keyshortcuts", keys[i]);
    const number = document.createElement("span");
    number.className = "number";
    number.textContent = name;
    const label = document.createElement("span");
    label.className = "words";
    label.textContent = words === name ? "" : words; // a level without a word is called by its number
    button.append(number, label);
    button.addEventListener("click", (event) => {
      const secondOfDouble = event.detail > 1 && performance.now() - shownSince < DOUBLE_CLICK_MS;
      if (secondOfDouble) return; // meant for the image before
      answer(numbers[i]);
      page.focus({ preventScroll: true }); // the next image starts with nothing chosen
    });
    return button;
  });
  find(".scale").replaceChildren(...buttons);
  page.dataset.levels = numbers.length > MOST_IN_A_ROW ? "many" : "few";
  const rows = Math.ceil(numbers.length / MOST_IN_A_ROW);
  page.style.setProperty("--levels", numbers.length);
  page.style.setProperty("--half", Math.ceil(numbers.length / 2));
  page.style.setProperty("--in-a-row", Math.ceil(numbers.length / rows));
  page.style.setProperty("--in-a-row-high", Math.ceil(numbers.length / Math.min(rows, 2)));
  showLegend(legendOf(numbers));
}

function showLegend(parts) {
  const keys = parts.flatMap(([first, last, words], i) => {
    const [from, to] = [first, last].map((key) => {
      const made = document.createElement("kbd");
      made.textContent = key;
      return made;
    });
    return [i ? ", " : "Keys ", from, ...(last ? ["–", to] : []), words];
  });
  find(".hint").replaceChildren(...keys);
  find(".hint").classList.toggle("long", parts.length > 1);
}

function flash(rating) {
  const button = Array.from(find(".scale").children).find((one) => Number(one.dataset.rating) === rating);
  button.classList.remove("pressed");
  void button.offsetWidth;
  button.classList.add("pressed");
}

// ---- progress, saving, the end

function showProgress() {
  const bar = find(".bar");
  const here = roundHere();
  const parts = session.tasks.flatMap((_, number) => {
    const total = here.filter((item) => item.task === number).length;
    if (!total) return [];
    const part = document.createElement("span");
    part.style.flexGrow = String(total);
    const fill = document.createElement("i");
    fill.style.width = (100 * doneIn(number, here)) / total + "%";
    part.append(fill);
    return part;
  });
  bar.replaceChildren(...parts);
  const done = here.filter((item) => item.rating !== null).length;
  bar.setAttribute("aria-valuemax", String(here.length));
  bar.setAttribute("aria-valuenow", String(done));
  bar.setAttribute("aria-valuetext", done + " of " + here.length + " rated");
}

function counted(number, noun) {
  return number + " " + noun + (number === 1 ? "" : "s");
}

function showSaving() {
  if (!session) return;
  const waiting = outbox.waiting.length;
  clearTimeout(savingTimer);
  if (outbox.unreachable) {
    saving("offline", (outbox.trouble ? "Not saved yet, " : "Offline, ") + waiting + " kept");
  } else if (waiting) {
    anySaved = true;
    savingTimer = setTimeout(() => saving("saving", "Saving…"), QUIET_SAVING_MS);
  } else {
    const safe = anySaved && !outbox.refused.length;
    saving(safe ? "saved" : "idle", safe ? "Saved" : "");
  }
  showRefused();
  if (at >= list.length) showEndSaved();
}

function saving(kind, text) {
  find(".saving").dataset.kind = kind;
  find(".saving").textContent = text;
}

/* Refused answers count as not given, or as what stands there, unless a newer one is on its way. */
function showRefused() {
  const newer = outbox.ratings();
  for (const entry of outbox.refused) {
    const item = list.find((one) => one.id === entry.id);
    if (item && !newer.has(entry.id)) item.rating = "there" in entry ? entry.there : null;
  }
  const refused = outbox.refused;
  find(".trouble").hidden = !refused.length && !outbox.trouble;
  find(".trouble").textContent = refused.length
    ? "Not saved: " + counted(refused.length, "answer") + ". " + refused[refused.length - 1].refusal
    : outbox.trouble;
}

function showEnd() {
  const open = list.filter((item) => item.rating === null).length;
  page.dataset.state = "end";
  shownSince = null;
  find(".end").hidden = false;
  find(".message").hidden = true;
  find(".end-title").textContent = open ? "That was the last image." : "Thank you, you have rated everything.";
  const counts = session.tasks.map((task, number) => {
    const line = document.createElement("li");
    line.textContent = taskName(number) + ": " + doneIn(number) + " of " + task.total + " rated";
    return line;
  });
  find(".end-counts").replaceChildren(...counts);
  find(".end-retry").hidden = !open;
  find(".end-report").href = api + "report";
  find(".count").textContent = open ? "" : "Done";
  find(".part").textContent = "";
  find(".announcement").textContent = "";
  showProgress();
  showEndSaved();
  find(".end-title").focus({ preventScroll: true });
}

function showEndSaved() {
  const waiting = outbox.waiting.length;
  const open = list.some((item) => item.rating === null);
  find(".end-text").textContent = waiting ? "" : endWords(open);
  find(".end-back").hidden = session.report_seen && !open;
  find(".end-saved").textContent = waiting
    ? "Keep this page open: " + counted(waiting, "answer") + " still to be sent."
    : outbox.refused.length ? "" : "Every answer is saved.";
  find(".end-report").hidden = !session.share_report || waiting > 0 || open;
}

function endWords(open) {
  if (open) return counted(list.filter((item) => item.rating === null).length, "image") + " still without an answer.";
  if (session.report_seen) return "You have seen the report, so your answers stay as they are. You can close this page.";
  const change = "You can close this page, or go back and change an answer";
  return session.share_report ? change + "; once you open the report, your answers stay as they are." : change + ".";
}

function message(text) {
  page.dataset.state = "message";
  find(".message").hidden = false;
  find(".message-text").textContent = text;
}
