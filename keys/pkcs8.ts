/**
 * PKCS#8 private keys: RFC 5958, with the algorithms of RFC 8017 (RSA), 5915 (ECDSA) and 8410
 * (Ed25519).
 *
 * @module
 */

import { privateKeyFrom } from "./from_parts.ts";
import { derInteger, derNull, derOctets, derOid, DerReader, derSequence } from "./der.ts";
import {
  ecCurveNamed,
  ecCurveOid,
  readPkcs1,
  readSec1,
  writePkcs1,
  writeSec1,
} from "./traditional.ts";
import type { PrivateKey } from "./types.ts";

const oids = {
  rsa: "1.2.840.113549.1.1.1",
  ec: "1.2.840.10045.2.1",
  ed25519: "1.3.101.112",
};

/**
 * Reads a `PrivateKeyInfo`, what stands in a `PRIVATE KEY` block.
 *
 * @throws {KeyFormatError} If it is not in that form, or of an algorithm that is not supported.
 */
export function readPkcs8(der: Uint8Array): PrivateKey {
  const outer = new DerReader(der, "PKCS#8 private key");
  const info = outer.sequence("key");
  const version = info.smallInteger("version");
  if (version > 1) throw info.error(`version ${version} is not 0 or 1`);
  const algorithm = info.sequence("algorithm");
  const oid = algorithm.oid("algorithm");
  const content = info.octets("private key");
  // RFC 5958 section 2; the public key follows from the private one.
  info.optional(0xa0, "attributes");
  info.optional(0x81, "public key");
  info.end();
  outer.end();
  switch (oid) {
    case oids.rsa:
      algorithm.optionalNull("parameters");
      algorithm.end();
      return readPkcs1(content);
    case oids.ec: {
      const curve = ecCurveNamed(algorithm.oid("curve"), algorithm);
      algorithm.end();
      return readSec1(content, curve);
    }
    case oids.ed25519: {
      algorithm.end();
      const inner = new DerReader(content, "Ed25519 private key");
      const seed = inner.octets("seed");
      inner.end();
      return privateKeyFrom({ kind: "ed25519", seed });
    }
    default:
      throw algorithm.error(`algorithm ${oid} is not RSA, ECDSA or Ed25519`);
  }
}

/** Writes a `PrivateKeyInfo`. */
export function writePkcs8(key: PrivateKey): Uint8Array {
  const parts = key.parts();
  switch (parts.kind) {
    case "rsa":
      return privateKeyInfo([derOid(oids.rsa), derNull()], writePkcs1(parts));
    case "ecdsa":
      return privateKeyInfo(
        [derOid(oids.ec), derOid(ecCurveOid(parts.curve))],
        writeSec1(parts),
      );
    case "ed25519":
      return privateKeyInfo([derOid(oids.ed25519)], derOctets(parts.seed));
    case "security-key":
      throw new RangeError("Cannot write PKCS#8: the secret of a security key is on the device");
  }
}

function privateKeyInfo(algorithm: Uint8Array[], content: Uint8Array): Uint8Array {
  return derSequence(derInteger(0), derSequence(...algorithm), derOctets(content));
}
