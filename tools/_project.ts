/**
 * What `deno.json` says of the project.
 *
 * @module
 */

/** The part of `deno.json` that the tools read. */
export interface Configuration {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  /** Folders that stand in for packages; not there where the real ones can be reached. */
  readonly links?: readonly string[];
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly publish: { readonly include: readonly string[] };
}

/** The project, as its configuration tells it. */
export interface Project {
  /** The absolute path of the folder that has `deno.json`. */
  readonly root: string;
  readonly configuration: Configuration;
  /** The names of the packages in the import map. */
  readonly packages: readonly string[];
}

/** Reads the configuration of the project that this file is in. */
export function readProject(): Project {
  const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
  const configuration: Configuration = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  return { root, configuration, packages: Object.keys(configuration.imports) };
}

/** The paths from the root, sorted, of everything that is published. */
export function shippedFiles({ root, configuration }: Project): readonly string[] {
  return configuration.publish.include.flatMap((path) => filesAt(root, path.replace(/\/$/, "")))
    .sort();
}

/** The paths from the root, sorted, of the modules that are published. */
export function shippedModules(project: Project): readonly string[] {
  return shippedFiles(project).filter((path) => path.endsWith(".ts"));
}

/** The paths from the root of the modules that the package exports. */
export function exportedModules({ configuration }: Project): readonly string[] {
  return Object.values(configuration.exports).map((path) => path.replace(/^\.\//, ""));
}

function filesAt(root: string, path: string): string[] {
  let entry: Deno.FileInfo;
  try {
    entry = Deno.statSync(`${root}/${path}`);
  } catch (error) {
    // A folder of the plan that has nothing yet is not there in a checkout.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  if (!entry.isDirectory) return [path];
  return [...Deno.readDirSync(`${root}/${path}`)]
    .flatMap(({ name }) => filesAt(root, `${path}/${name}`));
}
