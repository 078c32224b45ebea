/**
 * The public keys of security keys, which sign only when somebody is there:
 * `sk-ssh-ed25519@openssh.com` and `sk-ecdsa-sha2-nistp256@openssh.com`, OpenSSH's PROTOCOL.u2f.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { encodeSignature } from "./_signature.ts";
import { readWebauthnFields, webauthnSignedHash } from "./_webauthn.ts";
import { ecdsaKeyType, type EcdsaPublicKey } from "./ecdsa.ts";
import { ed25519KeyType, type Ed25519PublicKey } from "./ed25519.ts";
import type { KeyType, PublicKey } from "./types.ts";

const ed25519Type = "sk-ssh-ed25519@openssh.com";
const ecdsaType = "sk-ecdsa-sha2-nistp256@openssh.com";
/** A browser's signature (W3C Web Authentication), by the same keys. */
const webauthnAlgorithm = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";

// W3C Web Authentication section 6.1
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;

/** What a security key says of a signature; the signature is right. */
export interface SecurityKeyDetails {
  /** Whether somebody was there, and touched it. */
  readonly userPresent: boolean;
  /** Whether it made sure who was there, by a PIN or a fingerprint. */
  readonly userVerified: boolean;
  /** How many signatures it has made, for those who look for copies of it; 0 if it does not count. */
  readonly counter: number;
}

/** A public key of a security key. */
export class SecurityKeyPublicKey implements PublicKey {
  /** `sk-ssh-ed25519@openssh.com` or `sk-ecdsa-sha2-nistp256@openssh.com` */
  readonly type: string;
  /** The key in the encoding of PROTOCOL.u2f, "SSH U2F Key formats". */
  readonly blob: Uint8Array;
  /** The comment that came with the key; empty if there was none. */
  readonly comment: string;
  /**
   * The key's type; for ECDSA also `webauthn-sk-ecdsa-sha2-nistp256@openssh.com`, for what browsers
   * sign.
   */
  readonly algorithms: readonly string[];
  /** What the key was made for: `ssh:`, or a name that begins so. */
  readonly application: string;
  /** The key that signatures are verified with. */
  readonly key: Ed25519PublicKey | EcdsaPublicKey;

  /**
   * Makes a security key's public key.
   *
   * @param key The key that it signs with: Ed25519, or ECDSA on nistp256.
   * @param application What it was made for.
   * @throws {KeyFormatError} If the key is on another curve.
   */
  constructor(
    key: Ed25519PublicKey | EcdsaPublicKey,
    application: string,
    options: { comment?: string } = {},
  ) {
    const type = typeFor(key);
    if (type === null) {
      throw new KeyFormatError(
        `Cannot use security key: a key of type ${key.type} is not Ed25519 or ECDSA on nistp256`,
      );
    }
    this.type = type;
    this.key = key;
    this.application = application;
    this.algorithms = type === ecdsaType ? [ecdsaType, webauthnAlgorithm] : [type];
    this.comment = options.comment ?? "";
    const fields = new Reader(key.blob, "public key", KeyFormatError);
    fields.string("type");
    this.blob = new Writer(256).string(type).raw(fields.rest()).string(application).finish();
  }

  /**
   * Whether `signature` is this key's over `data`, and somebody was there when it was made: see
   * {@linkcode PublicKey.verify}. To accept others, use {@linkcode inspect}.
   */
  async verify(algorithm: string, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return (await this.inspect(algorithm, data, signature))?.userPresent === true;
  }

  /**
   * Verifies a signature, and tells what the security key says of it.
   *
   * @param algorithm One of {@linkcode algorithms}; a signature of any other is not valid.
   * @param signature In the encoding of PROTOCOL.u2f, "SSH U2F signatures".
   * @returns Null if it is not this key's signature over `data`.
   */
  async inspect(
    algorithm: string,
    data: Uint8Array,
    signature: Uint8Array,
  ): Promise<SecurityKeyDetails | null> {
    if (!this.algorithms.includes(algorithm)) return null;
    const read = readSignature(algorithm, data, signature);
    if (read === null) return null;
    const { flags, counter, signed, bytes } = read;
    const message = new Writer(128).raw(sha256(new TextEncoder().encode(this.application)))
      .uint8(flags).uint32(counter).raw(signed).finish();
    const { type } = this.key;
    if (!(await this.key.verify(type, message, encodeSignature(type, bytes)))) return null;
    return {
      userPresent: (flags & USER_PRESENT) !== 0,
      userVerified: (flags & USER_VERIFIED) !== 0,
      counter,
    };
  }
}

/** How `sk-…` blobs are read. */
export const securityKeyType: KeyType = {
  names: [ed25519Type, ecdsaType],
  readPublic(name: string, reader: Reader, comment: string): SecurityKeyPublicKey {
    const key = name === ed25519Type
      ? ed25519KeyType.readPublic("ssh-ed25519", reader, "") as Ed25519PublicKey
      : ecdsaKeyType.readPublic("ecdsa-sha2-nistp256", reader, "") as EcdsaPublicKey;
    return new SecurityKeyPublicKey(key, reader.text("application"), { comment });
  },
};

function typeFor(key: PublicKey): string | null {
  if (key.type === "ssh-ed25519") return ed25519Type;
  return key.type === "ecdsa-sha2-nistp256" ? ecdsaType : null;
}

/** What a signature has in it; `signed` is what stands behind the counter in what was signed. */
interface SecurityKeySignature {
  readonly bytes: Uint8Array;
  readonly flags: number;
  readonly counter: number;
  readonly signed: Uint8Array;
}

function readSignature(
  algorithm: string,
  data: Uint8Array,
  signature: Uint8Array,
): SecurityKeySignature | null {
  try {
    const reader = new Reader(signature.slice(), "signature", KeyFormatError);
    if (reader.name("algorithm", 100) !== algorithm) return null;
    const bytes = reader.string("signature");
    const flags = reader.uint8("flags");
    const counter = reader.uint32("counter");
    const webauthn = algorithm === webauthnAlgorithm ? readWebauthnFields(reader) : null;
    reader.end();
    const signed = webauthn === null ? sha256(data) : webauthnSignedHash(webauthn, flags, data);
    return signed && { bytes, flags, counter, signed };
  } catch {
    return null;
  }
}
