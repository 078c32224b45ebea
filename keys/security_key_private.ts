/**
 * What files hold of the private keys of security keys: not the secret, which is on the device, but
 * what the device finds it by (OpenSSH's PROTOCOL.u2f, "SSH U2F Key formats").
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { MaybePromise } from "../crypto/types.ts";
import { KeyFormatError, SshError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { algorithmError } from "./_signature.ts";
import { DerReader } from "./der.ts";
import { type SecurityKeyPublicKey, securityKeyType } from "./security_key.ts";
import type { PrivateKey, SecurityKeyParts, Signer } from "./types.ts";

/** Bits of {@linkcode SecurityKeyParts.flags}: `SSH_SK_…` of OpenSSH's sk-api.h. */
export const SecurityKeyFlags = {
  USER_PRESENCE_REQUIRED: 0x01,
  USER_VERIFICATION_REQUIRED: 0x04,
  RESIDENT_KEY: 0x20,
} as const;

/** What a device is asked to sign, in the words of CTAP2's authenticatorGetAssertion. */
export interface AssertionRequest {
  /** What the key was made for, the id of the relying party: `ssh:`, or a name that begins so. */
  readonly application: string;
  /** What the device finds the key by, the id of the credential. */
  readonly keyHandle: Uint8Array;
  /** SHA-256 of what is signed. */
  readonly clientDataHash: Uint8Array;
  /** Whether somebody has to touch it. */
  readonly touchRequired: boolean;
  /** Whether it has to make sure who that is, by a PIN or a fingerprint. */
  readonly verifyRequired: boolean;
}

/** What a device answers. */
export interface Assertion {
  /** The flags of its data: bit 0 says that somebody was there, bit 2 that it knows who. */
  readonly flags: number;
  /** Its counter of signatures. */
  readonly counter: number;
  /** Its signature, as it gives it: 64 bytes of Ed25519, or the DER of ECDSA's two numbers. */
  readonly signature: Uint8Array;
}

/**
 * The private key of a security key, as its file has it. It can be written to a file, and tells its
 * public half; to sign with it takes the device: see {@linkcode securityKeySigner}.
 */
export class SecurityKeyPrivateKey implements PrivateKey {
  /** The public half. */
  readonly publicKey: SecurityKeyPublicKey;
  readonly #parts: Omit<SecurityKeyParts, "kind" | "publicKey">;

  /**
   * Makes a key of what is known of it.
   *
   * @param parts What stands in the file, or what a device has said when it made the key.
   * @throws {KeyFormatError} If the public key is not one of a security key.
   */
  constructor(
    parts: Omit<SecurityKeyParts, "kind" | "reserved"> & { readonly reserved?: Uint8Array },
    options: { comment?: string } = {},
  ) {
    const { publicKey, flags, keyHandle, reserved = new Uint8Array(0) } = parts;
    const reader = new Reader(publicKey.slice(), "security key", KeyFormatError);
    const type = reader.name("type", 256);
    if (!securityKeyType.names.includes(type)) {
      throw reader.error(`a key of type ${type} is not one of ${securityKeyType.names.join(", ")}`);
    }
    const key = securityKeyType.readPublic(type, reader, options.comment ?? "");
    reader.end();
    this.publicKey = key as SecurityKeyPublicKey;
    this.#parts = { flags, keyHandle: keyHandle.slice(), reserved: reserved.slice() };
  }

  /** The comment that came with the key; empty if there was none. */
  get comment(): string {
    return this.publicKey.comment;
  }

  /** Whether somebody has to touch the device. */
  get touchRequired(): boolean {
    return (this.#parts.flags & SecurityKeyFlags.USER_PRESENCE_REQUIRED) !== 0;
  }

  /** Whether the device has to make sure who that is, by a PIN or a fingerprint. */
  get verifyRequired(): boolean {
    return (this.#parts.flags & SecurityKeyFlags.USER_VERIFICATION_REQUIRED) !== 0;
  }

  /** What the device finds the key by. */
  get keyHandle(): Uint8Array {
    return this.#parts.keyHandle.slice();
  }

  /** What stands in the file: nothing that could sign without the device. */
  parts(): SecurityKeyParts {
    const { flags, keyHandle, reserved } = this.#parts;
    return {
      kind: "security-key",
      publicKey: this.publicKey.blob.slice(),
      flags,
      keyHandle: keyHandle.slice(),
      reserved: reserved.slice(),
    };
  }

  /**
   * Never signs: the secret is elsewhere.
   *
   * @throws {TypeError} Always.
   */
  sign(_algorithm: string, _data: Uint8Array): Promise<Uint8Array> {
    return Promise.reject(
      new TypeError(
        `Cannot sign with a key of type ${this.publicKey.type}: its secret is on a device; ` +
          "use securityKeySigner, with a function that asks the device",
      ),
    );
  }
}

/**
 * Makes a signer of a security key's file and of the device.
 *
 * @param key What `parsePrivateKey` has read.
 * @param assert Has the device sign. It is this function's to find the device, and to tell the user
 *   to touch it.
 * @returns The signer. It rejects with an `SshError` if what the device has signed is not right, and
 *   with what `assert` throws.
 *
 * @example
 * ```ts ignore
 * import { parsePrivateKey, SecurityKeyPrivateKey, securityKeySigner } from "@sshflow/ssh/keys";
 *
 * const key = await parsePrivateKey(await Deno.readTextFile("/home/ada/.ssh/id_ed25519_sk"));
 * if (!(key instanceof SecurityKeyPrivateKey)) throw new Error("It is on no device");
 * const signer = securityKeySigner(key, async (request) => {
 *   console.log("Touch your key");
 *   return await device.assert(request);
 * });
 * ```
 */
export function securityKeySigner(
  key: SecurityKeyPrivateKey,
  assert: (request: AssertionRequest) => MaybePromise<Assertion>,
): Signer {
  const { publicKey } = key;
  return {
    publicKey,
    async sign(algorithm, data) {
      if (algorithm !== publicKey.type) throw algorithmError(publicKey, algorithm);
      const message = data.slice();
      const { flags, counter, signature } = await assert({
        application: publicKey.application,
        keyHandle: key.keyHandle,
        clientDataHash: sha256(message),
        touchRequired: key.touchRequired,
        verifyRequired: key.verifyRequired,
      });
      const bytes = publicKey.key.type === "ssh-ed25519" ? signature : ecdsaSignature(signature);
      const signed = new Writer(256).string(algorithm).string(bytes).uint8(flags).uint32(counter)
        .finish();
      if (await publicKey.inspect(algorithm, message, signed) === null) {
        throw new SshError(
          `Cannot sign with a key of type ${algorithm}: the device signed wrongly`,
        );
      }
      return signed;
    },
  };
}

/** The two numbers as SSH has them (RFC 5656 section 3.1.2), of the DER that devices give. */
function ecdsaSignature(der: Uint8Array): Uint8Array {
  const reader = new DerReader(der, "signature of a security key");
  const numbers = reader.sequence("numbers");
  reader.end();
  const writer = new Writer(80).mpint(numbers.integer("r")).mpint(numbers.integer("s"));
  numbers.end();
  return writer.finish();
}
