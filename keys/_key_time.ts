/**
 * Points in time as OpenSSH's files and tools write them: `ssh-keygen(1)`, `-V`.
 *
 * @module
 */

const FORM = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?(Z|UTC)?$/i;

/**
 * Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`: with a `Z` behind it in UTC, otherwise where
 * this runs.
 *
 * @returns Null if it is not such a time, or one before 1970.
 */
export function parseKeyTime(text: string): Date | null {
  const [, year, month, day, hours = "0", minutes = "0", seconds = "0", utc] = FORM.exec(text) ??
    [];
  if (year === undefined) return null;
  const fields = [year, month, day, hours, minutes, seconds].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = fields;
  if (y < 1970 || h > 23 || mi > 59 || s > 59) return null;
  const inUtc = new Date(Date.UTC(y, mo - 1, d, h, mi, s));
  // There is no 30th of February.
  if (inUtc.getUTCMonth() !== mo - 1 || inUtc.getUTCDate() !== d) return null;
  return utc === undefined ? new Date(y, mo - 1, d, h, mi, s) : inUtc;
}

/**
 * Writes a time, in UTC and to the second.
 *
 * @throws {RangeError} If it is before 1970, after the year 9999, or none.
 */
export function formatKeyTime(time: Date): string {
  const year = time.getUTCFullYear();
  // What is not a time is no number either.
  if (!(year >= 1970 && year <= 9999)) {
    throw new RangeError("Cannot write time: its year is not one of 1970 to 9999");
  }
  return `${time.toISOString().replace(/\..*/, "").replace(/[-T:]/g, "")}Z`;
}
