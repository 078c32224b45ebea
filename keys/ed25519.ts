/**
 * Ed25519 keys: `ssh-ed25519`, RFC 8709.
 *
 * @module
 */

import { whenReady } from "../crypto/maybe_promise.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { KeyFormatError } from "../wire/errors.ts";
import type { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import {
  ed25519PublicKey,
  type Ed25519Signer,
  type Ed25519Verifier,
  findEd25519,
} from "./_ed25519.ts";
import { algorithmError, decodeSignature, encodeSignature } from "./_signature.ts";
import type { Ed25519Parts, KeyType, PrivateKey, PublicKey } from "./types.ts";

const type = "ssh-ed25519";

/** A public key of type `ssh-ed25519`. */
export class Ed25519PublicKey implements PublicKey {
  /** `ssh-ed25519` */
  readonly type: string = type;
  /** The key in the encoding of RFC 8709 section 4. */
  readonly blob: Uint8Array;
  /** The comment that came with the key; empty if there was none. */
  readonly comment: string;
  /** `ssh-ed25519` alone. */
  readonly algorithms: readonly string[] = [type];
  /** The key itself: 32 bytes (RFC 8032 section 5.1.5). */
  readonly raw: Uint8Array;
  #verifier: MaybePromise<Ed25519Verifier> | undefined;

  /**
   * Makes a key of its bytes.
   *
   * @param raw The key itself: 32 bytes.
   * @throws {KeyFormatError} If `raw` is of another length.
   */
  constructor(raw: Uint8Array, options: { comment?: string } = {}) {
    if (raw.length !== 32) {
      throw new KeyFormatError(
        `Cannot use Ed25519 public key: it has ${raw.length} bytes instead of 32`,
      );
    }
    this.raw = raw.slice();
    this.blob = new Writer(51).string(type).string(raw).finish();
    this.comment = options.comment ?? "";
  }

  /** Whether `signature` is this key's over `data`: see {@linkcode PublicKey.verify}. */
  async verify(name: string, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    if (name !== type) return false;
    const bytes = decodeSignature(type, signature);
    if (bytes?.length !== 64) return false;
    try {
      const verifier = this.#verifier ??= whenReady(
        findEd25519(),
        (ed25519) => ed25519.verifier(this.raw),
      );
      const message = verifier instanceof Promise ? data.slice() : data;
      return await whenReady(verifier, (verify) => verify(message, bytes));
    } catch {
      return false;
    }
  }
}

/** A private key of type `ssh-ed25519`. */
export class Ed25519PrivateKey implements PrivateKey {
  /** The public half. */
  readonly publicKey: Ed25519PublicKey;
  readonly #seed: Uint8Array;
  #signer: MaybePromise<Ed25519Signer> | undefined;

  /**
   * Makes a key of its secret.
   *
   * @param parts The secret, from which the public half is derived.
   * @throws {KeyFormatError} If the seed is not of 32 bytes.
   */
  constructor(parts: Omit<Ed25519Parts, "kind">, options: { comment?: string } = {}) {
    if (parts.seed.length !== 32) {
      throw new KeyFormatError(
        `Cannot use Ed25519 private key: it has ${parts.seed.length} bytes instead of 32`,
      );
    }
    this.#seed = parts.seed.slice();
    this.publicKey = new Ed25519PublicKey(ed25519PublicKey(this.#seed), options);
  }

  /** The comment that came with the key; empty if there was none. */
  get comment(): string {
    return this.publicKey.comment;
  }

  /** The secret itself. */
  parts(): Ed25519Parts {
    return { kind: "ed25519", seed: this.#seed.slice() };
  }

  /** Signs `data`: see {@linkcode PrivateKey.sign}. */
  async sign(name: string, data: Uint8Array): Promise<Uint8Array> {
    if (name !== type) throw algorithmError(this.publicKey, name);
    const signer = this.#signer ??= whenReady(
      findEd25519(),
      (ed25519) => ed25519.signer(this.#seed, this.publicKey.raw),
    );
    const message = signer instanceof Promise ? data.slice() : data;
    return encodeSignature(type, await whenReady(signer, (sign) => sign(message)));
  }
}

/** How `ssh-ed25519` blobs are read. */
export const ed25519KeyType: KeyType = {
  names: [type],
  readPublic(_name: string, reader: Reader, comment: string): Ed25519PublicKey {
    const raw = reader.string("key");
    if (raw.length !== 32) throw reader.error(`key of ${raw.length} bytes instead of 32`);
    return new Ed25519PublicKey(raw, { comment });
  },
};
