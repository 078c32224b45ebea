import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Engine } from "../../protocol/engine.ts";
import { Keepalive } from "../../protocol/keepalive.ts";
import { deferred } from "../../wire/deferred.ts";
import { DisconnectCode, DisconnectError, ProtocolError } from "../../wire/errors.ts";
import {
  clientOptions,
  type EngineEnd,
  enginePair,
  type PairOptions,
  RecordingSink,
  settle,
} from "../helpers/engine_pair.ts";

const keepalive = { intervalMs: 1000, countMax: 2 };

/** A clock, and two engines by it that are connected. */
async function connected(options: PairOptions): Promise<{
  clock: { now: number };
  client: EngineEnd;
  server: EngineEnd;
}> {
  const clock = { now: 5000 };
  const now = () => clock.now;
  const pair = await enginePair({
    client: { now, ...options.client },
    server: { now, ...options.server },
  });
  await settle(pair.client.engine, pair.server.engine);
  assert.ok(pair.server.engine.user);
  // What has arrived late in the login counts for the keepalive.
  clock.now = 5000;
  return { clock, ...pair };
}

for (const role of ["client", "server"] as const) {
  describe(`the keepalive of a ${role}`, () => {
    it("asks a silent peer, and ends the connection when nothing comes", async () => {
      const { clock, ...ends } = await connected({ [role]: { keepalive } });
      const { engine, sink } = ends[role];
      assert.equal(engine.advance(clock.now), 6000);
      clock.now = 5999;
      assert.equal(engine.advance(clock.now), 6000);
      assert.equal(engine.outputBytes, 0);
      for (const due of [6000, 7000]) {
        clock.now = due;
        assert.equal(engine.advance(due), due + 1000);
        assert.ok(engine.takeOutput().length > 0, `nothing was asked at ${due}`);
        assert.equal(sink.closed, null);
      }
      clock.now = 8000;
      assert.equal(engine.advance(clock.now), null);
      assert.ok(sink.closed instanceof DisconnectError);
      assert.equal(sink.closed.code, DisconnectCode.CONNECTION_LOST);
      assert.equal(sink.closed.by, "us");
      assert.match(sink.closed.message, /the peer has been silent for 3000 ms$/);
    });

    it("goes on while the peer answers, whatever it answers", async () => {
      const { clock, client, server } = await connected({ [role]: { keepalive } });
      const [us, peer] = role === "client" ? [client, server] : [server, client];
      for (let round = 0; round < 20; round++) {
        clock.now += 1000;
        us.engine.advance(clock.now);
        await settle(us.engine, peer.engine);
        const request = peer.sink.globalRequests.shift();
        assert.equal(request?.name, "keepalive@openssh.com");
        assert.equal(request?.wantReply, true);
        if (round % 2 === 0) request?.fail();
        else request?.succeed();
        await settle(us.engine, peer.engine);
      }
      assert.equal(us.sink.closed, null);
    });
  });
}

