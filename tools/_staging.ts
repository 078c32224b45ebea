/**
 * Copies of the project's configuration, changed to check what it cannot check as it is.
 *
 * @module
 */

import { type Project, shippedFiles } from "./_project.ts";

/**
 * Writes a configuration that has the types of deno.dom.json in place of Deno's.
 *
 * @param folder Where to write it, outside of the project.
 * @returns The path of the configuration.
 */
export function stageDomConfiguration(project: Project, folder: string): string {
  const { root, configuration } = project;
  const dom = JSON.parse(Deno.readTextFileSync(`${root}/deno.dom.json`));
  return writeJson(`${folder}/deno.json`, {
    imports: configuration.imports,
    links: configuration.links?.map((link) => `${root}/${link}`),
    compilerOptions: { ...configuration.compilerOptions, ...dom.compilerOptions },
  });
}

/**
 * Copies the files of the package, as they will be published: without `links`, which a published
 * package has none of. What was linked becomes a package of the same workspace, so that nothing
 * has to be fetched.
 *
 * @param folder Where to put the workspace.
 * @returns The folder of the package.
 */
export function stagePackage(project: Project, folder: string): string {
  const { root, configuration } = project;
  const { links = [], ...published } = configuration;
  for (const file of shippedFiles(project)) copy(`${root}/${file}`, `${folder}/package/${file}`);
  writeJson(`${folder}/package/deno.json`, published);
  for (const link of links) {
    for (const { name, isFile } of Deno.readDirSync(`${root}/${link}`)) {
      if (isFile) copy(`${root}/${link}/${name}`, `${folder}/${link}/${name}`);
    }
  }
  writeJson(`${folder}/deno.json`, { workspace: ["./package", ...links] });
  return `${folder}/package`;
}

function copy(from: string, to: string): void {
  Deno.mkdirSync(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  Deno.copyFileSync(from, to);
}

function writeJson(path: string, value: unknown): string {
  Deno.writeTextFileSync(path, JSON.stringify(value, null, 2));
  return path;
}
