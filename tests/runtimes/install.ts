/**
 * Installs the runtimes that come as packages of npm, where they are missing.
 *
 * @module
 */

import { PROGRAM_FOLDERS } from "../helpers/peers.ts";

const FOLDER = new URL("npm", import.meta.url).pathname;

/**
 * Installs Bun and workerd into the folder `npm`, unless that has been done. If it fails, the tests
 * that need them tell so.
 */
export function installPrograms(): void {
  if (PROGRAM_FOLDERS.filter(exists).length === 2) return;
  console.log("Installing Bun and workerd into tests/runtimes/npm/node_modules");
  try {
    new Deno.Command("npm", {
      args: ["ci", "--prefix", FOLDER, "--no-audit", "--no-fund", "--fetch-retries=1"],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
