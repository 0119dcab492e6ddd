/* Images of one prompt and one seed, side by side over checkpoints; and where each checkpoint stands on the one axis. */

class Aligned {
  constructor(data) {
    this.data = data;
    const { prompt, seed, checkpoint } = data.images;
    this.placeOf = new Map(); // "checkpoint prompt" -> noise -> place
    this.noiseOf = []; // of each image: its seed, with a number where a checkpoint has several of one prompt and seed
    this.noises = data.prompts.map(() => new Set());
    this.placesOf = data.checkpoints.map(() => []);
    this.isPaired = data.checkpoints.map(() => true); // whether each image's seed is known, and no two are of one prompt and seed
    for (let place = 0; place < prompt.length; place++) {
      if (checkpoint[place] === null || prompt[place] === null) continue;
      const cell = this.cell(checkpoint[place], prompt[place], true);
      const plain = seed[place] || "";
      let noise = plain;
      for (let again = 2; cell.has(noise); again++) noise = (plain || "no seed") + " (" + again + ")";
      cell.set(noise, place);
      this.noiseOf[place] = noise;
      this.placesOf[checkpoint[place]].push(place);
      if (!plain || noise !== plain) this.isPaired[checkpoint[place]] = false;
      this.noises[prompt[place]].add(noise);
    }
    this.noises = this.noises.map((some) => [...some].sort(naturally));
    this.choices = this.seedChoices();
    this.axis = axisOf(data);
    this.originOf = data.checkpoints.map((_, index) => this.origin(index));
  }

  cell(checkpoint, prompt, isMade) {
    const key = checkpoint + " " + prompt;
    if (isMade && !this.placeOf.has(key)) this.placeOf.set(key, new Map());
    return this.placeOf.get(key);
  }

  /* What the seed can be: each seed where all prompts have the same ones, else each prompt's first, second, ... */
  seedChoices() {
    const used = this.noises.filter((own) => own.length);
    const first = used[0] || [];
    if (used.every((own) => own.length === first.length && own.every((noise, i) => noise === first[i]))) {
      return first.map((noise) => ({ value: noise, words: noise || "no seed", of: () => noise }));
    }
    const most = Math.max(...used.map((own) => own.length));
    return Array.from({ length: most }, (_, i) => ({
      value: "no. " + (i + 1),
      words: "no. " + (i + 1) + " of each prompt",
      of: (prompt) => this.noises[prompt][i],
    }));
  }

  /* The choice called so, or the first. */
  seedChoice(value) {
    return this.choices.find((choice) => choice.value === value) || this.choices[0];
  }

  /* The image of a checkpoint, a prompt and a choice of seed; -1 where there is none. */
  place(checkpoint, prompt, choice) {
    const cell = this.cell(checkpoint, prompt);
    const place = cell && choice ? cell.get(choice.of(prompt)) : undefined;
    return place === undefined ? -1 : place;
  }

  /* The image of the same prompt and seed in another checkpoint; -1 where there is none. */
  partner(place, checkpoint) {
    const cell = this.cell(checkpoint, this.data.images.prompt[place]);
    const other = cell ? cell.get(this.noiseOf[place]) : undefined;
    return other === undefined ? -1 : other;
  }

  /* Images of two checkpoints that have the same prompt and seed, as [left, right]. */
  pairs(left, right) {
    const found = [];
    this.data.images.checkpoint.forEach((checkpoint, place) => {
      const other = checkpoint === left && this.noiseOf[place] !== undefined ? this.partner(place, right) : -1;
      if (other >= 0) found.push([place, other]);
    });
    return found;
  }

  /* Whether a difference of two checkpoints can be told. */
  areComparable(left, right) {
    if (left === right || !this.isPaired[left] || !this.isPaired[right]) return false;
    return this.placesOf[left].some((place) => this.partner(place, right) >= 0);
  }

  /* What a checkpoint's images are held against: its run's base, or the run's first checkpoint where it has none. */
  origin(index) {
    const { checkpoints, runs } = this.data;
    const { base } = runs[checkpoints[index].run];
    return base === null ? checkpoints.findIndex((checkpoint) => checkpoint.run === checkpoints[index].run) : base;
  }

  /* What a checkpoint is held against, in a word. */
  originWords(index) {
    return this.data.checkpoints[this.originOf[index]].is_base ? "base" : "first checkpoint";
  }

  /* Of a run's checkpoints, the one at a place of the axis, else the last one before it, else its base; -1 where there
     is none. */
  at(run, x) {
    let found = this.data.runs[run].base ?? -1;
    this.data.checkpoints.forEach((checkpoint, index) => {
      const own = this.axis.at[index];
      if (checkpoint.run !== run || own === null || own > x) return;
      if (found < 0 || own >= this.axis.at[found]) found = index;
    });
    return found;
  }
}

/* The axis that checkpoints stand on: steps, else epochs, else their order in the run; a base stands at 0. */
function axisOf(data) {
  const trained = data.checkpoints.filter((checkpoint) => !checkpoint.is_base);
  const name = ["step", "epoch"].find((own) => trained.some((checkpoint) => Number.isFinite(checkpoint[own]))) || "checkpoint";
  const before = new Map();
  const at = data.checkpoints.map((checkpoint) => {
    if (checkpoint.is_base) return 0;
    before.set(checkpoint.run, (before.get(checkpoint.run) || 0) + 1);
    if (name === "checkpoint") return before.get(checkpoint.run);
    return Number.isFinite(checkpoint[name]) ? checkpoint[name] : null;
  });
  const values = [...new Set(at.filter((x) => x !== null))].sort((one, other) => one - other);
  return { name, at, values };
}

/* "300" of a checkpoint at step 300, "base" of a base, its own name where the axis does not know it. */
function axisFigure(aligned, index) {
  const checkpoint = aligned.data.checkpoints[index];
  if (checkpoint.is_base) return "base";
  const x = aligned.axis.at[index];
  return x === null || aligned.axis.name === "checkpoint" ? checkpoint.name : grouped(x);
}

/* The same with the axis' name: "step 300". */
function axisWords(aligned, index) {
  const x = aligned.data.checkpoints[index].is_base ? null : aligned.axis.at[index];
  return (x === null || aligned.axis.name === "checkpoint" ? "" : aligned.axis.name + " ") + axisFigure(aligned, index);
}

function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function naturally(one, other) {
  return one.localeCompare(other, "en", { numeric: true });
}

/* A panel's own keys of the state: "seed" of the grid is "grid.seed" in the address. */
function ownState(state, panel) {
  return {
    get: (key) => state.get()[panel + "." + key] || "",
    set: (changes, how) =>
      state.set(Object.fromEntries(Object.entries(changes).map(([key, value]) => [panel + "." + key, value])), how),
  };
}

/* One Aligned of a study, whichever panel asks first. */
function alignedOf(context) {
  if (!context.aligned) context.aligned = new Aligned(context.data);
  return context.aligned;
}
