// Follow a column through the lineage graph: hover or focus shows its path, before a click asks the
// server for the column's whole way.
//
// The server has drawn every edge and lit the path of the column in the address. This module only
// moves the class `is-on`, and brings the asset in focus into view.

/** @type {SVGElement[]} */
const edges = [...document.querySelectorAll(".lineage .edge-col")];
/** @type {SVGElement[]} */
const rows = [...document.querySelectorAll(".lineage .row")];

/**
 * Edges by the column at one of their ends.
 * @param {"from" | "to"} end
 * @returns {Map<string, SVGElement[]>}
 */
function byColumn(end) {
  const found = new Map();
  for (const edge of edges) {
    const column = edge.dataset[end] ?? "";
    found.set(column, [...(found.get(column) ?? []), edge]);
  }
  return found;
}

const ends = { from: byColumn("from"), to: byColumn("to") };

/**
 * Everything that can be reached from a column in one direction.
 * @param {string} start  as `data-col` says
 * @param {"from" | "to"} near  the end of an edge to stand on
 * @param {"from" | "to"} far  the end of an edge to go to
 * @returns {Set<string>}
 */
function reach(start, near, far) {
  const seen = new Set([start]);
  // A Set grows while it is walked, so this loop is the whole breadth-first search.
  for (const column of seen) {
    for (const edge of ends[near].get(column) ?? []) seen.add(edge.dataset[far] ?? "");
  }
  return seen;
}

/** @param {string} column */
function light(column) {
  const up = reach(column, "to", "from");
  const down = reach(column, "from", "to");
  for (const edge of edges) {
    const { from = "", to = "" } = edge.dataset;
    // Both ends on one side: an edge between an ancestor and a cousin stays dark.
    edge.classList.toggle("is-on", (up.has(from) && up.has(to)) || (down.has(from) && down.has(to)));
  }
  for (const row of rows) {
    const name = row.dataset.col ?? "";
    row.classList.toggle("is-on", up.has(name) || down.has(name));
  }
}

// What the server lit comes back when the pointer has gone.
const lit = [...edges, ...rows].filter((one) => one.classList.contains("is-on"));

function restore() {
  for (const one of [...edges, ...rows]) one.classList.remove("is-on");
  for (const one of lit) one.classList.add("is-on");
}

for (const row of rows) {
  const column = row.dataset.col ?? "";
  row.addEventListener("pointerenter", () => light(column));
  row.addEventListener("pointerleave", restore);
  row.addEventListener("focus", () => light(column));
  row.addEventListener("blur", restore);
}

// A large picture opens at the asset that was asked for, not at its upper left corner.
const graph = document.querySelector(".graph");
const focus = graph?.querySelector(".is-focus");
if (graph && focus) {
  const [around, card] = [graph.getBoundingClientRect(), focus.getBoundingClientRect()];
  graph.scrollLeft += card.left + card.width / 2 - around.left - around.width / 2;
  graph.scrollTop += card.top + card.height / 2 - around.top - around.height / 2;
}
