/**
 * Circles in a graph.
 *
 * @module
 */

/**
 * Finds a shortest circle through each node that is in one; a circle is told once, beginning with
 * the first of its names in alphabetical order.
 *
 * @param graph For each name the names that it leads to.
 */
export function findCycles(
  graph: ReadonlyMap<string, readonly string[]>,
): readonly (readonly string[])[] {
  const cycles = new Map<string, readonly string[]>();
  for (const start of [...graph.keys()].sort()) {
    const cycle = shortestCycle(graph, start);
    if (cycle === null) continue;
    const members = [...cycle].sort().join("\n");
    if (!cycles.has(members)) cycles.set(members, cycle);
  }
  return [...cycles.values()];
}

/** Searches breadth first for the way from `start` back to it. */
function shortestCycle(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
): readonly string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const name of queue) {
    for (const next of graph.get(name) ?? []) {
      if (next === start) return pathTo(name, cameFrom);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, name);
      queue.push(next);
    }
  }
  return null;
}

function pathTo(end: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const path: string[] = [];
  for (let name: string | undefined = end; name !== undefined; name = cameFrom.get(name)) {
    path.unshift(name);
  }
  return path;
}
