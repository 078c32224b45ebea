import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import assert from "node:assert/strict";
import { Eof, FlowClosedError, fromWebSocket } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll, staysPending } from "./conformance.ts";
import { FakeWebSocket } from "./fake_web_socket.ts";

function openPair(): [FakeWebSocket, FakeWebSocket] {
  const [one, other] = FakeWebSocket.pair();
  one.open();
  other.open();
  return [one, other];
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describeConformance("fromWebSocket", {
  connect() {
    const [one, other] = openPair();
    return Promise.resolve([fromWebSocket(one), fromWebSocket(other)]);
  },
  halfClose: false,
  backpressure: false,
  tellsAbort: true,
  runs: 20,
});

describe("fromWebSocket", () => {
  it("sends binary frames, and gives those that come", async () => {
    const [one, other] = openPair();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    assert.equal(one.binaryType, "arraybuffer");
    await here.write(bytes(10));
    await there.write(bytes(5));
    assert.deepEqual(await there.read(), bytes(10));
    assert.deepEqual(await here.read(), bytes(5));
    assert.deepEqual(one.sent, [bytes(10)]);
    here.abort();
  });

  it("holds writes back until the socket is open", async () => {
    const [one, other] = FakeWebSocket.pair();
    other.open();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    await here.write(bytes(3));
    const ending = here.closeWrite();
    await turn();
    assert.deepEqual(one.sent, []);
    one.open();
    await ending;
    assert.deepEqual(await readAll(there), bytes(3));
  });

  it("closes a socket that has not opened when it opens", async () => {
    const [one, other] = FakeWebSocket.pair();
    other.open();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    const ending = here.closeWrite();
    await turn();
    assert.equal(one.readyState, 0);
    one.open();
    await ending;
    assert.equal(await there.read(), Eof);
  });

  it("tells a writer that the peer is closing the socket", async () => {
    const [one] = openPair();
    const here = fromWebSocket(one);
    one.readyState = 2;
    await here.write(bytes(1));
    await turn();
    await assert.rejects(here.write(bytes(1)), FlowClosedError);
    here.abort();
  });

  it("skips frames that are empty", async () => {
    const [one, other] = openPair();
    const here = fromWebSocket(one);
    other.send(bytes(0));
    other.send(bytes(2));
    assert.deepEqual(await here.read(), bytes(2));
    here.abort();
  });

  it("makes writers wait while the socket holds more than a mebibyte", async () => {
    const [one, other] = openPair();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    one.stalled = true;
    let accepted = 0;
    const writing = (async () => {
      for (let i = 0; i < 100; i++, accepted++) await here.write(new Uint8Array(65536));
    })();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.ok(accepted >= 16 && accepted < 20, `${accepted} writes were accepted`);
    one.resume();
    const reading = readAll(there);
    await writing;
    await here.closeWrite();
    assert.equal((await reading).length, 100 * 65536);
  });

  it("looks at the socket from time to time, and not all the time", async () => {
    const [one] = openPair();
    const here = fromWebSocket(one);
    using time = new FakeTime();
    one.stalled = true;
    let looks = 0;
    Object.defineProperty(one, "bufferedAmount", { get: () => (looks++, 2 << 20), set() {} });
    await here.write(bytes(1));
    for (let i = 0; i < 10; i++) await time.tickAsync(4);
    assert.ok(looks > 5 && looks < 15, `${looks} looks`);
    one.readyState = 3;
    await time.tickAsync(4);
    assert.equal(await time.nextAsync(), false);
    here.abort();
  });

  it("ends at a close of the peer, after what came before", async () => {
    for (const code of [1000, 1001, 1005]) {
      const [one, other] = openPair();
      const here = fromWebSocket(one);
      other.send(bytes(4));
      other.close(code);
      assert.deepEqual(await readAll(here), bytes(4));
      assert.equal(await here.read(), Eof);
      await assert.rejects(here.write(bytes(1)), FlowClosedError);
      await here.closeWrite();
      await here.close();
    }
  });

  it("breaks at any other close of the peer, and says which", async () => {
    for (const code of [1002, 1006, 1008, 1011, 4000]) {
      const [one, other] = openPair();
      const here = fromWebSocket(one);
      const reading = here.read();
      other.close(code, "the\u001b[31m reason");
      await assert.rejects(reading, (error) => {
        assert.ok(error instanceof FlowClosedError);
        assert.ok(error.message.includes(String(code)));
        assert.ok(error.message.includes("the\ufffd[31m reason"));
        return true;
      });
      await assert.rejects(here.write(bytes(1)), FlowClosedError);
      await here.close();
    }
  });

  it("gives the socket's error as the cause", async () => {
    const [one] = openPair();
    const here = fromWebSocket(one);
    const error = new Error("reset");
    one.dispatchEvent(new ErrorEvent("error", { error }));
    one.end({ code: 1006, reason: "" });
    await assert.rejects(here.read(), (found) => found instanceof Error && found.cause === error);
  });

  it("closes the socket with closeWrite, once all has been sent", async () => {
    const [one, other] = openPair();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    one.stalled = true;
    await here.write(bytes(9));
    const ending = here.closeWrite();
    assert.ok(await staysPending(ending));
    one.resume();
    await ending;
    assert.equal(one.closedWith?.code, 1000);
    assert.deepEqual(await readAll(there), bytes(9));
    assert.equal(await here.read(), Eof);
    await Promise.all([here.close(), there.close()]);
  });

  it("gives what had arrived when it was closed", async () => {
    const [one, other] = openPair();
    const here = fromWebSocket(one);
    other.send(bytes(6));
    await turn();
    await here.closeWrite();
    assert.deepEqual(await readAll(here), bytes(6));
  });

  it("is closed properly where the runtime has no code for it, and only if it closed itself", async () => {
    const [one] = openPair();
    const here = fromWebSocket(one);
    one.close = () => setTimeout(() => one.end({ code: 0, reason: "" }));
    await here.write(bytes(1));
    await here.closeWrite();
    assert.equal(await here.read(), Eof);
    const [other] = openPair();
    const there = fromWebSocket(other);
    other.end({ code: 0, reason: "" });
    await assert.rejects(there.read(), FlowClosedError);
  });

  it("tells with a close that the peer closed before all was sent", async () => {
    const [one, other] = openPair();
    const here = fromWebSocket(one);
    one.stalled = true;
    await here.write(bytes(9));
    await turn();
    other.close(1000);
    await turn();
    await assert.rejects(here.close(), FlowClosedError);
    await here.close();
  });

  it("closes at once when both ends close", async () => {
    const [one, other] = openPair();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    await Promise.all([here.close(), there.close()]);
    assert.equal(one.readyState, 3);
  });

  it("breaks when the peer sends text", async () => {
    const [one, other] = openPair();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    one.deliver("text");
    await assert.rejects(here.read(), /text frame/);
    await assert.rejects(here.write(bytes(1)), /text frame/);
    await assert.rejects(there.read(), FlowClosedError);
  });

  it("breaks when more input waits to be read than is allowed", async () => {
    const [one, other] = openPair();
    const here = fromWebSocket(one, { maxUnreadBytes: 10 });
    const there = fromWebSocket(other);
    one.deliver(bytes(10));
    assert.deepEqual(await here.read(), bytes(10));
    one.deliver(bytes(5));
    one.deliver(bytes(6));
    await assert.rejects(here.read(), /more than 10 bytes/);
    await assert.rejects(here.write(bytes(1)), FlowClosedError);
    await assert.rejects(there.read(), /too much/);
  });

  it("takes views from sockets that give them, and breaks at anything else", async () => {
    const [one] = openPair();
    const here = fromWebSocket(one);
    one.deliver(bytes(10).subarray(2, 5));
    assert.deepEqual(await here.read(), bytes(3, 2));
    one.deliver(new Blob());
    await assert.rejects(here.read(), /another type/);
  });

  it("closes with a code of its own when it is aborted, and the peer finds it broken", async () => {
    const [one, other] = openPair();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    const reason = new Error("enough");
    const reading = here.read();
    here.abort(reason);
    await assert.rejects(reading, reason);
    await assert.rejects(here.write(bytes(1)), reason);
    await assert.rejects(there.read(), /code 4000/);
    assert.equal(one.closedWith?.code, 4000);
  });

  it("rejects what waits with the reason when it is aborted", async () => {
    const [one] = openPair();
    const here = fromWebSocket(one);
    one.stalled = true;
    for (let i = 0; i < 17; i++) await here.write(new Uint8Array(65536));
    const reason = new Error("enough");
    const waiting = here.write(new Uint8Array(100_000));
    assert.ok(await staysPending(waiting));
    const pending = [waiting, here.read(), here.closeWrite(), here.close()];
    here.abort(reason);
    for (const result of await Promise.allSettled(pending)) {
      assert.deepEqual(result, { status: "rejected", reason });
    }
  });

  it("can be aborted before it is open", async () => {
    const [one] = FakeWebSocket.pair();
    const here = fromWebSocket(one);
    await here.write(bytes(1));
    const ending = here.closeWrite();
    here.abort(new Error("enough"));
    await assert.rejects(ending, /enough/);
    await turn();
    assert.equal(one.readyState, 3);
    assert.deepEqual(one.sent, []);
  });

  it("closes a socket that opens although it was aborted before", async () => {
    const [one, other] = FakeWebSocket.pair();
    other.open();
    const [here, there] = [fromWebSocket(one), fromWebSocket(other)];
    const { close } = one;
    one.close = () => {};
    here.abort(new Error("enough"));
    one.close = close;
    one.open();
    await assert.rejects(there.read(), /code 4000/);
  });

  it("breaks when the socket never opens", async () => {
    const [one] = FakeWebSocket.pair();
    const here = fromWebSocket(one);
    await here.write(bytes(1));
    const ending = here.closeWrite();
    one.end({ code: 1006, reason: "" });
    await assert.rejects(ending, FlowClosedError);
    await assert.rejects(here.read(), FlowClosedError);
  });

  it("is broken from the start over a socket that is closed", async () => {
    const [one] = openPair();
    one.end({ code: 1000, reason: "" });
    const here = fromWebSocket(one);
    await assert.rejects(here.read(), FlowClosedError);
    await assert.rejects(here.write(bytes(1)), FlowClosedError);
    await here.close();
  });

  it("drops what still comes after an abort", async () => {
    const [one, other] = openPair();
    const here = fromWebSocket(one);
    one.close = () => {};
    here.abort(new Error("enough"));
    other.send(bytes(3));
    await turn();
    await assert.rejects(here.read(), /enough/);
  });
});
