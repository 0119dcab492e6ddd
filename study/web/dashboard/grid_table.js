/* The grid's table: heads that stay, pinned rows, and of all others only those in sight where there are many. It knows
   nothing of checkpoints: a row has `pinned` and may have `className`, a column has `number` and `title`; `head(row)` gives
   what is in a row's head, and `fill(cell, row, column)` draws what is in a cell, by their numbers. */

const WHOLE_CELLS = 700; // up to so many stand in the page at once
const BESIDE = 3; // rows and columns beyond the edge of what is seen

class GridTable {
  constructor({ label, corner, head, fill, onPick, onOpen, onDrawn }) {
    Object.assign(this, { corner, head, fill, onDrawn });
    this.element = make("div", "grid-table");
    this.element.setAttribute("role", "grid");
    this.element.setAttribute("aria-label", label);
    this.heads = this.rowElement("grid-heads");
    this.pinned = make("div", "grid-pinned");
    this.body = make("div", "grid-body");
    for (const group of [this.pinned, this.body]) group.setAttribute("role", "rowgroup");
    this.element.append(this.heads, this.pinned, this.body);
    this.rows = [];
    this.columns = [];
    this.shown = new Map(); // row -> {element, cells: Map of column -> element}
    this.at = { row: 0, column: 0 };
    let isDue = false;
    const soon = () => {
      if (!isDue) requestAnimationFrame(() => ((isDue = false), this.draw()));
      isDue = true;
    };
    this.element.addEventListener("scroll", soon, { passive: true });
    new ResizeObserver(soon).observe(this.element);
    this.element.addEventListener("click", (event) => {
      const found = this.find(event.target);
      if (!found) return;
      const isAgain = found.row === this.at.row && found.column === this.at.column;
      if (isAgain) onOpen();
      else onPick(found.row, found.column);
    });
  }

  /* Show these rows and columns anew, in cells of `side` pixels with `foot` pixels below, beside heads of `headWidth`. */
  show({ rows, columns, side, foot, headWidth }) {
    Object.assign(this, { rows, columns, side, headWidth, height: side + foot });
    this.nPinned = rows.filter((row) => row.pinned).length;
    this.element.style.setProperty("--head-width", headWidth + "px");
    this.element.style.setProperty("--side", side + "px");
    this.element.style.setProperty("--height", this.height + "px");
    this.element.setAttribute("aria-rowcount", rows.length + 1);
    this.element.setAttribute("aria-colcount", columns.length + 1);
    this.headHeight = parseFloat(getComputedStyle(this.element).getPropertyValue("--head-height"));
    for (const group of [this.heads, this.pinned, this.body]) {
      group.style.width = this.headWidth + columns.length * side + "px";
      group.replaceChildren();
    }
    this.pinned.style.height = this.nPinned * this.height + "px";
    this.body.style.height = (rows.length - this.nPinned) * this.height + "px";
    const corner = make("div", "grid-corner", this.corner);
    corner.setAttribute("role", "columnheader");
    this.heads.append(corner);
    this.shown.clear();
    this.headCells = new Map();
    this.beside = 0; // until what is seen stands there
    this.move(this.at.row, this.at.column, false);
  }

  /* The part of the table to have in the page, as rows and columns from and before which. */
  window() {
    const { rows, columns } = this;
    if (rows.length * columns.length <= WHOLE_CELLS) return { top: 0, bottom: rows.length, left: 0, right: columns.length };
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.element;
    const first = this.nPinned + Math.floor(scrollTop / this.height);
    return {
      top: Math.max(this.nPinned, first - this.beside),
      bottom: Math.min(rows.length, first + Math.ceil(clientHeight / this.height) + this.beside),
      left: Math.max(0, Math.floor(scrollLeft / this.side) - this.beside),
      right: Math.min(columns.length, Math.ceil((scrollLeft + clientWidth) / this.side) + this.beside),
    };
  }

  /* From now on the rows and columns beside what is seen as well. */
  widen() {
    if (this.beside) return;
    this.beside = BESIDE;
    this.draw();
  }

