/* Elements and numbers, as all panels make them. Texts go in by textContent: a name with HTML in it stays text. */

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function makeButton(className, text, onClick) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/* A button that counts as long as it is held, by a finger too. */
function makeHold(text, onHold) {
  const made = makeButton("hold", text, () => {});
  made.addEventListener("pointerdown", () => onHold(true));
  for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) made.addEventListener(name, () => onHold(false));
  const isPress = (event) => event.key === " " || event.key === "Enter";
  made.addEventListener("keydown", (event) => isPress(event) && onHold(true));
  made.addEventListener("keyup", (event) => isPress(event) && onHold(false));
  made.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a phone
  return made;
}

/* A labelled choice of one; options are [value, words]. */
function makeChoice(label, options, onChange) {
  const made = make("label", "choice");
  const select = make("select");
  for (const [value, words] of options) {
    const option = make("option", "", words);
    option.value = value;
    select.append(option);
  }
  select.addEventListener("change", () => onChange(select.value));
  made.append(make("span", "", label), select);
  return { element: made, select };
}

/* Buttons of which one is pressed; options are [value, words]. */
function makeSwitch(label, options, onChange) {
  const element = make("div", "switch");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", label);
  const buttons = new Map(options.map(([value, words]) => [value, makeButton("", words, () => onChange(value))]));
  element.append(...buttons.values());
  return {
    element,
    show: (value) => buttons.forEach((button, own) => button.setAttribute("aria-pressed", String(own === value))),
  };
}

/* What is awaited; until then the element says that it is being worked out (its style shows that). */
async function busy(element, coming) {
  const waiting = make("p", "waiting quiet", "Being worked out…");
  waiting.setAttribute("role", "status");
  element.setAttribute("aria-busy", "true");
  element.prepend(waiting);
  try {
    return await coming;
  } finally {
    waiting.remove();
    if (!element.querySelector(":scope > .waiting")) element.removeAttribute("aria-busy");
  }
}

function makeSvg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  return made;
}

/* Digits after the point that tell values apart: three figures of the span between them. */
function digitsFor(values) {
  const finite = values.filter((value) => Number.isFinite(value));
  if (!finite.length) return 2;
  const span = Math.max(...finite) - Math.min(...finite) || Math.max(...finite.map(Math.abs)) || 1;
  return Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(span))));
}

/* Digits after the point that ticks need which stand so far apart. */
function digitsOfTicks(step) {
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}

function formatted(value, digits) {
  if (!Number.isFinite(value)) return "–";
  const words = rounded(Math.abs(value), digits === undefined ? digitsFor([value]) : digits);
  return (value < 0 && Number(words) !== 0 ? "−" : "") + words;
}

/* As sentences round: 3.625, which a mean of eight ratings may well be, is 3.62 there and 3.63 by toFixed. */
function rounded(value, digits) {
  const scaled = value * 10 ** digits;
  const isTie = scaled % 1 === 0.5 && Math.floor(scaled) % 2 === 0;
  return (isTie ? Math.floor(scaled) / 10 ** digits : value).toFixed(digits);
}

function stepWords(step) {
  return step.toLocaleString("en");
}

function counted(number, one, many) {
  return number.toLocaleString("en") + " " + (number === 1 ? one : many || one + "s");
}

function capitalised(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function momentOf(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
