import { sha256 } from "@noble/hashes/sha2.js";
import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { supportedAlgorithms } from "../../protocol/mod.ts";
import { concat } from "../helpers/bytes.ts";
import { toHex } from "../helpers/hex.ts";
import { negotiated } from "../helpers/negotiated.ts";
import { DATA, Party } from "./_party.ts";
import { receivedIn, type Recording, recordings } from "./_recording.ts";

const RENEW = "if that is meant, record anew: deno task record";

/** Says what was said, turn by turn. */
async function replay(recording: Recording): Promise<Party> {
  const party = await Party.make(recording);
  const sent: Uint8Array[] = [];
  for (const [turn, bytes] of receivedIn(recording).entries()) {
    const answer = await party.receive(bytes);
    assert.equal(answer.length, recording.sentBytes[turn], `bytes sent in turn ${turn}; ${RENEW}`);
    sent.push(answer);
  }
  assert.equal(toHex(sha256(concat(sent))), recording.sentSha256, RENEW);
  return party;
}

for (const role of ["client", "server"] as const) {
  const ours = recordings.filter((recording) => recording.role === role);
  const peer = role === "client" ? "OpenSSH's server" : "OpenSSH's client";

  describe(`a recorded conversation with ${peer}`, () => {
    for (const recording of ours) {
      it(`by ${recording.name}: every byte is sent as it was, and the same is told`, async () => {
        const party = await replay(recording);
        assert.deepEqual(party.events, recording.events, RENEW);
        assert.deepEqual(party.taken, DATA);
        const { kex, cipher, mac, compression } = negotiated(party.engine.info);
        const { offer } = recording;
        const agreed = [[kex, offer.kex], [cipher, offer.ciphers], [mac, offer.macs], [
          compression,
          offer.compression,
        ]] as const;
        for (const [name, offered] of agreed) {
          if (offered !== undefined) assert.deepEqual([name], offered);
        }
      });
    }

    it("is there for every algorithm, but for what OpenSSH 9.2 does not have", () => {
      const recorded = new Set(ours.map(({ name }) => name));
      const { kex, ciphers, macs } = supportedAlgorithms;
      const missing = [...kex, ...ciphers, ...macs].map(({ name }) => name)
        .filter((name) => !recorded.has(name));
      assert.deepEqual(missing.filter((name) => name !== "mlkem768x25519-sha256"), []);
    });

    it("is the same one however its bytes are cut", async () => {
      const [recording] = ours.filter(({ rekeys }) => rekeys);
      assert.ok(recording);
      const party = await Party.make(recording);
      const sent: Uint8Array[] = [];
      for (const byte of concat(receivedIn(recording))) {
        sent.push(await party.receive(Uint8Array.of(byte)));
      }
      assert.equal(toHex(sha256(concat(sent))), recording.sentSha256);
      assert.deepEqual(party.events, recording.events);
    });
  });
}
