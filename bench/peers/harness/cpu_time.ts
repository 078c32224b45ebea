/**
 * How long processors have worked for a process, as Linux tells it.
 *
 * @module
 */

/** Linux counts in hundredths of a second, wherever `getconf CLK_TCK` is 100. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** Its own, and of its children that have ended. */
  readonly ticks: number;
}

/**
 * The time of a process and all its descendants, those that have ended included.
 *
 * @returns NaN where there is no `/proc`.
 */
export function cpuSecondsOf(pid: number): number {
  const all = readProcesses();
  let [ticks, found] = [0, false];
  const family = new Set([pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const process of all) if (family.has(process.parent)) family.add(process.pid);
  }
  for (const process of all) {
    if (!family.has(process.pid)) continue;
    found = true;
    ticks += process.ticks;
  }
  return found ? ticks / TICKS_PER_SECOND : NaN;
}

/** The children of a process that have a name. */
export function childrenOf(pid: number, name: string): readonly number[] {
  return readProcesses().filter((process) => process.parent === pid && process.name === name)
    .map((process) => process.pid);
}

function readProcesses(): ProcessTimes[] {
  const processes: ProcessTimes[] = [];
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync("/proc")];
  } catch {
    return [];
  }
  for (const { name } of entries) {
    if (!/^\d+$/.test(name)) continue;
    try {
      processes.push(parseStat(Deno.readTextFileSync(`/proc/${name}/stat`)));
    } catch {
      // It has ended meanwhile.
    }
  }
  return processes;
}

/** See proc_pid_stat(5): the name is in parentheses, and may hold any character. */
function parseStat(stat: string): ProcessTimes {
  const nameEnd = stat.lastIndexOf(")");
  const fields = stat.slice(nameEnd + 2).split(" ");
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid: parseInt(stat),
    name: stat.slice(stat.indexOf("(") + 1, nameEnd),
    parent: field(4),
    ticks: field(14) + field(15) + field(16) + field(17),
  };
}
