/**
 * The files that other implementations are given: keys and data.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import {
  formatPrivateKey,
  formatPublicKeyLine,
  type GeneratedKeyType,
  generateKey,
  type PrivateKey,
} from "../../keys/mod.ts";
import { toHex } from "./hex.ts";
import { seededRandom } from "./seeded_random.ts";

/** A key, and its file in OpenSSH's format. */
export interface KeyFile {
  readonly key: PrivateKey;
  readonly path: string;
}

/** A file, and the hash of what is in it, in hexadecimal. */
export interface DataFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** The types of keys: names of algorithms, but for RSA, which has two. */
export type KeyName =
  | "ssh-ed25519"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521"
  | "rsa";

/** A directory of files, which is removed at the end. */
export interface PeerFiles extends AsyncDisposable {
  readonly directory: string;
  /** A key of each type: the host keys. */
  readonly hostKeys: ReadonlyMap<KeyName, KeyFile>;
  /** A key of each type: the user's. */
  readonly userKeys: ReadonlyMap<KeyName, KeyFile>;
  /** The public halves of the user's keys. */
  readonly authorizedKeysFile: string;
  /** Enough for some packets. */
  readonly small: DataFile;
  /** Ten million bytes: many windows of every peer. */
  readonly big: DataFile;
}

const KINDS: readonly [KeyName, GeneratedKeyType, number][] = [
  ["ssh-ed25519", "ed25519", 256],
  ["ecdsa-sha2-nistp256", "ecdsa", 256],
  ["ecdsa-sha2-nistp384", "ecdsa", 384],
  ["ecdsa-sha2-nistp521", "ecdsa", 521],
  ["rsa", "rsa", 2048],
];

/** The types of all keys that are made. */
export const keyNames: readonly KeyName[] = KINDS.map(([name]) => name);

/** Keys and data take a while: a module makes them once. */
const keys = new Map<string, PrivateKey>();
const data = new Map<number, Pick<DataFile, "bytes" | "sha256">>();

/** Makes the files. */
export async function peerFiles(): Promise<PeerFiles> {
  const directory = await Deno.makeTempDir({ prefix: "sshflow-peer-" });
  const userKeys = await writeKeys(directory, "user");
  const authorizedKeysFile = `${directory}/authorized_keys`;
  const lines = [...userKeys.values()].map(({ key }) => formatPublicKeyLine(key.publicKey));
  await Deno.writeTextFile(authorizedKeysFile, `${lines.join("\n")}\n`, { mode: 0o600 });
  return {
    directory,
    hostKeys: await writeKeys(directory, "host"),
    userKeys,
    authorizedKeysFile,
    small: await writeData(`${directory}/small`, 100_000),
    big: await writeData(`${directory}/big`, 10_000_000),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** The file of a key that was made. */
export function fileOf(files: ReadonlyMap<KeyName, KeyFile>, name: KeyName): KeyFile {
  const file = files.get(name);
  if (file === undefined) throw new Error(`There is no key of type ${name}`);
  return file;
}

async function writeKeys(directory: string, whose: string): Promise<Map<KeyName, KeyFile>> {
  const written = KINDS.map(async ([name, type, bits]): Promise<[KeyName, KeyFile]> => {
    const id = `${whose}_${name}`;
    // paramiko 2.12 cannot read keys without a comment where that needs no padding.
    const key = keys.get(id) ?? await generateKey(type, { bits, comment: id });
    keys.set(id, key);
    await Deno.writeTextFile(`${directory}/${id}`, await formatPrivateKey(key), { mode: 0o600 });
    return [name, { key, path: `${directory}/${id}` }];
  });
  return new Map(await Promise.all(written));
}

async function writeData(path: string, length: number): Promise<DataFile> {
  const made = data.get(length) ?? makeData(length);
  data.set(length, made);
  await Deno.writeFile(path, made.bytes);
  return { path, ...made };
}

/** Random bytes do not get shorter when they are compressed. */
function makeData(length: number): Pick<DataFile, "bytes" | "sha256"> {
  const bytes = seededRandom(length)(length);
  return { bytes, sha256: toHex(sha256(bytes)) };
}