describe("keepalive", () => {
  it("asks nothing of a peer that is heard", async () => {
    const { clock, client, server } = await connected({ client: { keepalive } });
    for (let round = 0; round < 20; round++) {
      clock.now += 999;
      server.engine.sendGlobalRequest("x", new Uint8Array(0), null);
      await settle(client.engine, server.engine);
      assert.equal(client.engine.advance(clock.now), clock.now + 1000);
    }
    assert.equal(server.sink.globalRequests.length, 0);
  });

  it("counts anew when something has come", async () => {
    const { clock, client, server } = await connected({ client: { keepalive } });
    for (clock.now = 6000; clock.now <= 7000; clock.now += 1000) client.engine.advance(clock.now);
    server.engine.sendGlobalRequest("x", new Uint8Array(0), null);
    await settle(server.engine, client.engine);
    // Heard at 8000: asked at 9000 and 10000, and given up at 11000.
    for (clock.now = 9000; clock.now <= 10_000; clock.now += 1000) client.engine.advance(clock.now);
    assert.equal(client.sink.closed, null);
    client.engine.advance(11_000);
    assert.ok(client.sink.closed);
  });

  it("does not blame the peer for the time that this machine was asleep", async () => {
    const { clock, client } = await connected({ client: { keepalive } });
    clock.now += 3_000_000;
    assert.equal(client.engine.advance(clock.now), clock.now + 1000);
    assert.equal(client.sink.closed, null);
  });

  it("needs no timer unless it is asked for", async () => {
    for (const none of [{}, { keepalive: { intervalMs: 0 } }]) {
      const { clock, client } = await connected({
        client: { ...none, rekey: { intervalMs: 1e9 } },
      });
      assert.equal(client.engine.advance(clock.now), 5000 + 1e9);
    }
  });

  it("asks only when the user is logged in", () => {
    const sink = new RecordingSink();
    const engine = new Engine(clientOptions(sink, { client: { keepalive } }));
    assert.equal(engine.advance(0), 120_000);
    engine.takeOutput();
    assert.equal(engine.advance(100_000), 120_000);
    assert.equal(engine.outputBytes, 0);
  });

  it("notices a peer that falls silent in the middle of a key exchange", async () => {
    const { clock, client } = await connected({ client: { keepalive } });
    client.engine.rekey();
    for (clock.now = 6000; clock.now <= 8000; clock.now += 1000) client.engine.advance(clock.now);
    assert.match(client.sink.closed?.message ?? "", /silent for 3000 ms/);
  });

  it("waits for three answers, unless it is told otherwise, and for none if it is", async () => {
    const usual = await connected({ client: { keepalive: { intervalMs: 1000 } } });
    const { engine, sink } = usual.client;
    for (let now = 6000; now < 9000; now += 1000) engine.advance(now);
    assert.equal(sink.closed, null);
    engine.advance(9000);
    assert.ok(sink.closed);
    const none = await connected({ client: { keepalive: { intervalMs: 1000, countMax: 0 } } });
    none.client.engine.advance(6000);
    assert.ok(none.client.sink.closed);
  });

  it("refuses numbers that cannot be counted to", () => {
    for (
      const wrong of [{ intervalMs: -1 }, { intervalMs: NaN }, { intervalMs: 1, countMax: -1 }]
    ) {
      assert.throws(() => new Keepalive(wrong), RangeError);
    }
  });

  it("property: gives up after so many intervals of silence, and never before", () => {
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 40 }),
      (intervalMs, countMax, gaps) => {
        const subject = new Keepalive({ intervalMs, countMax });
        subject.restart(0);
        let heardAt = 0;
        const end = gaps.reduce((sum, gap) => sum + gap, 0);
        const heard = new Set(
          gaps.map((_, at) => gaps.slice(0, at + 1).reduce((a, b) => a + b, 0)),
        );
        let asked = 0;
        for (let now = 0; now <= end; now++) {
          if (heard.has(now)) [heardAt, asked] = [now, 0];
          const due = subject.deadline(heardAt);
          const step = subject.advance(now, heardAt);
          assert.equal(step !== "wait", due === now);
          if (step === "ask") asked++;
          assert.equal(asked, Math.min(countMax, Math.floor((now - heardAt) / intervalMs)));
          const isOver = now - heardAt >= subject.patienceMs;
          assert.equal(step === "give up", isOver);
          if (isOver) return;
        }
      },
    ));
  });
});

describe("the time for the handshake", () => {
  it("ends a connection to a peer that does not identify itself", () => {
    const sink = new RecordingSink();
    const engine = new Engine(clientOptions(sink, { client: { handshakeTimeoutMs: 3000 } }));
    assert.equal(engine.advance(2999), 3000);
    engine.advance(3000);
    assert.ok(sink.closed instanceof ProtocolError);
    assert.equal(sink.closed.message, "The peer did not identify itself within 3000 ms");
  });

  it("ends a connection to a peer that does not exchange keys", () => {
    const sink = new RecordingSink();
    const engine = new Engine(clientOptions(sink, { client: { handshakeTimeoutMs: 3000 } }));
    engine.receive(new TextEncoder().encode("SSH-2.0-x\r\n"));
    engine.advance(3000);
    assert.equal(
      sink.closed?.message,
      "The peer did not finish the key exchange within 3000 ms",
    );
  });

  it("does not count what the user takes to look at the host key", async () => {
    const clock = { now: 0 };
    const asked = deferred<() => void>();
    const { client, server } = await enginePair({
      client: {
        now: () => clock.now,
        handshakeTimeoutMs: 3000,
        verifyHostKey: () => new Promise((resolve) => asked.resolve(resolve)),
      },
    });
    const settling = settle(client.engine, server.engine);
    const decide = await asked.promise;
    clock.now = 100_000;
    assert.equal(client.engine.advance(clock.now), 103_000);
    decide();
    await settling;
    assert.equal(client.sink.closed, null);
    assert.ok(client.engine.user);
  });

  it("is over with the first keys", async () => {
    const { clock, client } = await connected({ client: { handshakeTimeoutMs: 3000 } });
    clock.now += 10_000;
    client.engine.advance(clock.now);
    assert.equal(client.sink.closed, null);
  });
});
