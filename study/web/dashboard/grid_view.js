/* What the address asks of the grid, and the rows that follow from it. */

const GRID_PINS = 4;

class GridView {
  constructor(context, own, trainedRuns, start) {
    const { data, study } = context;
    Object.assign(this, { data, own, study, trainedRuns });
    this.aligned = alignedOf(context);
    const { noises, axis } = this.aligned;
    this.isRuns = own.get("rows") === "runs" && trainedRuns.length > 1;
    this.run = this.isRuns ? -1 : data.runs.findIndex((run) => run.name === own.get("run"));
    this.choice = this.aligned.seedChoice(own.get("seed"));
    this.group = data.groups.includes(own.get("group")) ? own.get("group") : "";
    this.value = study.metrics.has(own.get("value")) ? own.get("value") : "";
    this.side = Number((GRID_SIDES.find(([side]) => side === own.get("size")) || GRID_SIDES[1])[0]);
    this.isDifference = own.get("diff") === "1";
    const isShown = (prompt, i) => noises[i].length && (!this.group || prompt.group === this.group);
    this.columns = data.prompts.flatMap((prompt, i) =>
      isShown(prompt, i) ? [{ prompt: i, number: i + 1, title: prompt.text || "no prompt" }] : [],
    );
    const step = axis.values.indexOf(Number(own.get("step") || NaN));
    this.step = step < 0 ? axis.values.length - 1 : step; // of the axis' values
    this.pins = this.pinned();
    this.rows = this.isRuns ? this.rowsOfRuns() : this.rowsOfCheckpoints();
    this.digits = this.value ? Math.min(3, digitsFor(data.values[this.value].filter((value) => value !== null))) : 0;
    /* Where the user is; the rest of the view is the same for two addresses with the same signature. */
    const asked = study.checkpoint(own.get("checkpoint"));
    this.row = this.rowOf(asked >= 0 ? asked : start);
    this.column = own.get("prompt") ? this.columns.findIndex(({ prompt }) => prompt === Number(own.get("prompt")) - 1) : -1;
    if (this.column < 0) this.column = Math.max(0, this.columns.findIndex((column) => this.place(this.rows[this.row], column) >= 0));
    const { isRuns, run, choice, group, value, side, isDifference, pins } = this;
    this.signature = JSON.stringify([isRuns, run, choice && choice.value, group, value, side, isDifference, pins, isRuns ? this.step : 0]);
  }

  /* The checkpoints that stay at the top: the base, until the user pins others. */
  pinned() {
    const { own, data, study } = this;
    if (own.get("pins") === "none") return [];
    if (own.get("pins")) return listOf(own.get("pins")).map((name) => study.checkpoint(name)).filter((index) => index >= 0);
    const bases = data.checkpoints.flatMap((checkpoint, index) => (checkpoint.is_base ? [index] : []));
    const ofRun = this.run < 0 ? bases : bases.filter((base) => base === data.runs[this.run].base);
    return ofRun.slice(0, 2);
  }

  /* The text for the address once a checkpoint was pinned or let go. */
  pinsWith(checkpoint) {
    const pins = this.pins.includes(checkpoint) ? this.pins.filter((one) => one !== checkpoint) : [...this.pins, checkpoint];
    return textOf(pins.slice(-GRID_PINS).map((index) => this.data.checkpoints[index].shown)) || "none";
  }

  pinnedRows() {
    return this.pins.map((checkpoint) => ({ checkpoint, run: this.data.checkpoints[checkpoint].run, pinned: true }));
  }

  rowsOfCheckpoints() {
    let before = -1;
    const rows = this.data.checkpoints.flatMap(({ run }, checkpoint) => {
      if (this.pins.includes(checkpoint) || (this.run >= 0 && run !== this.run)) return [];
      const className = before >= 0 && run !== before ? "new-run" : "";
      before = run;
      return [{ checkpoint, run, pinned: false, className }];
    });
    return [...this.pinnedRows(), ...rows];
  }

  rowsOfRuns() {
    const x = this.aligned.axis.values[this.step];
    const rows = this.trainedRuns.map((run) => ({ checkpoint: this.aligned.at(run, x), run, pinned: false }));
    return [...this.pinnedRows(), ...rows];
  }

  /* The image in a row and a column; -1 where there is none. */
  place(row, column) {
    return !row || row.checkpoint < 0 ? -1 : this.aligned.place(row.checkpoint, column.prompt, this.choice);
  }

  /* The row of a checkpoint, else of its run, else the first with an image that is not pinned. */
  rowOf(checkpoint) {
    const { rows } = this;
    if (checkpoint >= 0) {
      const own = rows.findIndex((row) => row.checkpoint === checkpoint);
      if (own >= 0) return own;
      const ofRun = rows.findIndex((row) => !row.pinned && row.run === this.data.checkpoints[checkpoint].run);
      if (ofRun >= 0) return ofRun;
    }
    const free = rows.filter((row) => !row.pinned);
    const first = free.find((row) => this.columns.some((column) => this.place(row, column) >= 0)) || free[0];
    return Math.max(0, rows.indexOf(first));
  }

  /* The row of a run at a step, else the last one before; -1 where there is none. */
  rowAt(run, x) {
    const checkpoint = this.aligned.at(run, x);
    return checkpoint < 0 ? -1 : this.rows.findIndex((row) => row.checkpoint === checkpoint);
  }
}
