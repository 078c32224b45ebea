/**
 * Programs that are run for what they print.
 *
 * @module
 */

const root = new URL("../../", import.meta.url);

/** The standard output of a program; its complaints are the error where it fails. */
export async function programOutput(
  program: string,
  args: readonly string[],
  input: string = "",
): Promise<string> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A program that does not read has closed its end; that is its right.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { success, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${said}${new TextDecoder().decode(stderr)}`);
  return said;
}
