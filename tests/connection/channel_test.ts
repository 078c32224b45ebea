import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { toBytes } from "@std/streams/to-bytes";
import { ChannelClosedError, ChannelOpenError, RequestError } from "../../wire/mod.ts";
import type { ChannelEvent, ChannelOptions } from "../../connection/mod.ts";
import { channelPair, connectionPair } from "../helpers/connection_pair.ts";

const text = new TextEncoder();

function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >>> 8)) & 0xff);
}

/** Lets everything happen that can without anybody doing anything more. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

describe("channel", () => {
  it("carries bytes both ways as streams, many windows of them", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, {
      client: { windowBytes: 5000, maxPacketBytes: 700 },
      server: { windowBytes: 3000, maxPacketBytes: 999 },
    });
    const data = pattern(100_000);
    const echoed = far.readable.pipeTo(far.writable);
    const writer = near.writable.getWriter();
    const written = writer.write(data).then(() => writer.close());
    assert.deepEqual(await toBytes(near.readable), data);
    await Promise.all([echoed, written]);
  });

  it("keeps normal data and standard error apart", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    await far.send(text.encode("out"));
    await far.send(text.encode("err"), { stderr: true });
    await far.sendEof();
    const [out, err] = await Promise.all([toBytes(near.readable), toBytes(near.stderr)]);
    assert.deepEqual(out, text.encode("out"));
    assert.deepEqual(err, text.encode("err"));
  });

  it("gives all that arrives in one piece, many windows of it, what waited included", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, {
      client: { windowBytes: 5000, maxPacketBytes: 700 },
    });
    const data = pattern(100_000);
    await far.send(data.subarray(0, 2000));
    await far.send(text.encode("early"), { stderr: true });
    const all = Promise.all([near.collect("data"), near.collect("stderr")]);
    await far.send(data.subarray(2000));
    await far.send(text.encode(" and late"), { stderr: true });
    await far.sendEof();
    assert.deepEqual(await all, [data, text.encode("early and late")]);
    assert.equal((await toBytes(near.readable)).length, 0);
  });

  it("gives in one piece what a stream has left, and to nobody but one", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    await far.send(text.encode("first"));
    const reader = near.readable.getReader();
    assert.deepEqual((await reader.read()).value, text.encode("first"));
    await assert.rejects(near.collect("data"), TypeError);
    reader.releaseLock();
    const rest = near.collect("data");
    await assert.rejects(near.collect("data"), TypeError);
    await far.send(text.encode("second"));
    await far.sendEof();
    assert.deepEqual(await rest, text.encode("second"));
    assert.throws(() => near.events, TypeError);
  });

  it("ends the streams of what is dropped, or given in one piece when all of it is there", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    const [data, stderr] = [near.readable, near.stderr];
    const read = stderr.getReader().read();
    await far.send(text.encode("all of it"));
    await far.sendEof();
    await settle();
    near.drop("stderr");
    assert.equal((await read).done, true);
    assert.deepEqual(await near.collect("data"), text.encode("all of it"));
    assert.equal((await toBytes(data)).length, 0);
  });

  it("ends a stream at once whose data is dropped while more could come", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, { client: { windowBytes: 5000 } });
    const reader = near.readable.getReader();
    await far.send(text.encode("first"));
    assert.deepEqual((await reader.read()).value, text.encode("first"));
    const next = reader.read();
    near.drop("data");
    assert.equal((await next).done, true);
    await far.send(pattern(50_000));
    await reader.cancel();
  });

  it("tells whoever wants all in one piece what has ended the connection", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    await far.send(text.encode("not all of it"));
    const all = near.collect("data");
    pair.client.abort(new Error("enough"));
    await assert.rejects(all, { name: "DisconnectError" });
  });

  it("drops what nobody wants, so that it holds up nothing else", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, { client: { windowBytes: 5000 } });
    await far.send(text.encode("waits"), { stderr: true });
    near.drop("stderr");
    await far.send(pattern(50_000), { stderr: true });
    await far.send(text.encode("wanted"));
    await far.sendEof();
    assert.deepEqual(await near.collect("data"), text.encode("wanted"));
    assert.equal((await near.collect("stderr")).length, 0);
    assert.equal((await toBytes(near.stderr)).length, 0);
  });

  for (
    const [who, identification, most] of [
      ["ends of this library", undefined, 128 * 1024],
      ["an end of another", "SSH-2.0-Other_1", 32 * 1024],
    ] as const
  ) {
    it(`allows packets of ${most} bytes between ${who}, unless told otherwise`, async () => {
      await using pair = await connectionPair({
        client: identification === undefined ? {} : { identification },
      });
      const lengthOf = async (options: { client?: ChannelOptions }): Promise<number> => {
        const { near, far } = await channelPair(pair, options);
        await far.send(pattern(200_000));
        const { value } = await near.readable.getReader().read();
        return value?.length ?? 0;
      };
      assert.equal(await lengthOf({}), most);
      assert.equal(await lengthOf({ client: { maxPacketBytes: 1000 } }), 1000);
    });
  }

  it("a write waits for the peer's window, and goes on when the reader takes", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, { server: { windowBytes: 1000 } });
    let written = false;
    const write = near.send(pattern(1500)).then(() => written = true);
    await settle();
    assert.equal(written, false);
    const reader = far.readable.getReader();
    let received = 0;
    while (received < 1500) received += (await reader.read()).value?.length ?? 0;
    await write;
    assert.equal(received, 1500);
  });

  it("a window of zero lets nothing through until it is adjusted by hand", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, { server: { windowBytes: 0 } });
    let written = false;
    const write = near.send(pattern(10)).then(() => written = true);
    await settle();
    assert.equal(written, false);
    far.adjustWindow(10);
    await write;
    assert.deepEqual((await far.readable.getReader().read()).value, pattern(10));
  });

  it("a reader that does not read stops its own channel only", async () => {
    await using pair = await connectionPair();
    const stuck = await channelPair(pair, { server: { windowBytes: 10_000 } });
    const busy = await channelPair(pair);
    stuck.near.send(pattern(1_000_000)).catch(() => {});
    const data = pattern(300_000);
    const write = busy.near.send(data).then(() => busy.near.sendEof());
    assert.deepEqual(await toBytes(busy.far.readable), data);
    await write;
    await stuck.near.close();
  });

  it("shows backpressure to writers", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, { server: { windowBytes: 1000 } });
    const writer = near.writable.getWriter();
    for (let i = 0; i < 80; i++) writer.write(pattern(1024)).catch(() => {});
    await settle();
    assert.ok((writer.desiredSize ?? 0) <= 0);
    const reading = far.readable.pipeTo(new WritableStream());
    await writer.ready;
    await writer.close();
    await reading;
  });

  it("tells a one-time execution in order: data, eof, exit status, closed", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    const seen: string[] = [];
    const events = (async () => {
      for await (const event of near.events) {
        seen.push(event.type === "data" ? `data ${event.stderr} ${event.data.length}` : event.type);
      }
    })();
    await far.send(pattern(5));
    await far.send(pattern(6), { stderr: true });
    await far.sendEof();
    far.exitSignal({ name: "TERM" });
    far.exitStatus(3);
    await far.close();
    await events;
    assert.deepEqual(seen, [
      "data false 5",
      "data true 6",
      "eof",
      "exit-signal",
      "exit-status",
      "closed",
    ]);
  });

  it("tells it in order, too, if nobody asked before it was over", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    await far.send(pattern(5));
    far.exitSignal({ name: "TERM" });
    await far.sendEof();
    far.exitStatus(3);
    await far.close();
    await near.closed;
    const seen: string[] = [];
    for await (const event of near.events) seen.push(event.type);
    assert.deepEqual(seen, ["data", "exit-signal", "eof", "exit-status", "closed"]);
  });

  it("decodes every request of a session", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    const got: ChannelEvent[] = [];
    const { encodePtyRequest, encodeEnv, encodeText, encodeUint32, encodeWindowChange } =
      await import("../../wire/channel_requests.ts");
    const size = { columns: 80, rows: 24, width: 640, height: 480 };
    const sending = (async () => {
      await near.request(
        "pty-req",
        encodePtyRequest({ term: "xterm", ...size, modes: { ECHO: 0, "159": 7 } }),
      );
      near.notify("env", encodeEnv("LANG", "C"));
      near.notify("window-change", encodeWindowChange({ ...size, columns: 100 }));
      near.notify("signal", encodeText("INT"));
      near.notify("break", encodeUint32(500));
      near.notify("xon-xoff", Uint8Array.of(1));
      near.notify("unheard-of@example.com", Uint8Array.of(1, 2));
      await near.request("exec", encodeText("true"));
    })();
    for await (const request of far.requests) {
      got.push(request);
      request.reply(true);
      if (request.type === "exec") break;
    }
    await sending;
    assert.deepEqual(
      got.map((event) => event.type),
      ["pty", "env", "window-change", "signal", "break", "xon-xoff", "other", "exec"],
    );
    const [pty] = got;
    assert.ok(pty?.type === "pty");
    assert.deepEqual(pty.pty, { term: "xterm", ...size, modes: { ECHO: 0, "159": 7 } });
  });

  it("keeps no more than a thousand requests for whoever takes them", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    for (let i = 0; i < 1500; i++) near.notify("ring", Uint8Array.of(i >> 8, i));
    await near.close();
    await far.closed;
    const taken: number[] = [];
    for await (const { payload } of far.requests) taken.push(payload[0]! << 8 | payload[1]!);
    assert.deepEqual(taken, Array.from({ length: 1000 }, (_, i) => i));
  });

  it("answers requests in their order, whatever the order of the answers", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    const first = near.request("one@example.com");
    const second = near.request("two@example.com");
    const requests = far.requests;
    const one = (await requests.next()).value;
    const two = (await requests.next()).value;
    two?.reply(true);
    one?.reply(false);
    await assert.rejects(first, RequestError);
    await second;
  });

  it("a refused channel says why", async () => {
    await using pair = await connectionPair();
    const opens = pair.server.channels;
    const opening = pair.client.openChannel("session");
    const rejected = assert.rejects(opening, (error: unknown) => {
      assert.ok(error instanceof ChannelOpenError);
      assert.equal(error.reason, 4);
      assert.match(error.message, /no room/);
      return true;
    });
    (await opens.next()).value?.reject(4, "no room");
    await rejected;
  });

  it("channels that nobody takes are refused, and requests denied", async () => {
    await using pair = await connectionPair();
    await assert.rejects(pair.client.openChannel("session"), ChannelOpenError);
    await assert.rejects(pair.client.request("tcpip-forward"), RequestError);
  });

  it("an opening can be given up; a late confirmation closes the channel", async () => {
    await using pair = await connectionPair();
    const opens = pair.server.channels;
    const controller = new AbortController();
    const opening = pair.client.openChannel("session", { signal: controller.signal });
    const open = (await opens.next()).value;
    controller.abort(new Error("no longer"));
    await assert.rejects(opening, /no longer/);
    const far = open?.accept();
    await far?.closed;
  });

  it("stays half-open after EOF, and can still be written to", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    await near.sendEof();
    assert.equal((await toBytes(far.readable)).length, 0);
    await far.send(text.encode("still here"));
    await far.sendEof();
    assert.deepEqual(await toBytes(near.readable), text.encode("still here"));
  });

  it("closes by itself after both EOFs where that is asked for", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, { client: { afterEof: "close" } });
    await near.sendEof();
    await far.sendEof();
    await Promise.all([near.closed, far.closed]);
  });

  it("refuses to write after EOF and after close, and rejects what was waiting", async () => {
    await using pair = await connectionPair();
    const { near } = await channelPair(pair, { server: { windowBytes: 10 } });
    const waiting = near.send(pattern(100));
    const rejected = assert.rejects(waiting, ChannelClosedError);
    await near.close();
    await rejected;
    await assert.rejects(near.send(pattern(1)), ChannelClosedError);
    await assert.rejects(near.request("x@example.com"), ChannelClosedError);
  });

  it("gives what was in flight before the end, also to a late reader", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    await far.send(text.encode("last words"));
    await far.close();
    await near.closed;
    assert.deepEqual(await toBytes(near.readable), text.encode("last words"));
  });

  it("keeps small pieces that pile up in few buffers, and whole", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair);
    const data = pattern(20_000);
    for (let i = 0; i < data.length; i++) near.send(data.subarray(i, i + 1)).catch(() => {});
    await near.sendEof();
    await settle();
    let chunks = 0;
    const received: Uint8Array[] = [];
    for await (const chunk of far.readable) {
      chunks++;
      received.push(chunk);
    }
    assert.deepEqual(new Uint8Array(await new Blob(received as BlobPart[]).arrayBuffer()), data);
    assert.ok(chunks < 100, `${chunks} chunks`);
  });

  it("cancelling one stream does not stall the other", async () => {
    await using pair = await connectionPair();
    const { near, far } = await channelPair(pair, { client: { windowBytes: 4000 } });
    await near.stderr.cancel();
    const writing = (async () => {
      for (let i = 0; i < 20; i++) await far.send(pattern(1000), { stderr: true });
      await far.send(text.encode("done"));
      await far.sendEof();
    })();
    assert.deepEqual(await toBytes(near.readable), text.encode("done"));
    await writing;
  });
});
