/**
 * Makes the files that every runtime is given: the library in one file, and the scenario in another.
 *
 * @module
 */

const ROOT = new URL("../..", import.meta.url).pathname;
const LIBRARY = "mod.ts";

/** The files, in a folder of their own that goes when this is disposed of. */
export interface Bundle extends Disposable {
  readonly folder: string;
  /** The library: `sshflow.js`. */
  readonly library: Uint8Array<ArrayBuffer>;
  /** The library's SHA-256, in hexadecimal. */
  readonly sha256: string;
  /** What uses it: `program.js`. */
  readonly program: Uint8Array<ArrayBuffer>;
}

/**
 * Makes the files.
 *
 * @param program The module that uses the library, from the root of the project.
 */
export async function makeBundle(program: string): Promise<Bundle> {
  const folder = await Deno.makeTempDir({ prefix: "sshflow-runtimes-" });
  const library = await bundle(LIBRARY, `${folder}/sshflow.js`);
  const programFile = await bundle(program, `${folder}/program.js`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", library));
  // So that Node takes the files for modules.
  await Deno.writeTextFile(`${folder}/package.json`, `{ "type": "module" }`);
  return {
    folder,
    library,
    sha256: digest.toHex(),
    program: programFile,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

/**
 * Puts a module and all that it imports into one file, as for a browser.
 *
 * @param entry The module, from the root of the project.
 * @param path Where to put it.
 * @returns The file.
 */
export async function bundle(
  entry: string,
  path: string,
  options: readonly string[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform",
      "browser",
      ...options,
      "--output",
      path,
      entry,
    ],
    cwd: ROOT,
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(
      `Cannot bundle ${entry}: ${new TextDecoder().decode(stderr)}`,
    );
  }
  return await Deno.readFile(path);
}
