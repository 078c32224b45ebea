import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { sha256, x25519Agreement } from "../../crypto/mod.ts";
import type { KeyAgreement } from "../../crypto/types.ts";
import type { Signer } from "../../keys/types.ts";
import { type Algorithms, selectAlgorithms } from "../../protocol/mod.ts";
import { agreementMethod } from "../../protocol/transport/kex/agreement.ts";
import { assertOver } from "../helpers/assert_over.ts";
import { concat } from "../helpers/bytes.ts";
import { keyFor, Party, type Substitutes, USUAL } from "./_party.ts";
import { receivedIn, recordings } from "./_recording.ts";

const KEX = "curve25519-sha256";

/** The agreement that a conversation has, which is the same each time: it is worked out once. */
function remembered(agreement: KeyAgreement): KeyAgreement {
  let started: ReturnType<KeyAgreement["start"]> | undefined;
  let secret: ReturnType<Awaited<NonNullable<typeof started>>["finish"]> | undefined;
  let response: ReturnType<KeyAgreement["respond"]> | undefined;
  return {
    ...agreement,
    async start(random) {
      // What is drawn from a source of random bytes is gone from it.
      if (started !== undefined) random(32);
      const { share, finish } = await (started ??= agreement.start(random));
      return { share, finish: (other) => secret ??= finish(other) };
    },
    respond(share, random) {
      if (response !== undefined) random(32);
      return response ??= agreement.respond(share, random);
    },
  };
}

/** A signer that is asked for one signature, again and again. */
function remembering(signer: Signer): Signer {
  let signature: ReturnType<Signer["sign"]> | undefined;
  return {
    publicKey: signer.publicKey,
    sign: (algorithm, data) => signature ??= signer.sign(algorithm, data),
  };
}

describe("a recorded conversation that is cut", () => {
  for (const role of ["client", "server"] as const) {
    it(`after any byte on its way to our ${role}: it ends, and all are told once`, async () => {
      const recording = recordings.find((one) => one.role === role && one.name === KEX);
      assert.ok(recording);
      const algorithms: Algorithms = {
        ...selectAlgorithms(USUAL),
        kex: [agreementMethod(KEX, sha256, remembered(x25519Agreement))],
      };
      const substitutes: Substitutes = {
        algorithms,
        signer: remembering(await keyFor(role, recording.keySeed)),
      };
      const bytes = concat(receivedIn(recording));
      let eventsBefore: readonly string[] = [];
      for (let length = 0; length < bytes.length; length++) {
        const party = await Party.make(recording, substitutes);
        await party.receive(bytes.subarray(0, length));
        party.engine.receiveEof();
        const { engine, application: sink, events } = party;
        const { channel } = sink;
        const channels = channel.outbox.channel === null ? [] : [channel];
        assertOver({ engine, sink, channels }, `after ${length} bytes`);
        assert.ok(events.length >= eventsBefore.length, "what came before the cut is heard of");
        eventsBefore = events;
      }
      assert.ok(eventsBefore.length > 5, `${eventsBefore}`);
    });
  }
});
