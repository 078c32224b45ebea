/**
 * Knowing servers by a file of known hosts, and writing new ones into it.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import type { MaybePromise } from "../crypto/types.ts";
import type { HostKeyContext, HostKeyVerifier } from "../keys/authenticator.ts";
import { plainKey } from "../keys/certificate.ts";
import { isCertificateAlgorithm, plainAlgorithm } from "../keys/certificate_algorithms.ts";
import type { HostAddress } from "../keys/known_hosts.ts";
import { addKnownHost, replaceKnownHost } from "../keys/known_hosts_edit.ts";
import {
  findKnownHost,
  type KnownHostMatch,
  type KnownHostStatus,
  revocationsOf,
} from "../keys/known_hosts_lookup.ts";
import { type KnownHostVerdict, verifyKnownHost } from "../keys/known_hosts_verify.ts";
import { keyTypes } from "../keys/public_key.ts";
import type { PublicKey } from "../keys/types.ts";
import { supportedAlgorithms } from "../protocol/transport/algorithms.ts";
import type { HostKeyError, HostKeyStatus } from "../wire/errors.ts";
import type { HostKeyExpectation } from "./algorithms.ts";
import { hostKeyRefusal, type KnownHostsVerifier } from "./host_key.ts";

/** Where known hosts are kept: the caller's file, or whatever else holds a text. */
export interface KnownHostsStore {
  /**
   * Reads the text.
   *
   * @returns Null if there is none yet; an error whose `code` is `ENOENT` says the same.
   */
  read(): MaybePromise<string | null>;
  /** Writes the text, the whole of it. Without this method nothing is ever added. */
  write?(text: string): MaybePromise<void>;
}

/** Known hosts: a text, or where one is kept. */
export type KnownHostsSource = string | KnownHostsStore;

