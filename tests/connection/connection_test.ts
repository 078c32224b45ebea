import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { toBytes } from "@std/streams/to-bytes";
import { Eof, type Flow, flowPair } from "../../flow/mod.ts";
import { deferred } from "../../wire/deferred.ts";
import { DisconnectError, ProtocolError } from "../../wire/mod.ts";
import { concat } from "../helpers/bytes.ts";
import { channelPair, connectionPair } from "../helpers/connection_pair.ts";
import { passingFlow } from "../helpers/passing_flow.ts";

describe("connection", () => {
  it("tells what was agreed on", async () => {
    await using pair = await connectionPair();
    const info = pair.client.info;
    assert.equal(info?.strictKex, true);
    assert.equal(info?.algorithms.kex.name, "mlkem768x25519-sha256");
    assert.deepEqual(info?.sessionId, pair.server.info?.sessionId);
    assert.match(info?.serverVersion ?? "", /^SSH-2\.0-/);
  });

  it("is made with three writes of each end: what a step puts out is one", async () => {
    const [near, far] = flowPair();
    const [client, server] = [counted(near), counted(far)];
    await using pair = await connectionPair({ flows: [client.flow, server.flow] });
    assert.deepEqual([client.count.writes, server.count.writes], [3, 3]);
    await pair.client.close();
  });

  it("sends a banner while the user is being authenticated", async () => {
    const { promise: shown, resolve: show } = deferred<void>();
    await using _pair = await connectionPair({
      clientHandlers: { onBanner: () => show() },
      serverAuth: { banner: "Look at your phone", authenticate: () => shown.then(() => true) },
    });
  });

  it("ends in good order when either end closes, and closing twice is no error", async () => {
    for (const who of ["client", "server"] as const) {
      const pair = await connectionPair();
      await pair[who].close();
      await pair[who].close();
      await Promise.all([pair.client.closed, pair.server.closed]);
      const other = who === "client" ? pair.server : pair.client;
      assert.ok(other.closeReason instanceof DisconnectError);
      assert.equal(other.closeReason.by, "peer");
    }
  });

  it("rejects everything that was pending when the peer vanishes", async () => {
    const flows = flowPair();
    const pair = await connectionPair({ flows });
    const { near } = await channelPair(pair, { server: { windowBytes: 10 } });
    const pending = [
      near.send(new Uint8Array(1000)),
      near.request("wait@example.com"),
      pair.client.openChannel("session"),
      near.closed,
      pair.client.closed,
    ].map((promise) => assert.rejects(promise));
    flows[1].abort(new Error("pulled the plug"));
    await Promise.all(pending);
    await assert.rejects(pair.server.closed);
  });

  it("tells the data that had arrived before it tells the error", async () => {
    const flows = flowPair();
    const pair = await connectionPair({ flows });
    const { near, far } = await channelPair(pair);
    await far.send(new Uint8Array([1, 2, 3]));
    const reader = near.readable.getReader();
    await new Promise((resolve) => setTimeout(resolve, 5));
    flows[1].abort(new Error("pulled the plug"));
    await assert.rejects(near.closed);
    assert.deepEqual((await reader.read()).value, new Uint8Array([1, 2, 3]));
    await assert.rejects(reader.read());
    await assert.rejects(pair.server.closed);
  });

  it("exchanges keys anew from both ends while data flows, and loses nothing", async () => {
    await using pair = await connectionPair({
      client: { rekey: { bytes: 100_000 } },
      server: { rekey: { bytes: 70_000 } },
    });
    const { near, far } = await channelPair(pair);
    const data = new Uint8Array(3_000_000).map((_, index) => index % 251);
    const echoed = far.readable.pipeTo(far.writable);
    const writing = (async () => {
      for (let at = 0; at < data.length; at += 50_000) {
        await near.send(data.subarray(at, at + 50_000));
        if (at % 250_000 === 0) pair.client.rekey();
      }
      await near.sendEof();
    })();
    assert.deepEqual(await toBytes(near.readable), data);
    await Promise.all([echoed, writing]);
  });

  it("pings", async () => {
    await using pair = await connectionPair();
    assert.ok(await pair.client.ping() >= 0);
    assert.ok(await pair.server.ping() >= 0);
  });

  it("answers global requests in order, with what is specific to them", async () => {
    await using pair = await connectionPair({
      serverHandlers: {
        onGlobalRequest: (request) => request.succeed(new TextEncoder().encode(request.name)),
      },
    });
    const answers = await Promise.all([
      pair.client.request("one@example.com"),
      pair.client.request("two@example.com"),
    ]);
    assert.deepEqual(answers.map((answer) => new TextDecoder().decode(answer)), [
      "one@example.com",
      "two@example.com",
    ]);
  });

  it("a wait can be cancelled", async () => {
    await using pair = await connectionPair({ serverHandlers: { onGlobalRequest: () => {} } });
    const signal = AbortSignal.timeout(5);
    await assert.rejects(pair.client.request("silence@example.com", undefined, { signal }));
  });

  it("ends although the peer takes nothing and never closes", async () => {
    const [near, far] = flowPair({ capacity: 64 * 1024 });
    const pair = await connectionPair({ flows: [near, stubborn(far)] });
    pair.client.abort();
    await pair.client.closed;
    pair.server.abort();
    await pair.server.closed;
  });

  it("sends a malformed session request to nobody: the connection ends", async () => {
    const pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    near.notify("exit-status", new Uint8Array(3));
    await assert.rejects(pair.server.closed, ProtocolError);
    await assert.rejects(far.closed, ProtocolError);
    await assert.rejects(near.closed, DisconnectError);
  });
});

/** A flow that never closes by itself. */
function stubborn(flow: Flow): Flow {
  return passingFlow(flow, {
    closeWrite: () => Promise.resolve(),
    close: async () => {
      while (await flow.read() !== Eof);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

/** A flow that counts its writes, each of which arrives whole. */
function counted(flow: Flow): { flow: Flow; count: { writes: number } } {
  const count = { writes: 0 };
  const writev: Flow["writev"] = (data) => {
    count.writes++;
    return flow.write(concat(data));
  };
  return { flow: passingFlow(flow, { writev }), count };
}
