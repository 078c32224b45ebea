/**
 * Makes a key, as `ssh-keygen` does.
 *
 * ```sh
 * deno task keygen --type ed25519 --comment ada@example --out id_ed25519
 * ```
 *
 * With `--out` the private key goes into that file, which only its owner may read, and the public
 * key into another with `.pub` behind its name. Without it both are printed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import {
  fingerprint,
  formatPrivateKey,
  formatPublicKeyLine,
  type GeneratedKeyType,
  generatedKeyTypes,
  generateKey,
  type PrivateKey,
  privateKeyCiphers,
  randomart,
} from "@sshflow/ssh/keys";

const help = `Make a key for SSH.

Usage: deno task keygen [options]

  -t, --type TYPE          ${generatedKeyTypes.join(", ")} (default: ${generatedKeyTypes[0]})
  -b, --bits BITS          for ecdsa 256, 384 or 521; for rsa 2048 to 16384 (default: 3072)
  -C, --comment TEXT       goes with the key
  -N, --passphrase TEXT    encrypts the private key
  -Z, --cipher NAME        what it is encrypted with (default: ${privateKeyCiphers[0]})
  -a, --rounds NUMBER      how long trying a passphrase takes (default: 24)
  -s, --seed TEXT          the same text gives the same key: as secret as the key itself
  -f, --out FILE           write FILE and FILE.pub, rather than print both
      --force              overwrite files that are there
  -h, --help               show this
`;

const options = {
  type: { type: "string", short: "t", default: generatedKeyTypes[0] as string },
  bits: { type: "string", short: "b" },
  comment: { type: "string", short: "C", default: "" },
  passphrase: { type: "string", short: "N" },
  cipher: { type: "string", short: "Z" },
  rounds: { type: "string", short: "a" },
  seed: { type: "string", short: "s" },
  out: { type: "string", short: "f" },
  force: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** What is wrong with the command line, or with the files that it names. */
class UsageError extends Error {}

if (import.meta.main) Deno.exit(await main(Deno.args));

/**
 * Runs the tool.
 *
 * @param args The command line's arguments.
 * @returns The exit status.
 */
export async function main(args: string[]): Promise<number> {
  try {
    await run(readArguments(args));
    return 0;
  } catch (error) {
    // Whatever the user can put right is said in one line; the rest is a bug and shows its stack.
    const known = error instanceof UsageError || error instanceof RangeError ||
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
    if (!known) throw error;
    console.error(error.message);
    return 1;
  }
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    const names = Object.keys(options).map((name) => `--${name}`).join(", ");
    throw new UsageError(`${(error as Error).message}\nSupported options: ${names}`);
  }
}

async function run(values: ReturnType<typeof readArguments>): Promise<void> {
  if (values.help) return console.log(help);
  const { out, force, comment, seed, passphrase, cipher } = values;
  const bits = readNumber("--bits", values.bits);
  const rounds = readNumber("--rounds", values.rounds);
  if (out !== undefined && !force) await assertFree(out, `${out}.pub`);
  const key = await generateKey(readType(values.type), {
    comment,
    ...(bits !== undefined && { bits }),
    ...(seed !== undefined && { seed }),
  });
  const privateText = await formatPrivateKey(key, {
    ...(passphrase !== undefined && { passphrase }),
    ...(cipher !== undefined && { cipher }),
    ...(rounds !== undefined && { rounds }),
  });
  const publicText = `${formatPublicKeyLine(key.publicKey)}\n`;
  if (out === undefined) {
    console.log(privateText + publicText + picture(key));
    return;
  }
  await write(out, privateText, { force, mode: 0o600 });
  await write(`${out}.pub`, publicText, { force, mode: 0o644 });
  console.log(`Your identification has been saved in ${out}`);
  console.log(`Your public key has been saved in ${out}.pub`);
  console.log(picture(key));
}

function picture({ publicKey }: PrivateKey): string {
  const named = `${fingerprint(publicKey)} ${publicKey.comment}`.trimEnd();
  return `The key fingerprint is:\n${named}\nThe key's randomart image is:\n${
    randomart(publicKey)
  }`;
}

function readType(text: string): GeneratedKeyType {
  const type = generatedKeyTypes.find((type) => type === text);
  if (type) return type;
  throw new UsageError(
    `Cannot make a key of type ${text}: the supported ones are ${generatedKeyTypes.join(", ")}`,
  );
}

function readNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot use ${option} ${text}: it is not a whole number`);
}

async function assertFree(...paths: string[]): Promise<void> {
  for (const path of paths) {
    if (await isThere(path)) throw alreadyThere(path);
  }
}

async function isThere(path: string, what?: "file"): Promise<boolean> {
  try {
    const { isDirectory } = await Deno.lstat(path);
    return what === undefined || !isDirectory;
  } catch {
    return false;
  }
}

async function write(
  path: string,
  text: string,
  { force, mode }: { force: boolean; mode: number },
): Promise<void> {
  try {
    // A file that is there keeps its mode when it is overwritten, so it is removed first.
    if (force && await isThere(path, "file")) await Deno.remove(path);
    await Deno.writeTextFile(path, text, { createNew: true, mode });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw alreadyThere(path);
    throw error;
  }
}

function alreadyThere(path: string): UsageError {
  return new UsageError(`Cannot write ${path}: it is there already; --force overwrites it`);
}
