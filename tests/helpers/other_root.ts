/**
 * A file system of its own for programs that read fixed paths, such as those in `/etc/ssh`.
 *
 * @module
 */

/** A root directory that programs can be run in, by root. Disposing it removes it. */
export interface OtherRoot extends AsyncDisposable {
  /** Its path, seen from outside. */
  readonly path: string;
  /** Runs a program to its end. */
  run(program: string, args: readonly string[]): Promise<{ code: number; stderr: string }>;
}

const TIMEOUT_MS = 30_000;

/**
 * Makes one. The machine's own files are left as they are, and no namespaces are needed, which
 * containers seldom may make.
 *
 * @param programs Paths of the programs that there are to be; they get the libraries they need.
 * @param files Texts of other files, by their paths. Only root can read them.
 */
export async function otherRoot(
  programs: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<OtherRoot> {
  const path = await Deno.makeTempDir({ prefix: "sshflow-root-" });
  const remove = (): Promise<void> => Deno.remove(path, { recursive: true });
  try {
    const place = async (name: string): Promise<string> => {
      await Deno.mkdir(`${path}${name.slice(0, name.lastIndexOf("/"))}`, { recursive: true });
      return `${path}${name}`;
    };
    for (const name of [...programs, ...await librariesOf(programs)]) {
      await Deno.copyFile(name, await place(name));
    }
    for (const [name, text] of Object.entries({ "/dev/null": "", ...files })) {
      await Deno.writeTextFile(await place(name), text, { mode: 0o600 });
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    path,
    async run(program, args) {
      const { code, stderr } = await new Deno.Command("/usr/sbin/chroot", {
        args: [path, program, ...args],
        clearEnv: true,
        stdin: "null",
        stdout: "null",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).output();
      return { code, stderr: new TextDecoder().decode(stderr) };
    },
    [Symbol.asyncDispose]: remove,
  };
}

async function librariesOf(programs: readonly string[]): Promise<string[]> {
  const listed = await output("ldd", programs);
  return [...new Set(listed.match(/\/\S+\.so\S*/g))];
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program}: ${new TextDecoder().decode(stderr).trim()}`);
}
