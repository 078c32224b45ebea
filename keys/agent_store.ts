/**
 * What an agent holds: keys and their constraints, behind a lock.
 *
 * @module
 */

import { clean } from "@noble/hashes/utils.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { toBase64 } from "../crypto/base64.ts";
import { platformRandom } from "../crypto/random.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { Writer } from "../wire/writer.ts";
import { AgentPermits } from "./_agent_permits.ts";
import { AgentBindings, sessionBindExtension } from "./agent_bindings.ts";
import { type AgentDestination, checkAgentDestinations } from "./agent_destinations.ts";
import {
  type AgentIdentity,
  type AgentRequest,
  type AgentResponse,
  AgentSignFlags,
} from "./agent_protocol.ts";
import { bcryptPbkdf } from "./bcrypt_pbkdf.ts";
import { plainKey } from "./certificate.ts";
import { plainAlgorithm } from "./certificate_algorithms.ts";
import { SecurityKeyPrivateKey } from "./security_key_private.ts";
import type { PublicKey, Signer } from "./types.ts";
import { withCertificate } from "./with_certificate.ts";

/** A key that an agent holds. */
export interface AgentStoreKey {
  /** The public half, or the certificate. */
  readonly publicKey: PublicKey;
  /** What people know it by. */
  readonly comment: string;
  /** When it is forgotten; null if it never is. */
  readonly expiresAt: Date | null;
  /** Whether the user is asked at every signature. */
  readonly confirm: boolean;
  /** The ways that it may be used; null if there is no limit to them. */
  readonly destinations: readonly AgentDestination[] | null;
}

/** How an agent keeps keys. */
export interface AgentStoreOptions {
  /** The time, in milliseconds since 1970: `Date.now`, unless given. */
  readonly now?: () => number;
  /**
   * Asks the user whether a key that was added with `confirm` may sign. Such keys never sign unless
   * it is given.
   */
  readonly confirm?: (key: AgentStoreKey) => MaybePromise<boolean>;
  /** How many keys it takes: 1000, unless given. */
  readonly maxKeys?: number;
  /** Answer vendors' extensions, by name: with what follows, or with null for a failure. */
  readonly extensions?: Readonly<
    Record<string, (payload: Uint8Array) => MaybePromise<Uint8Array | null>>
  >;
  /** How long the answer to a wrong passphrase takes, in milliseconds: 100, unless given. */
  readonly unlockDelayMs?: number;
}

/** What is kept of a key. */
interface Entry extends AgentStoreKey {
  readonly signer: Signer;
  readonly permits: AgentPermits | null;
}

const DONE: AgentResponse = { type: "success", payload: /* @__PURE__ */ new Uint8Array(0) };
const FAILED: AgentResponse = { type: "failure" };

/**
 * The keys of an agent. What a peer asks for is answered by {@linkcode AgentStore.respond};
 * `serveAgent` does that over a flow. Several flows may share a store.
 *
 * A key whose lifetime is over is forgotten as soon as anything is asked. One with destinations is
 * seen and used as with OpenSSH's agent: only to log in, and where {@linkcode AgentBindings} tell
 * that it is one of these. Other constraints of vendors are not known here, so that keys with one
 * are refused.
 *
 * @example
 * ```ts
 * import { AgentStore, generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const store = new AgentStore();
 * store.add(await generateKey("ed25519"), { comment: "ada@example", lifetimeSeconds: 3600 });
 * assert.deepEqual(store.keys.map(({ comment }) => comment), ["ada@example"]);
 * ```
 */
export class AgentStore {
  readonly #options: AgentStoreOptions;
  readonly #entries = new Map<string, Entry>();
  #lock: { readonly salt: Uint8Array; readonly hash: Uint8Array } | null = null;

  /** Makes a store without keys, and without a lock. */
  constructor(options: AgentStoreOptions = {}) {
    this.#options = options;
  }

