import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { Eof, type Flow, FlowClosedError, flowPair, fromStreams, proxy } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll, readBytes, staysPending } from "./conformance.ts";
import { countCalls, transformStreams } from "./media.ts";

describeConformance("two flows joined by a proxy", {
  connect() {
    const [here, front] = flowPair({ capacity: 1000 });
    const [back, there] = flowPair({ capacity: 1000 });
    proxy(front, back).catch(() => {});
    return Promise.resolve([here, there]);
  },
  halfClose: true,
  tellsAbort: true,
  runs: 20,
});

/** A client and a server, joined by a proxy of the flows in the middle. */
function join(): { client: Flow; front: Flow; back: Flow; server: Flow } {
  const [client, front] = flowPair();
  const [back, server] = flowPair();
  return { client, front, back, server };
}

describe("proxy", () => {
  it("counts what it copied, in each direction", async () => {
    const { client, front, back, server } = join();
    const proxying = proxy(front, back);
    await client.write(bytes(10));
    await client.write(bytes(10));
    await server.write(bytes(5));
    assert.deepEqual(await readBytes(server, 20), new Uint8Array([...bytes(10), ...bytes(10)]));
    assert.deepEqual(await readBytes(client, 5), bytes(5));
    await Promise.all([client.close(), server.close()]);
    const { aToB, bToA } = await proxying;
    assert.deepEqual([aToB.bytes, aToB.reads, aToB.writes], [20, 2, 2]);
    assert.deepEqual([bToA.bytes, bToA.reads, bToA.writes], [5, 1, 1]);
  });

  it("passes on the end of one direction while the other goes on", async () => {
    const { client, front, back, server } = join();
    const closes = [countCalls(front, "close"), countCalls(back, "close")];
    const proxying = proxy(front, back);
    await client.closeWrite();
    assert.equal(await server.read(), Eof);
    await server.write(bytes(3));
    assert.deepEqual(await client.read(), bytes(3));
    assert.ok(await staysPending(proxying));
    await server.closeWrite();
    assert.equal(await client.read(), Eof);
    await proxying;
    assert.deepEqual(closes.map((calls) => calls()), [1, 1]);
  });

  it("joins pairs of streams", async () => {
    const [here, one] = transformStreams();
    const [other, there] = transformStreams();
    const proxying = proxy(one, other);
    const writer = here.writable.getWriter();
    const reader = there.readable.getReader();
    writer.write(bytes(3));
    assert.deepEqual((await reader.read()).value, bytes(3));
    writer.close();
    there.writable.close();
    assert.equal((await reader.read()).done, true);
    assert.equal((await here.readable.getReader().read()).done, true);
    assert.equal((await proxying).aToB.bytes, 3);
  });

  it("passes on a flow that broke as one that broke, and tells of one error", async () => {
    const { client, front, back, server } = join();
    const aborts = [countCalls(front, "abort"), countCalls(back, "abort")];
    const proxying = proxy(front, back);
    const reason = new Error("reset");
    client.abort(reason);
    await assert.rejects(server.read(), FlowClosedError);
    await assert.rejects(
      proxying,
      (error) => error instanceof FlowClosedError && error.cause === reason,
    );
    for (const calls of aborts) assert.ok(calls() > 0);
  });

  it("tells of both errors when both flows break", async () => {
    const { client, front, back, server } = join();
    const proxying = proxy(front, back);
    const reasons = [new Error("reset here"), new Error("reset there")];
    client.abort(reasons[0]);
    server.abort(reasons[1]);
    await assert.rejects(proxying, (error) => {
      assert.ok(error instanceof AggregateError);
      assert.deepEqual(error.errors.map((one) => one.cause), reasons);
      return true;
    });
  });

  it("delivers what a flow still sends when it takes no more", async () => {
    const [client, front] = flowPair({ capacity: 10 });
    const [back, server] = transformStreams();
    const proxying = proxy(front, back);
    proxying.catch(() => {});
    await server.readable.cancel(new Error("takes no more"));
    await new Promise((resolve) => setTimeout(resolve));
    for (let i = 0; i < 20; i++) await client.write(bytes(10));
    const writer = server.writable.getWriter();
    const writing = writer.write(bytes(7)).then(() => writer.close());
    assert.deepEqual(await readAll(client).catch(() => bytes(0)), bytes(7));
    await writing;
    await assert.rejects(proxying, FlowClosedError);
    await assert.rejects(client.write(bytes(1)), FlowClosedError);
  });

  it("lets go of a flow that took no more, when all has ended", async () => {
    const [client, front] = flowPair();
    const [streams, server] = transformStreams();
    const back = fromStreams(streams);
    const aborts = countCalls(back, "abort");
    const proxying = proxy(front, back);
    proxying.catch(() => {});
    await server.readable.cancel(new Error("takes no more"));
    await new Promise((resolve) => setTimeout(resolve));
    await client.write(bytes(10));
    await client.closeWrite();
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(aborts(), 0);
    await server.writable.close();
    assert.equal(await client.read(), Eof);
    await assert.rejects(proxying, FlowClosedError);
    assert.equal(aborts(), 1);
  });

  it("ends with a signal, and aborts both flows", async () => {
    const { client, front, back, server } = join();
    const controller = new AbortController();
    const proxying = proxy(front, back, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(proxying, reason);
    await assert.rejects(client.read(), FlowClosedError);
    await assert.rejects(server.read(), FlowClosedError);
  });

  it("loses nothing through many of them", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 0, max: 5 }), async (lengths, hops) => {
        const [client, first] = flowPair({ capacity: 100 });
        let last = first;
        for (let i = 0; i < hops; i++) {
          const [back, next] = flowPair({ capacity: i });
          proxy(last, back);
          last = next;
        }
        const sending = (async () => {
          for (const [i, length] of lengths.entries()) {
            await client.write(new Uint8Array(length).fill(i));
          }
          await client.close();
        })();
        const expected = lengths.flatMap((length, i) => Array<number>(length).fill(i));
        assert.deepEqual(await readAll(last), new Uint8Array(expected));
        await last.close();
        await sending;
      }),
      { numRuns: 30 },
    );
  });
});
