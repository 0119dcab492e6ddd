/* The study's data with what panels look up in it. A place is an image's number, the same in all columns. */

class StudyData {
  constructor(data) {
    this.data = data;
    this.metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
    this.ofCheckpoint = data.checkpoints.map(() => []);
    data.images.checkpoint.forEach((checkpoint, place) => {
      if (checkpoint !== null && this.ofCheckpoint[checkpoint]) this.ofCheckpoint[checkpoint].push(place);
    });
    this.byName = new Map(data.checkpoints.map((checkpoint, index) => [checkpoint.shown, index]));
    this.byItem = new Map(data.images.item.map((item, place) => [item, place]));
  }

  /* The number of the checkpoint called "RUN/NAME", or -1. */
  checkpoint(shown) {
    return this.byName.has(shown) ? this.byName.get(shown) : -1;
  }

  /* The number of an image by its item, or -1. */
  place(item) {
    return this.byItem.has(item) ? this.byItem.get(item) : -1;
  }

  value(place, metric) {
    const column = this.data.values[metric];
    const value = column ? column[place] : null;
    return value === undefined ? null : value;
  }

  /* Whether the metric called so says with higher numbers that images are better; its title is taken where there is none. */
  direction(metric) {
    return (this.metrics.get(metric) || {}).direction || "";
  }

  title(metric) {
    return (this.metrics.get(metric) || {}).title || capitalised(metric);
  }

  prompt(place) {
    const prompt = this.data.prompts[this.data.images.prompt[place]];
    return prompt ? prompt.text : "";
  }

  checkpointName(place) {
    const checkpoint = this.data.checkpoints[this.data.images.checkpoint[place]];
    return checkpoint ? checkpoint.shown : "";
  }

  /* What an image shows, in words: for those who do not see it. */
  words(place) {
    const seed = this.data.images.seed[place];
    return [this.prompt(place) || this.data.images.item[place], this.checkpointName(place), seed && "seed " + seed]
      .filter(Boolean)
      .join(", ");
  }

  /* Places by a metric's values, the best first (the highest first where it has no direction); those without a value last. */
  sorted(places, metric) {
    const sign = this.direction(metric) === "lower" ? 1 : -1;
    const keyOf = (place) => {
      const value = this.value(place, metric);
      return value === null ? Infinity : sign * value;
    };
    return [...places].sort((one, other) => keyOf(one) - keyOf(other) || one - other);
  }
}