  /** The keys that it holds, also while it is locked. */
  get keys(): readonly AgentStoreKey[] {
    this.#forgetExpired();
    return [...this.#entries.values()].map(({ signer: _, permits: __, ...key }) => key);
  }

  /** Whether it is locked. */
  get isLocked(): boolean {
    return this.#lock !== null;
  }

  /**
   * Adds a key, whoever holds its secret; the same key with other constraints takes its place.
   *
   * @throws {RangeError} If there are too many keys already, the lifetime is not positive, or there
   *   are destinations without a name or a key.
   */
  add(
    signer: Signer,
    options: {
      /** The comment in the place of the key's own. */
      readonly comment?: string;
      /** How long it is kept; for ever, unless given. */
      readonly lifetimeSeconds?: number;
      /** Whether the user is asked at every signature. */
      readonly confirm?: boolean;
      /** The ways that it may be used: all, unless given. */
      readonly destinations?: readonly AgentDestination[];
    } = {},
  ): void {
    const { publicKey } = signer;
    const { comment = publicKey.comment, lifetimeSeconds, confirm = false } = options;
    const { destinations = null } = options;
    if (destinations !== null) checkAgentDestinations(destinations);
    if (lifetimeSeconds !== undefined && !(lifetimeSeconds > 0)) {
      throw new RangeError(`Cannot keep a key for ${lifetimeSeconds} seconds: it has to be longer`);
    }
    const id = toBase64(publicKey.blob);
    const { maxKeys = 1000 } = this.#options;
    this.#forgetExpired();
    if (!this.#entries.has(id) && this.#entries.size >= maxKeys) {
      throw new RangeError(`Cannot add a key to the agent: it has ${maxKeys} keys already`);
    }
    const expiresAt = lifetimeSeconds === undefined
      ? null
      : new Date(this.#now() + lifetimeSeconds * 1000);
    const permits = destinations && new AgentPermits(destinations, () => this.#now());
    this.#entries.set(id, {
      ...{ publicKey, comment, expiresAt, confirm, destinations },
      ...{ signer, permits },
    });
  }

  /** Forgets a key, and says whether it was there. */
  remove(key: PublicKey): boolean {
    this.#forgetExpired();
    return this.#entries.delete(toBase64(key.blob));
  }

  /** Forgets all keys. */
  removeAll(): void {
    this.#entries.clear();
  }

  /**
   * Has all requests refused until {@linkcode AgentStore.unlock}.
   *
   * @returns Whether that was done: not if it is locked already.
   */
  async lock(passphrase: string | Uint8Array): Promise<boolean> {
    const salt = platformRandom(16);
    const hash = await hashOf(passphrase, salt);
    if (this.#lock !== null) return false;
    this.#lock = { salt, hash };
    return true;
  }

  /**
   * Undoes {@linkcode AgentStore.lock}.
   *
   * @returns Whether that was done: not if the passphrase is another, or nothing is locked.
   */
  async unlock(passphrase: string | Uint8Array): Promise<boolean> {
    const lock = this.#lock;
    if (lock === null) return false;
    const hash = await hashOf(passphrase, lock.salt);
    if (timingSafeEqual(hash, lock.hash)) {
      if (this.#lock !== lock) return false;
      this.#lock = null;
      return true;
    }
    const { unlockDelayMs = 100 } = this.#options;
    await new Promise((resolve) => setTimeout(resolve, unlockDelayMs));
    return false;
  }

  /**
   * Does what a peer asks for.
   *
   * @param bindings What the peer's connection is bound to, which has to be the same for all of its
   *   requests: without it keys with destinations sign nothing.
   * @throws {Error} What a signer, or a function among the options, throws.
   */
  async respond(
    request: AgentRequest,
    bindings: AgentBindings = new AgentBindings(),
  ): Promise<AgentResponse> {
    if (request.type === "unlock") return doneIf(await this.unlock(request.passphrase));
    if (this.isLocked) {
      return request.type === "list" ? { type: "identities", identities: [] } : FAILED;
    }
    switch (request.type) {
      case "list":
        return { type: "identities", identities: await this.#list(bindings) };
      case "sign":
        return await this.#sign(request, bindings);
      case "add":
        return doneIf(this.#addFor(request));
      case "remove":
        return doneIf(await this.#removeFor(request.key, bindings));
      case "remove-all":
        this.removeAll();
        return DONE;
      case "lock":
        return doneIf(await this.lock(request.passphrase));
      case "extension":
        return await this.#extend(request.name, request.payload, bindings);
      case "unknown":
        return FAILED;
    }
  }

  async #list(bindings: AgentBindings): Promise<readonly AgentIdentity[]> {
    this.#forgetExpired();
    const identities: AgentIdentity[] = [];
    for (const { publicKey: { blob }, comment, permits } of [...this.#entries.values()]) {
      if (await permits?.maySee(bindings) !== false) identities.push({ blob, comment });
    }
    return identities;
  }

  async #removeFor(key: Uint8Array, bindings: AgentBindings): Promise<boolean> {
    const id = toBase64(key);
    const entry = this.#usable(id);
    if (await entry?.permits?.maySee(bindings) === false) return false;
    return entry !== null && this.#entries.get(id) === entry && this.#entries.delete(id);
  }

  async #sign(
    request: AgentRequest & { type: "sign" },
    bindings: AgentBindings,
  ): Promise<AgentResponse> {
    const id = toBase64(request.key);
    const entry = this.#usable(id);
    const algorithm = entry && algorithmFor(entry.publicKey, request.flags);
    if (!entry || !algorithm) return FAILED;
    const { permits } = entry;
    if (await permits?.maySign(bindings, entry.publicKey, request.data) === false) return FAILED;
    if (entry.confirm) {
      const { signer: _, permits: __, ...key } = entry;
      if (await this.#options.confirm?.(key) !== true) return FAILED;
    }
    // While that was found out, the key may have been removed, or the agent locked.
    if (this.#usable(id) !== entry) return FAILED;
    return { type: "signature", signature: await entry.signer.sign(algorithm, request.data) };
  }

  #addFor({ key, certificate, comment, constraints }: AgentRequest & { type: "add" }): boolean {
    const { extension, ...known } = constraints;
    // What cannot be kept to is refused (draft-ietf-sshm-ssh-agent section 3.2.7), and so is what
    // cannot be used: there is no way to a security key from here.
    if (extension !== undefined || key instanceof SecurityKeyPrivateKey) return false;
    const signer = certificate === null ? key : withCertificate(key, certificate);
    try {
      this.add(signer, { comment, ...known });
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  async #extend(
    name: string,
    payload: Uint8Array,
    bindings: AgentBindings,
  ): Promise<AgentResponse> {
    const { extensions = {} } = this.#options;
    if (name === "query") {
      const names = new Writer();
      const all = new Set(["query", sessionBindExtension, ...Object.keys(extensions)]);
      for (const known of all) names.string(known);
      return { type: "extension", name, payload: names.finish() };
    }
    if (name === sessionBindExtension) {
      return doneIf(await bindings.take(payload));
    }
    // The name is the peer's: `constructor` is no extension.
    const answer = Object.hasOwn(extensions, name) ? extensions[name] : undefined;
    if (answer === undefined) return FAILED;
    const answered = await answer(payload);
    return answered === null
      ? { type: "extension-failure" }
      : { type: "extension", name, payload: answered };
  }

  #usable(id: string): Entry | null {
    this.#forgetExpired();
    return this.isLocked ? null : this.#entries.get(id) ?? null;
  }

  #forgetExpired(): void {
    const now = this.#now();
    for (const [id, { expiresAt }] of this.#entries) {
      if (expiresAt !== null && expiresAt.getTime() <= now) this.#entries.delete(id);
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

function doneIf(done: boolean): AgentResponse {
  return done ? DONE : FAILED;
}

/** @returns Null if the key has no such signature: RSA's with SHA-1, which is what no flag means. */
function algorithmFor(key: PublicKey, flags: number): string | null {
  const { RSA_SHA2_256, RSA_SHA2_512 } = AgentSignFlags;
  if ((flags & ~(RSA_SHA2_256 | RSA_SHA2_512)) !== 0) return null;
  if (plainKey(key).type !== "ssh-rsa") return key.algorithms[0] ?? null;
  if (flags === 0) return null;
  const wanted = (flags & RSA_SHA2_512) !== 0 ? "rsa-sha2-512" : "rsa-sha2-256";
  return key.algorithms.find((name) => plainAlgorithm(name) === wanted) ?? null;
}

/** As OpenSSH's agent does. What is hashed has its length before it, so that it is never empty. */
function hashOf(passphrase: string | Uint8Array, salt: Uint8Array): Promise<Uint8Array> {
  const secret = new Writer(4 + passphrase.length * 3).string(passphrase).finish();
  return bcryptPbkdf(secret, salt, { rounds: 1, length: 32 }).finally(() => clean(secret));
}
