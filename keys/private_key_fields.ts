/**
 * The fields of private keys, as OpenSSH's key files (PROTOCOL.key) and agents
 * (draft-ietf-sshm-ssh-agent section 3.2) have them.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { ecdsaKeyType, type EcdsaPublicKey } from "./ecdsa.ts";
import { securityKeyType } from "./security_key.ts";
import type { PrivateKey, PrivateKeySource } from "./types.ts";

/**
 * Reads a private key's type and numbers, as key files and agents have them.
 *
 * @throws {Error} The reader's error, if they are not in that form.
 */
export function readPrivateKeyFields(reader: Reader): PrivateKeySource {
  const type = reader.name("type", 256);
  if (type === "ssh-ed25519") {
    const publicKey = reader.string("public key");
    const pair = reader.string("private key");
    if (pair.length !== 64) throw reader.error(`private key of ${pair.length} bytes instead of 64`);
    if (!equalBytes(pair.subarray(32), publicKey)) {
      throw reader.error("the two public keys in it differ");
    }
    return { kind: "ed25519", seed: pair.subarray(0, 32) };
  }
  if (ecdsaKeyType.names.includes(type)) {
    const { curve } = ecdsaKeyType.readPublic(type, reader, "") as EcdsaPublicKey;
    const scalar = reader.mpint("private key", curve.coordinateBytes + 1);
    return { kind: "ecdsa", curve: curve.name, scalar };
  }
  if (type === "ssh-rsa") {
    const [modulus, publicExponent, privateExponent, coefficient, prime1, prime2] = [
      reader.mpint("modulus n"),
      reader.mpint("exponent e"),
      reader.mpint("private exponent d"),
      reader.mpint("coefficient"),
      reader.mpint("prime p"),
      reader.mpint("prime q"),
    ];
    const publicPart = { modulus, publicExponent };
    return { kind: "rsa", ...publicPart, privateExponent, coefficient, prime1, prime2 };
  }
  if (securityKeyType.names.includes(type)) {
    const publicKey = securityKeyType.readPublic(type, reader, "").blob;
    const flags = reader.uint8("flags");
    const keyHandle = reader.string("key handle");
    return {
      kind: "security-key",
      publicKey,
      flags,
      keyHandle,
      reserved: reader.string("reserved"),
    };
  }
  const names = ["ssh-ed25519", ...ecdsaKeyType.names, "ssh-rsa", ...securityKeyType.names].join(
    ", ",
  );
  throw reader.error(`type ${printable(type)} is not one of ${names}`);
}

/**
 * Writes a private key's type and numbers, as key files and agents have them.
 *
 * @param key Its public half goes with it.
 */
export function writePrivateKeyFields(key: PrivateKey, writer: Writer): void {
  const parts = key.parts();
  const publicFields = new Reader(key.publicKey.blob, "public key", KeyFormatError);
  writer.string(publicFields.string());
  switch (parts.kind) {
    case "ed25519": {
      const publicKey = publicFields.string();
      writer.string(publicKey).uint32(64).raw(parts.seed).raw(publicKey);
      return;
    }
    case "ecdsa":
      writer.raw(publicFields.rest()).mpint(parts.scalar);
      return;
    case "rsa":
      writer.mpint(parts.modulus).mpint(parts.publicExponent).mpint(parts.privateExponent)
        .mpint(parts.coefficient).mpint(parts.prime1).mpint(parts.prime2);
      return;
    case "security-key":
      writer.raw(publicFields.rest()).uint8(parts.flags).string(parts.keyHandle)
        .string(parts.reserved);
  }
}