  draw() {
    if (!this.rows.length || !this.element.clientWidth) return;
    const seen = this.window();
    const isSeen = (row) => row < this.nPinned || (row >= seen.top && row < seen.bottom);
    for (const [row, { element }] of this.shown) {
      if (isSeen(row)) continue;
      element.remove();
      this.shown.delete(row);
    }
    this.keepColumns(this.headCells, this.heads, seen, (column) => this.columnHead(column));
    for (let row = 0; row < this.rows.length; row++) {
      if (!isSeen(row)) continue;
      if (!this.shown.has(row)) this.shown.set(row, this.newRow(row));
      const { element, cells } = this.shown.get(row);
      this.keepColumns(cells, element, seen, (column) => this.newCell(row, column));
    }
    this.onDrawn(seen);
  }

  /* Of a row of cells keep those in sight; the one that has the focus stays too. */
  keepColumns(cells, parent, seen, makeOne) {
    for (const [column, cell] of cells) {
      if (column >= seen.left && column < seen.right) continue;
      if (cell === document.activeElement) continue;
      cell.remove();
      cells.delete(column);
    }
    for (let column = seen.left; column < seen.right; column++) {
      if (cells.has(column)) continue;
      const cell = makeOne(column);
      cell.style.left = this.headWidth + column * this.side + "px";
      cell.setAttribute("aria-colindex", column + 2);
      cells.set(column, cell);
      parent.append(cell);
    }
  }

  rowElement(className) {
    const made = make("div", "grid-row " + className);
    made.setAttribute("role", "row");
    return made;
  }

  newRow(row) {
    const element = this.rowElement(this.rows[row].className || "");
    element.setAttribute("aria-rowindex", row + 2);
    const isPinned = row < this.nPinned;
    element.style.top = (isPinned ? row : row - this.nPinned) * this.height + "px";
    const head = make("div", "grid-head");
    head.setAttribute("role", "rowheader");
    head.append(...this.head(this.rows[row]));
    element.append(head);
    (isPinned ? this.pinned : this.body).append(element);
    return { element, cells: new Map() };
  }

  columnHead(column) {
    const head = make("div", "grid-column-head");
    head.setAttribute("role", "columnheader");
    head.title = this.columns[column].title;
    head.append(make("strong", "", this.columns[column].number), make("span", "", this.columns[column].title));
    return head;
  }

  newCell(row, column) {
    const cell = make("div", "grid-cell");
    cell.setAttribute("role", "gridcell");
    cell.tabIndex = -1;
    cell.dataset.row = row;
    cell.dataset.column = column;
    this.fill(cell, row, column);
    this.mark(cell, row === this.at.row && column === this.at.column);
    return cell;
  }

  mark(cell, isCurrent) {
    cell.tabIndex = isCurrent ? 0 : -1;
    cell.classList.toggle("current", isCurrent);
    cell.setAttribute("aria-selected", String(isCurrent));
  }

  find(target) {
    const cell = target.closest(".grid-cell");
    return cell ? { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } : null;
  }

  cell(row, column) {
    const found = this.shown.get(row);
    return found && found.cells.get(column);
  }

  /* Make a cell the current one, in sight, and give it the focus where that is wished. */
  move(row, column, isFocused) {
    const before = this.cell(this.at.row, this.at.column);
    if (before) this.mark(before, false);
    this.at = {
      row: Math.max(0, Math.min(this.rows.length - 1, row)),
      column: Math.max(0, Math.min(this.columns.length - 1, column)),
    };
    this.bringIntoSight();
    this.draw();
    const now = this.cell(this.at.row, this.at.column);
    if (!now) return;
    this.mark(now, true);
    if (!isFocused) return;
    now.focus({ preventScroll: true });
    now.scrollIntoView({ block: "nearest", inline: "nearest" }); // of the page; the table has been scrolled
  }

  /* Scroll to a cell where one begins: with the row before it above, and from its column on where that is out of sight. */
  begin(row, column) {
    this.element.scrollTop = Math.max(0, row - this.nPinned - 1) * this.height;
    if ((column + 1) * this.side > this.element.clientWidth - this.headWidth) this.element.scrollLeft = column * this.side;
  }

  bringIntoSight() {
    const { element, at } = this;
    const left = at.column * this.side;
    const width = element.clientWidth - this.headWidth;
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (left + this.side > element.scrollLeft + width) element.scrollLeft = left + this.side - width;
    if (at.row < this.nPinned) return;
    const top = (at.row - this.nPinned) * this.height;
    const height = element.clientHeight - this.headHeight - this.nPinned * this.height;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + this.height > element.scrollTop + height) element.scrollTop = top + this.height - height;
  }
}
