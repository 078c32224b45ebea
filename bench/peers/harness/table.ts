/**
 * Tables, as text that is Markdown too.
 *
 * @module
 */

/** Prints a table: the first column to the left, the others to the right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]): string =>
    `| ${
      widths.map((width, column) => {
        const cell = cells[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      }).join(" | ")
    } |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  console.log(line(head));
  console.log(line(rule));
  for (const row of rows) console.log(line(row));
  console.log();
}

/** A number for a table; a dash for one that is missing. */
export function show(value: number | undefined, digits: number = 0): string {
  return value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(digits);
}

/** How much of another number a number is. */
export function showRatio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined ? "–" : show(value / base, 2);
}

/** What processors have worked, in microseconds for each MB. */
export function showCpu(seconds: number | undefined, bytes: number): string {
  return seconds === undefined ? "–" : show(seconds / bytes * 1e12);
}
