/**
 * A security key made of software, which signs as PROTOCOL.u2f says, and says what it is told to.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { SecurityKeyPublicKey } from "../../keys/security_key.ts";
import { EcdsaPublicKey } from "../../keys/ecdsa.ts";
import { Ed25519PublicKey } from "../../keys/ed25519.ts";
import type { Assertion, AssertionRequest } from "../../keys/security_key_private.ts";
import type { PrivateKey, Signer } from "../../keys/types.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "./bytes.ts";

/** What the key says of each signature. */
export interface SecurityKeySettings {
  /** What it is made for: `ssh:`, unless given. */
  readonly application?: string;
  /** Bit 0: somebody is there (so unless given); bit 2: it is known who. */
  readonly flags?: number;
  /** The number of the signature: 7, unless given. */
  readonly counter?: number;
  /** The page that a browser signs for. */
  readonly origin?: string;
  /** Changes what a browser has signed. */
  readonly clientData?: (json: string) => string;
  /** What a browser's extensions have signed along. */
  readonly extensions?: Uint8Array;
}

const WEBAUTHN = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";

/** Makes a security key of an Ed25519 key, or of an ECDSA key on nistp256. */
export function softwareSecurityKey(
  secret: PrivateKey,
  settings: SecurityKeySettings = {},
): Signer & { readonly publicKey: SecurityKeyPublicKey } {
  const { application = "ssh:", flags = 1, counter = 7, extensions = new Uint8Array(0) } = settings;
  const { publicKey: key } = secret;
  if (!(key instanceof Ed25519PublicKey) && !(key instanceof EcdsaPublicKey)) {
    throw new Error(`A security key has no ${key.type}`);
  }
  const publicKey = new SecurityKeyPublicKey(key, application, { comment: "security key" });
  return {
    publicKey,
    async sign(algorithm, data) {
      const webauthn = algorithm === WEBAUTHN ? clientDataOf(data, settings) : null;
      const message = new Writer().raw(sha256(utf8(application))).uint8(flags).uint32(counter)
        .raw(webauthn === null ? new Uint8Array(0) : extensions)
        .raw(sha256(webauthn ?? data)).finish();
      const signed = new Reader(await secret.sign(key.type, message), "signature");
      signed.string("algorithm");
      const writer = new Writer().string(algorithm).string(signed.string()).uint8(flags)
        .uint32(counter);
      if (webauthn !== null) {
        writer.string(settings.origin ?? ORIGIN).string(webauthn).string(extensions);
      }
      return writer.finish();
    },
  };
}

const ORIGIN = "https://example.com";

/** Web Authentication section 5.8.1.1. */
function clientDataOf(data: Uint8Array, settings: SecurityKeySettings): Uint8Array {
  const challenge = btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_")
    .replaceAll("=", "");
  const { origin = ORIGIN, clientData = (json: string) => json } = settings;
  return utf8(clientData(
    `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}","crossOrigin":false}`,
  ));
}

/**
 * The device of such a key: it signs what it is asked to, as CTAP2's devices do.
 *
 * @param heard Is given what was asked.
 */
export function softwareDevice(
  secret: PrivateKey,
  { flags = 1, counter = 7 }: Pick<SecurityKeySettings, "flags" | "counter"> = {},
  heard: AssertionRequest[] = [],
): (request: AssertionRequest) => Promise<Assertion> {
  return async (request) => {
    heard.push(request);
    const message = new Writer().raw(sha256(utf8(request.application))).uint8(flags)
      .uint32(counter).raw(request.clientDataHash).finish();
    const { type } = secret.publicKey;
    const reader = new Reader(await secret.sign(type, message), "signature");
    reader.string("algorithm");
    const signature = reader.string("signature");
    if (type === "ssh-ed25519") return { flags, counter, signature };
    const numbers = new Reader(signature, "signature");
    const [r, s] = [numbers.string("r"), numbers.string("s")];
    const der = [0x02, r.length, ...r, 0x02, s.length, ...s];
    return { flags, counter, signature: Uint8Array.of(0x30, der.length, ...der) };
  };
}
