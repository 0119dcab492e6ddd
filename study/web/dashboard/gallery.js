/* Gallery: every image, sorted and filtered, two hundred at a time. */

const GALLERY_PAGE = 200;

function galleryPanel(context) {
  const { data, study } = context;
  const own = ownState(context.state, "gallery");
  const aligned = alignedOf(context);
  const quantities = quantitiesOf(context);
  const element = make("div", "gallery");
  const list = make("ul", "gallery-list");
  const toPage = (page) => {
    own.set({ page: page ? page + 1 : "" });
    element.scrollIntoView({ block: "start" });
  };
  const pagers = ["above", "below"].map((where) => makePager(GALLERY_PAGE, "images", where, toPage));
  const controls = galleryControls(context, quantities, (changes) => own.set({ ...changes, page: "" }));
  let shown = null; // {signature, places, quantity}
  let page = -1;
  element.append(controls.element, pagers[0].element, list, pagers[1].element);

  function show() {
    const wish = galleryWish(own, quantities, study);
    controls.show(wish);
    const signature = JSON.stringify({ ...wish, quantity: wish.quantity && wish.quantity.key, ranges: wish.ranges.map(({ quantity, low, high }) => [quantity.key, low, high]) });
    const isSame = shown && shown.signature === signature;
    if (!isSame) shown = { signature, quantity: wish.quantity, ...chosen(wish) };
    const pages = Math.max(1, Math.ceil(shown.places.length / GALLERY_PAGE));
    const at = Math.min(pages, Math.max(1, Math.floor(Number(own.get("page"))) || 1)) - 1;
    if (isSame && at === page) return;
    page = at;
    draw();
  }

  function chosen(wish) {
    const all = data.images.item.map((_, place) => place);
    const places = all.filter((place) => fits(wish, place));
    if (!wish.quantity) return { places, without: 0 };
    const without = places.filter((place) => wish.quantity.column[place] === null).length;
    return { places: ordered(places, wish.quantity.column, wish.isLowestFirst), without };
  }

  function fits(wish, place) {
    const { checkpoint, prompt, seed } = data.images;
    const model = data.checkpoints[checkpoint[place]];
    if (wish.run && !(model && data.runs[model.run].name === wish.run)) return false;
    if (wish.checkpoint >= 0 && checkpoint[place] !== wish.checkpoint) return false;
    if (wish.group && (data.prompts[prompt[place]] || {}).group !== wish.group) return false;
    if (wish.prompt >= 0 && prompt[place] !== wish.prompt) return false;
    if (wish.seed !== null && (seed[place] || "") !== wish.seed) return false;
    if (wish.rated && wish.rated === "yes" !== data.tasks.some((task) => data.people[task].n[place] > 0)) return false;
    if (wish.failed && !failuresOf(place).some((metric) => wish.failed === "any" || wish.failed === metric)) return false;
    return wish.ranges.every(({ quantity, low, high }) => {
      const value = quantity.column[place];
      return value !== null && value >= low && value <= high;
    });
  }

  function failuresOf(place) {
    return Object.keys(data.failures).filter((metric) => place in data.failures[metric]);
  }

  function draw() {
    const { places, quantity, without } = shown;
    const all = data.images.item.length;
    const fit = places.length < all ? " that fit (" + grouped(all) + " in all)" : "";
    const last = without ? "; " + grouped(without) + " without a value come last" : "";
    for (const pager of pagers) pager.show(page, places.length, fit + last);
    pagers[1].element.hidden = places.length <= GALLERY_PAGE;
    const from = page * GALLERY_PAGE;
    list.replaceChildren(...places.slice(from, from + GALLERY_PAGE).map((place, i) => cardOf(place, from + i, quantity)));
  }

  function cardOf(place, at, quantity) {
    const item = make("li");
    const card = makeButton("gallery-card", "", () => open(at));
    card.dataset.item = data.images.item[place];
    const frame = make("span", "gallery-picture");
    frame.append(context.pictures.thumb(place));
    card.append(frame);
    if (quantity) card.append(make("strong", "", valueWords(quantity, place)));
    const failed = failuresOf(place);
    if (failed.length) card.append(make("span", "failed", "failed: " + failed.map((metric) => study.title(metric)).join(", ")));
    const checkpoint = data.images.checkpoint[place];
    const model = data.checkpoints[checkpoint];
    const where = model ? [data.runs[model.run].name, axisWords(aligned, checkpoint), data.images.seed[place] && "seed " + data.images.seed[place]].filter(Boolean).join(" · ") : data.images.item[place];
    card.append(make("span", "where", where), make("span", "prompt", study.prompt(place)));
    item.append(card);
    return item;
  }

  function valueWords(quantity, place) {
    const value = quantity.column[place];
    if (value === null) return "no value";
    return quantity.key.startsWith("gap:") ? signed(value, quantity.digits) : formatted(value, quantity.digits);
  }

  function open(at) {
    const { places, quantity } = shown;
    const words = (place) => (quantity ? [quantity.words + ": " + valueWords(quantity, place)] : []);
    context.lightbox.open(places, at, { words });
  }

  function keys(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "n" || key === "p") {
      const next = page + (key === "n" ? 1 : -1);
      if (next >= 0 && next * GALLERY_PAGE < shown.places.length) toPage(next);
      return true;
    }
    if (!key.startsWith("Arrow")) return false;
    const card = cardBeside([...list.querySelectorAll(".gallery-card")], key);
    if (card) card.focus();
    return Boolean(card);
  }

  const help = [
    ["N, P", "the next page, the one before"],
    ["← → ↑ ↓", "from a picture to the one beside it"],
    ["Enter", "full size and recipe"],
  ];
  return { element, show, hide: () => {}, keys, help };
}

/* What the address asks of the gallery. */
function galleryWish(own, quantities, study) {
  const quantityOf = (key) => quantities.find((quantity) => quantity.key === key) || null;
  const ranges = listOf(own.get("where")).flatMap((text) => {
    const [key, low, high] = text.split("~");
    const quantity = quantityOf(key);
    return quantity ? [{ quantity, low: limit(low, -Infinity), high: limit(high, Infinity) }] : [];
  });
  const { runs, groups, prompts } = study.data;
  const known = (name, names) => (names.includes(name) ? name : "");
  return {
    quantity: quantityOf(own.get("sort")),
    isLowestFirst: own.get("order") === "lowest",
    run: known(own.get("run"), runs.map((run) => run.name)),
    checkpoint: study.checkpoint(own.get("checkpoint")),
    group: known(own.get("group"), groups),
    prompt: prompts[Number(own.get("prompt")) - 1] ? Number(own.get("prompt")) - 1 : -1,
    seed: own.get("seed") ? own.get("seed").slice(1) : null, // "=7", and "=" for images without a seed
    rated: own.get("rated"),
    failed: own.get("failed"),
    ranges,
  };
}

function limit(text, otherwise) {
  return text && Number.isFinite(Number(text)) ? Number(text) : otherwise;
}
