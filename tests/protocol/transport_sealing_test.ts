import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { CipherAlgorithm, PacketSealer } from "../../crypto/types.ts";
import { aes128Ctr } from "../../crypto/mod.ts";
import { Engine } from "../../protocol/engine.ts";
import { ApplicationSink, RecordingChannelSink } from "../helpers/application_sink.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { clientOptions, serverOptions, settle } from "../helpers/engine_pair.ts";
import { plainAlgorithms } from "../helpers/hostile_peer.ts";

const SECRET = utf8("this must never be seen in the clear, whatever becomes of it; ".repeat(150));
const LIMITS = { windowBytes: 10_000, maxPacketBytes: 10_000 };

type Behaviour = "works" | "throws" | "rejects" | "throws, apart";

/** A cipher that stops working when it is told to. */
function failingCipher(how: () => Behaviour): CipherAlgorithm {
  return {
    ...aes128Ctr,
    createSealer(keys): PacketSealer {
      const sealer = aes128Ctr.createSealer(keys);
      return {
        ...sealer,
        get sealApart() {
          if (how() !== "throws, apart") return undefined;
          return (): never => {
            throw new Error("The cipher is gone");
          };
        },
        seal(packet, sequence) {
          switch (how()) {
            case "works":
            case "throws, apart":
              return sealer.seal(packet, sequence);
            case "throws":
              throw new Error("The cipher is gone");
            case "rejects":
              return Promise.reject(new Error("The cipher is gone"));
          }
        },
      };
    },
  };
}

describe("a cipher that fails", () => {
  it("takes along data that waited for more: nobody is left with its rejection", async () => {
    let state: Behaviour = "works";
    const sinks = [new ApplicationSink(), new ApplicationSink()] as const;
    const client = new Engine(clientOptions(sinks[0], {
      client: { algorithms: { ...plainAlgorithms, ciphers: [failingCipher(() => state)] } },
    }));
    const server = new Engine(await serverOptions(sinks[1]));
    await settle(client, server);
    const channel = client.openChannel("x", new Uint8Array(0), LIMITS, new RecordingChannelSink());
    await settle(client, server);
    sinks[1].opens[0]?.accept(new RecordingChannelSink(), { ...LIMITS, windowBytes: 100_000 });
    await settle(client, server);

    state = "rejects";
    channel.sendData(SECRET.subarray(0, 5000));
    const output = [...client.takeOutput()];
    channel.sendData(SECRET.subarray(0, 4000));
    await new Promise((resolve) => setTimeout(resolve, 0));
    output.push(...client.takeOutput());
    assert.equal(client.closed?.message, "The cipher is gone");
    assert.equal(sinks[0].timesClosed, 1);
    assert.equal(concat(output).length, 0);
    assert.equal(client.outputBytes, 0);
  });

  for (const failure of ["throws", "rejects", "throws, apart"] as const) {
    for (const what of ["data", "request"] as const) {
      it(`ends the connection, and shows nothing in the clear: ${what}, it ${failure}`, async () => {
        let state: "works" | typeof failure = "works";
        const sinks = [new ApplicationSink(), new ApplicationSink()] as const;
        const cipher = failingCipher(() => state);
        const client = new Engine(clientOptions(sinks[0], {
          client: { algorithms: { ...plainAlgorithms, ciphers: [cipher] }, gathers: true },
        }));
        const server = new Engine(await serverOptions(sinks[1]));
        await settle(client, server);
        const sink = new RecordingChannelSink();
        const channel = client.openChannel("x", new Uint8Array(0), LIMITS, sink);
        await settle(client, server);
        sinks[1].opens[0]?.accept(new RecordingChannelSink(), LIMITS);
        await settle(client, server);

        state = failure;
        if (what === "data") channel.sendData(SECRET);
        else channel.sendRequest("exec", SECRET, () => {});
        const output = [...client.takeOutput()];
        await new Promise((resolve) => setTimeout(resolve, 0));
        output.push(...client.takeOutput());
        assert.equal(client.closed?.message, "The cipher is gone");
        assert.equal(sinks[0].timesClosed, 1);
        assert.deepEqual(sink.calls, ["open", "closed"]);
        assert.equal(concat(output).length, 0);
        assert.equal(client.outputBytes, 0);
        assert.equal(client.sealing, null);
      });
    }
  }
});
