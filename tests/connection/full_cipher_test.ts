import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { chacha20Poly1305 } from "../../crypto/mod.ts";
import type { CipherAlgorithm } from "../../crypto/types.ts";
import { Eof, type Flow, flowPair } from "../../flow/mod.ts";
import { supportedAlgorithms } from "../../protocol/mod.ts";
import { deferred } from "../../wire/deferred.ts";
import { channelPair, connectionPair } from "../helpers/connection_pair.ts";
import { passingFlow } from "../helpers/passing_flow.ts";

const SENT_BYTES = 16 * 1024 * 1024;
/** What may be at the cipher, the chunk behind it, and the one that is read ahead. */
const BOUND_BYTES = 2 * 1024 * 1024;

/** A cipher that gives nothing large back before it is told to. */
function stuckCipher(free: Promise<void>): CipherAlgorithm {
  return {
    ...chacha20Poly1305,
    createOpener(keys) {
      const opener = chacha20Poly1305.createOpener(keys);
      return {
        ...opener,
        open(packet, sequence) {
          const body = opener.open(packet, sequence);
          return packet.length < 1000 ? body : free.then(() => body);
        },
      };
    },
  };
}

/** A flow that counts what is read from it. */
function counted(flow: Flow): { flow: Flow; count: { bytes: number } } {
  const count = { bytes: 0 };
  const read = async () => {
    const chunk = await flow.read();
    if (chunk !== Eof) count.bytes += chunk.length;
    return chunk;
  };
  return { flow: passingFlow(flow, { read }), count };
}

describe("a cipher that does not keep up", () => {
  it("has the connection stop reading, and go on when it has caught up", async () => {
    const free = deferred<void>();
    const [near, far] = flowPair();
    const { flow, count } = counted(near);
    await using pair = await connectionPair({
      flows: [flow, far],
      client: { algorithms: { ...supportedAlgorithms, ciphers: [stuckCipher(free.promise)] } },
    });
    const channels = await channelPair(pair, { client: { windowBytes: SENT_BYTES } });
    const before = count.bytes;
    const sending = channels.far.send(new Uint8Array(SENT_BYTES))
      .then(() => channels.far.sendEof());
    for (let last = -1; last !== count.bytes;) {
      last = count.bytes;
      for (let turn = 0; turn < 20; turn++) await new Promise((done) => setTimeout(done, 0));
    }
    const read = count.bytes - before;
    assert.ok(read > 512 * 1024, `${read} bytes: others may be read while the first is opened`);
    assert.ok(read < BOUND_BYTES, `${read} bytes were read`);

    free.resolve();
    let received = 0;
    for await (const chunk of channels.near.readable) received += chunk.length;
    assert.equal(received, SENT_BYTES);
    await sending;
  });
});
