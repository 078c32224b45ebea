import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "@std/testing/bdd";
import { sha256, sha512 } from "../../crypto/mod.ts";
import {
  type Algorithms,
  selectAlgorithms,
  serverAlgorithms,
  supportedAlgorithms,
} from "../../protocol/transport/algorithms.ts";
import { deriveKey, exchangeHash, KeyUse } from "../../protocol/transport/key_derivation.ts";
import { concat } from "../helpers/bytes.ts";
import { seededRandom } from "../helpers/seeded_random.ts";
import { Writer } from "../../wire/writer.ts";

function namesOf({ kex, ciphers, macs, compression }: Algorithms): Record<string, string[]> {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
  return {
    kex: names(kex),
    ciphers: names(ciphers),
    macs: names(macs),
    compression: names(compression),
  };
}

describe("algorithms", () => {
  it("are all that is known to be good, the best first", () => {
    assert.deepEqual(namesOf(supportedAlgorithms), {
      kex: [
        "mlkem768x25519-sha256",
        "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group14-sha256",
      ],
      ciphers: [
        "chacha20-poly1305@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "aes256-ctr",
        "aes192-ctr",
        "aes128-ctr",
      ],
      macs: [
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
      ],
      compression: ["none", "zlib@openssh.com"],
    });
  });

  it("of a server are those that nobody objects to", () => {
    const { kex, macs } = namesOf(serverAlgorithms);
    assert.deepEqual(kex?.filter((name) => /nistp|group14|exchange/.test(name)), []);
    assert.ok(macs?.every((name) => name.includes("-etm@")));
    assert.deepEqual(serverAlgorithms.ciphers, supportedAlgorithms.ciphers);
  });

  it("are picked by name, in the order given, and what is left out is taken whole", () => {
    const picked = selectAlgorithms({ ciphers: ["aes128-ctr", "aes256-ctr"], macs: [] });
    assert.deepEqual(namesOf(picked).ciphers, ["aes128-ctr", "aes256-ctr"]);
    assert.deepEqual(picked.macs, []);
    assert.equal(picked.kex, supportedAlgorithms.kex);
  });

  it("that are not known are refused by name, and those that are are listed", () => {
    assert.throws(() => selectAlgorithms({ ciphers: ["3des-cbc"] }), {
      name: "TypeError",
      message: /^Cannot use the cipher algorithm "3des-cbc": supported are chacha20-poly1305@/,
    });
    assert.throws(() => selectAlgorithms({ hostKeys: ["ssh-dss"] }), /the host key algorithm/);
  });
});

describe("key derivation", () => {
  it("is that of RFC 4253 section 7.2, for keys of any length", () => {
    const random = seededRandom(5);
    for (const hash of [sha256, sha512]) {
      const node = (...parts: Uint8Array[]): Uint8Array =>
        new Uint8Array(
          createHash(hash.name.replace("-", "").toLowerCase()).update(concat(parts)).digest(),
        );
      const [secret, exchangeHash, sessionId] = [random(37), random(32), random(32)];
      const material = { hash, secret, exchangeHash, sessionId };
      for (
        const [use, letter] of Object.entries({
          CIPHER_CLIENT_TO_SERVER: "C",
          MAC_SERVER_TO_CLIENT: "F",
        })
      ) {
        const letters = new TextEncoder().encode(letter);
        const k1 = node(secret, exchangeHash, letters, sessionId);
        const k2 = node(secret, exchangeHash, k1);
        const k3 = node(secret, exchangeHash, k1, k2);
        const whole = concat([k1, k2, k3]);
        for (const length of [0, 1, 16, 32, 64, 65, whole.length]) {
          const key = deriveKey(material, KeyUse[use as keyof typeof KeyUse], length);
          assert.deepEqual(key, whole.slice(0, length));
        }
      }
    }
  });

  it("gives each use a letter of its own", () => {
    assert.deepEqual(String.fromCharCode(...Object.values(KeyUse)), "ABCDEF");
  });
});

describe("the exchange hash", () => {
  it("is over all of the exchange, however long, and leaves nothing of it in memory", () => {
    const random = seededRandom(6);
    for (const length of [0, 300, 2000, 5000]) {
      const [clientVersion, serverVersion, clientKexInit, serverKexInit, hostKey] = Array.from(
        { length: 5 },
        () => random(length),
      ) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
      const [fields, secret] = [random(length), random(33)];
      const transcript = { clientVersion, serverVersion, clientKexInit, serverKexInit };
      const strings = [clientVersion, serverVersion, clientKexInit, serverKexInit, hostKey];
      const writer = new Writer();
      for (const value of strings) writer.string(value);
      const whole = writer.raw(fields).raw(secret).finish().slice();

      const hashed: { data?: Uint8Array; copy?: Uint8Array } = {};
      const digest = (data: Uint8Array): Uint8Array<ArrayBuffer> => {
        Object.assign(hashed, { data, copy: data.slice() });
        return sha256.digest(data);
      };
      const result = exchangeHash({ ...sha256, digest }, transcript, hostKey, fields, secret);
      assert.deepEqual(hashed.copy, whole);
      assert.deepEqual(result, sha256.digest(whole));
      assert.deepEqual(hashed.data?.slice(), new Uint8Array(whole.length));
    }
  });
});
