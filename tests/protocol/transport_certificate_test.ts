import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  Certificate,
  generateKey,
  issueCertificate,
  parsePrivateKey,
  type PublicKey,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { selectAlgorithms, supportedAlgorithms } from "../../protocol/mod.ts";
import { NegotiationError, ProtocolError } from "../../wire/errors.ts";
import { enginePair, settle } from "../helpers/engine_pair.ts";
import { quickAlgorithms } from "../helpers/quick_kex.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { privateKeys } from "../keys/fixtures.ts";

const ca = await generateKey("ed25519", { seed: "the authority" });
const ed25519 = await generateKey("ed25519", { seed: "the host's key" });
const other = await generateKey("ed25519", { seed: "another's key" });
const p256 = await parsePrivateKey(privateKeys.ecdsa256);
const p384 = await parsePrivateKey(privateKeys.ecdsa384);
const p521 = await parsePrivateKey(privateKeys.ecdsa521);
const rsa = await parsePrivateKey(privateKeys.rsa);
const { kex } = quickAlgorithms;

async function certified(signer: Signer): Promise<Signer> {
  const certificate = await issueCertificate({
    key: signer.publicKey,
    ca,
    role: "host",
    keyId: "id",
    principals: ["host.example"],
    validBefore: null,
  });
  return withCertificate(signer, certificate);
}

/** A client and a server that have got as far as they get; `seen` are the keys that were judged. */
async function meet(hostKeys: readonly Signer[], names?: readonly string[]) {
  const seen: PublicKey[] = [];
  const algorithms = { ...supportedAlgorithms, kex };
  const { client, server } = await enginePair({
    client: {
      algorithms: names ? { ...selectAlgorithms({ hostKeys: names }), kex } : algorithms,
      verifyHostKey: (key) => Promise.resolve(void seen.push(key)),
    },
    server: { algorithms, hostKeys },
  });
  await settle(client.engine, server.engine);
  return { client, server, seen };
}

describe("a host's certificate", () => {
  const hosts: readonly (readonly [string, Signer])[] = [
    ["ssh-ed25519-cert-v01@openssh.com", ed25519],
    ["ecdsa-sha2-nistp256-cert-v01@openssh.com", p256],
    ["ecdsa-sha2-nistp384-cert-v01@openssh.com", p384],
    ["ecdsa-sha2-nistp521-cert-v01@openssh.com", p521],
    ["rsa-sha2-512-cert-v01@openssh.com", rsa],
    ["rsa-sha2-256-cert-v01@openssh.com", rsa],
    ["sk-ssh-ed25519-cert-v01@openssh.com", softwareSecurityKey(ed25519)],
    ["sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", softwareSecurityKey(p256, { flags: 0 })],
  ];
  for (const [name, signer] of hosts) {
    it(`${name}: is shown and proven, and whoever judges it sees it`, async () => {
      const host = await certified(signer);
      const { client, server, seen } = await meet([host, signer], [name]);
      assert.equal(client.engine.info?.algorithms.hostKey, name);
      assert.equal(seen.length, 1);
      assert.ok(seen[0] instanceof Certificate);
      assert.deepEqual(seen[0].blob, host.publicKey.blob);
      assert.deepEqual(seen[0].publicKey.blob, signer.publicKey.blob);
      assert.deepEqual(client.engine.info?.hostKey.blob, host.publicKey.blob);
      assert.deepEqual(server.engine.info?.hostKey.blob, host.publicKey.blob);
      client.engine.rekey();
      await settle(client.engine, server.engine);
      assert.equal(client.engine.closed, null);
      assert.equal(seen.length, 1);
    });
  }

  it("is asked for before the key alone, and a client without them gets the key", async () => {
    const host = await certified(ed25519);
    const first = await meet([ed25519, host]);
    assert.ok(first.seen[0] instanceof Certificate);
    const { seen } = await meet([host, ed25519], ["ssh-ed25519"]);
    assert.deepEqual(seen.map(({ blob }) => blob), [ed25519.publicKey.blob]);
  });

  it("is nothing to agree on for a client without them, where there is no key beside it", async () => {
    const { client } = await meet([await certified(ed25519)], ["ssh-ed25519"]);
    assert.ok(client.engine.closed instanceof NegotiationError);
  });

  it("that another's key signs for is refused, and nobody judges it", async () => {
    const { publicKey } = await certified(ed25519);
    const thief = await certified(other);
    const host = { publicKey, sign: thief.sign.bind(thief) };
    const { client, seen } = await meet([host], ["ssh-ed25519-cert-v01@openssh.com"]);
    assert.ok(client.engine.closed instanceof ProtocolError);
    assert.match(client.engine.closed.message, /signature of the key exchange is wrong/);
    assert.deepEqual(seen, []);
  });

  it("that cannot be read is refused", async () => {
    const host = await certified(ed25519);
    const publicKey: PublicKey = {
      ...host.publicKey,
      algorithms: host.publicKey.algorithms,
      blob: host.publicKey.blob.slice(0, -1),
      verify: () => true,
    };
    const broken = { publicKey, sign: host.sign.bind(host) };
    const { client, seen } = await meet([broken], ["ssh-ed25519-cert-v01@openssh.com"]);
    assert.match(client.engine.closed?.message ?? "", /its host key is not a valid one/);
    assert.deepEqual(seen, []);
  });
});

describe("a host's security key", () => {
  it("is proven, though nobody touches it", async () => {
    for (const flags of [0, 1]) {
      const host = softwareSecurityKey(ed25519, { flags });
      const { client, seen } = await meet([host], ["sk-ssh-ed25519@openssh.com"]);
      assert.equal(client.engine.closed, null);
      assert.deepEqual(seen.map(({ blob }) => blob), [host.publicKey.blob]);
    }
  });
});