/** What a user is asked before a key is accepted that is not known. */
export interface HostKeyQuestion {
  /** The key, as the server has shown it: it may be a certificate. */
  readonly key: PublicKey;
  /** The name or address that was connected to. */
  readonly hostname: string;
  /** The port that was connected to, if it was given. */
  readonly port?: number | undefined;
  /** What is known of the host: nothing, or only keys of other types. */
  readonly status: "not-known" | "file-not-found" | "found-other";
  /** The lines with the other keys. */
  readonly matches: readonly KnownHostMatch[];
  /** Aborts when the answer is no longer wanted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What becomes of a key that is not known:
 *
 * - `strict`: it is refused
 * - `accept-new`: it is accepted and written down, if the host is not known by any key
 * - a function is asked; what it says yes to is accepted, and written down
 *
 * A key that has changed, or has been revoked, is always refused.
 */
export type HostKeyPolicy =
  | "strict"
  | "accept-new"
  | ((question: HostKeyQuestion) => MaybePromise<boolean>);

/** What goes with {@linkcode knownHosts}. */
export interface KnownHostsOptions {
  /** What becomes of a key that is not known: `strict`, unless given. */
  readonly policy?: HostKeyPolicy | undefined;
  /** Whether names are hashed that are written: no, unless given. */
  readonly hash?: boolean | undefined;
  /**
   * Whether the keys are written down that a server proves to have beside the one that it is known
   * by, and those are removed that it has no more: no, unless given. For that the host has to stand
   * there by its name, and not only by a pattern or through an authority.
   */
  readonly updateHostKeys?: boolean | undefined;
  /** The time that certificates are held against, in milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/**
 * Makes the judge of host keys that knows servers as `ssh` does: by the texts of `known_hosts`
 * files. For `verifyHostKey`; the option `hostname` has to be given with it.
 *
 * Its refusals are {@linkcode HostKeyError}s that say what is wrong, before anything secret is sent.
 * A server that is known by certain keys is asked for one of these first.
 *
 * @param sources The user's file first; with others they count as one. New keys go into the first
 *   that can be written.
 * @throws {TypeError} If keys are to be written, and nothing can be.
 *
 * @example A server that is trusted at first sight, and recognized from then on
 * ```ts
 * import { HostKeyError, knownHosts } from "@sshflow/ssh/client";
 * import { generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * let file: string | null = null;
 * const verifyHostKey = knownHosts({
 *   read: () => file,
 *   write: (text) => void (file = text),
 * }, { policy: "accept-new" });
 * const context = { hostname: "db.example", port: 2222 };
 * const [key, other] = [await generateKey("ed25519"), await generateKey("ed25519")];
 * assert.equal(await verifyHostKey(key.publicKey, context), true);
 * assert.match(file ?? "", /^\[db\.example\]:2222 ssh-ed25519 AAAA/);
 * await assert.rejects(
 *   async () => await verifyHostKey(other.publicKey, context),
 *   (error) => error instanceof HostKeyError && error.status === "known-changed",
 * );
 * ```
 */
export function knownHosts(
  sources: KnownHostsSource | readonly KnownHostsSource[],
  options: KnownHostsOptions = {},
): KnownHostsVerifier {
  const book = new KnownHosts([sources].flat().map(storeOf), options);
  const verify: HostKeyVerifier = (key, context) => book.verify(key, context);
  return Object.assign(verify, {
    expect: (context: HostKeyContext) => book.expect(context),
    update: options.updateHostKeys ? book.update.bind(book) : null,
  });
}

/**
 * Writes a host's key down, unless it is there already.
 *
 * @param store Where to.
 * @param options.hash Whether the host's name is hashed: no, unless given.
 * @throws {TypeError} If the store cannot be written.
 * @throws {RangeError} If the host's name cannot stand in the file.
 */
export async function writeKnownHost(
  store: KnownHostsStore,
  host: HostAddress,
  key: PublicKey,
  options: Pick<KnownHostsOptions, "hash"> = {},
): Promise<void> {
  await change(store, (text) => addKnownHost(text, host, plainKey(key), { hash: options.hash }));
}

/** Texts of known hosts, how they are used, and how they change. */
class KnownHosts {
  readonly #stores: readonly KnownHostsStore[];
  readonly #options: KnownHostsOptions;
  /** Where new keys are written; null where nowhere can be. */
  readonly #target: KnownHostsStore | null;
  /** One change waits for the other, also where several connections share a file. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(stores: readonly KnownHostsStore[], options: KnownHostsOptions) {
    const { policy = "strict", updateHostKeys } = options;
    if (policy !== "strict" && policy !== "accept-new" && typeof policy !== "function") {
      throw new TypeError(
        'Cannot use known hosts: the policy is not "strict", "accept-new" or a function',
      );
    }
    this.#stores = stores;
    this.#options = options;
    this.#target = stores.find((store) => store.write !== undefined) ?? null;
    if (this.#target === null && (policy === "accept-new" || updateHostKeys)) {
      const what = policy === "accept-new" ? policy : "updateHostKeys";
      throw new TypeError(`Cannot use known hosts with ${what}: none of them can be written`);
    }
  }

  /** What is known beforehand of the key that a server will show: as `ssh` orders its algorithms. */
  async expect(context: HostKeyContext): Promise<HostKeyExpectation> {
    const host = hostOf(context);
    let matches: readonly KnownHostMatch[];
    try {
      matches = findKnownHost(await this.#read(), host, { orWithoutPort: true });
    } catch {
      // When the key is judged that will happen again, and be told with it.
      return { algorithms: [], certified: true };
    }
    const usable = matches.filter((match) => revocationsOf(matches, match).length === 0);
    const types = new Set(usable.filter(({ marker }) => marker === null).map(({ type }) => type));
    const certified = usable.some(({ marker }) => marker === "cert-authority");
    const isKnown = (algorithm: string): boolean => types.has(keyTypeOf(algorithm));
    const { hostKeys } = supportedAlgorithms;
    const best = hostKeys.find((name) => !isCertificateAlgorithm(name));
    // An order that is the usual one does not tell whoever listens what is known (CVE-2020-14145).
    if (types.size + Number(certified) === 0 || best !== undefined && isKnown(best)) {
      return { algorithms: [], certified: true };
    }
    return { algorithms: hostKeys.filter(isKnown), certified };
  }

  async verify(key: PublicKey, context: HostKeyContext): Promise<boolean> {
    const host = hostOf(context);
    const verdict = await this.#judge(key, host, context);
    if (verdict.status === "ok") return true;
    if (!(await this.#isAcceptable(verdict, key, host, context))) {
      throw refused(verdict, key, context);
    }
    context.signal?.throwIfAborted();
    const target = this.#target;
    if (target !== null) await this.#inTurn(() => this.#remember(target, verdict, key, context));
    return true;
  }

  /** Writes down the keys that a server has proven to have, in the place of those that it had. */
  async update(
    keys: readonly PublicKey[],
    hostKey: PublicKey,
    context: HostKeyContext,
  ): Promise<void> {
    const host = hostOf(context);
    const target = this.#target;
    if (target === null) return;
    await this.#inTurn(async () => {
      const revoked = findKnownHost(await this.#read(), host);
      const good = keys.filter((key) => revocationsOf(revoked, key).length === 0);
      if (good.length === 0) return;
      await change(target, (text) => {
        const own = findKnownHost(text, host).filter(({ marker }) => marker === null);
        const isKnown = own.some(({ blob }) => equalBytes(blob, hostKey.blob));
        // What a pattern says of many hosts is not for one of them to change.
        if (!isKnown || own.some(({ hosts }) => /[*?!]/.test(hosts))) return text ?? "";
        // Of keys that could not be read nothing can be told.
        const others = own.filter(({ type }) =>
          !keyTypes.some(({ names }) => names.includes(type))
        );
        return replaceKnownHost(text, host, [...good, ...others], { hash: this.#options.hash });
      });
    });
  }

  async #judge(
    key: PublicKey,
    host: HostAddress,
    context: HostKeyContext,
  ): Promise<KnownHostVerdict> {
    let texts: readonly (string | null)[];
    try {
      texts = await this.#read();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw hostKeyRefusal(key, context, "error", `known hosts cannot be read: ${why}`, error);
    }
    return await verifyKnownHost(texts, host, key, { now: this.#options.now });
  }

  async #isAcceptable(
    { status, matches }: KnownHostVerdict,
    key: PublicKey,
    { hostname, port }: HostAddress,
    { signal }: HostKeyContext,
  ): Promise<boolean> {
    const { policy } = this.#options;
    if (policy === "accept-new") return isNew(status);
    if (typeof policy !== "function" || !(isNew(status) || status === "found-other")) return false;
    // What is not a boolean is a mistake of the caller's, and no consent.
    return await policy({ key, hostname, port, status, matches, signal }) === true;
  }

  /** Writes a key down, if it is to be accepted still: others may have written meanwhile. */
  async #remember(
    target: KnownHostsStore,
    accepted: KnownHostVerdict,
    key: PublicKey,
    context: HostKeyContext,
  ): Promise<void> {
    const host = hostOf(context);
    const now = await this.#judge(key, host, context);
    if (now.status === "ok") return;
    const isSame = now.status === accepted.status || (isNew(now.status) && isNew(accepted.status));
    if (!isSame) throw refused(now, key, context);
    try {
      await writeKnownHost(target, host, key, this.#options);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw hostKeyRefusal(key, context, "error", `it cannot be written down: ${why}`, error);
    }
  }

  #read(): Promise<(string | null)[]> {
    return Promise.all(this.#stores.map(read));
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(action);
    this.#changing = done.catch(() => {});
    return done;
  }
}

/** Whether a status says that nothing is known of a host. */
function isNew(status: KnownHostStatus): status is "not-known" | "file-not-found" {
  return status === "not-known" || status === "file-not-found";
}

function storeOf(source: KnownHostsSource): KnownHostsStore {
  return typeof source === "string" ? { read: () => source } : source;
}

async function read(store: KnownHostsStore): Promise<string | null> {
  try {
    return await store.read();
  } catch (error) {
    // What every runtime's file system says of a file that is not there.
    if ((error as { code?: unknown } | null)?.code === "ENOENT") return null;
    throw error;
  }
}

async function change(
  store: KnownHostsStore,
  edit: (text: string | null) => string,
): Promise<void> {
  if (store.write === undefined) {
    throw new TypeError("Cannot write known hosts: the store has no method for that");
  }
  const text = await read(store);
  const changed = edit(text);
  if (changed !== (text ?? "")) await store.write(changed);
}

function hostOf({ hostname, port }: HostKeyContext): HostAddress {
  if (hostname === undefined) {
    throw new TypeError("Cannot look a host up among known hosts: the option hostname is missing");
  }
  return { hostname, port };
}

/** The type of the keys that an algorithm is for. */
function keyTypeOf(algorithm: string): string {
  const plain = plainAlgorithm(algorithm);
  return plain.startsWith("rsa-sha2-") ? "ssh-rsa" : plain;
}

function refused(verdict: KnownHostVerdict, key: PublicKey, context: HostKeyContext): HostKeyError {
  const { status, matches, certificate, error } = verdict;
  if (status === "ok") throw new TypeError("Cannot refuse a key that is known");
  const lines = matches.slice(0, 5).map(({ line, source }) =>
    source === 0 ? `line ${line}` : `line ${line} of source ${source + 1}`
  );
  const where = lines.length === 0 ? "" : ` (${lines.join(", ")})`;
  const but = certificate === null ? "" : `; its certificate does not count: ${certificate}`;
  return hostKeyRefusal(key, context, status, `${describe(status)}${where}${but}`, error);
}

function describe(status: HostKeyStatus): string {
  switch (status) {
    case "known-changed":
      return "it is known by another key of that type";
    case "found-other":
      return "it is known by keys of other types only";
    case "not-known":
      return "it is not among the known hosts";
    case "file-not-found":
      return "there is no file of known hosts";
    case "revoked":
      return "that key, or its authority's, has been revoked";
    case "error":
      return "known hosts cannot be read";
  }
}
