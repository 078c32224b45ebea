import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Engine } from "../../protocol/engine.ts";
import { assertOver } from "../helpers/assert_over.ts";
import { ApplicationSink, RecordingChannelSink } from "../helpers/application_sink.ts";
import { clientOptions, serverOptions } from "../helpers/engine_pair.ts";
import { quickAlgorithms } from "../helpers/quick_kex.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const LIMITS = { windowBytes: 1000, maxPacketBytes: 1000 };

/** One end: what it is, what it was told, and how many bytes it has been given. */
interface End {
  readonly engine: Engine;
  readonly sink: ApplicationSink;
  readonly channels: RecordingChannelSink[];
  received: number;
}

interface Conversation {
  readonly client: End;
  readonly server: End;
}

/** Cuts the connection when an end has been given so many bytes. */
interface Cut {
  readonly end: "client" | "server";
  readonly bytes: number;
}

/** A login, channels of all kinds, requests, new keys: up to the end, or to where it is cut. */
async function converse(cut: Cut | null): Promise<Conversation> {
  const [clientSink, serverSink] = [new ApplicationSink(), new ApplicationSink()];
  const client: End = {
    engine: new Engine(clientOptions(clientSink, {
      client: { algorithms: quickAlgorithms, random: seededRandom(1) },
    })),
    sink: clientSink,
    channels: [],
    received: 0,
  };
  const server: End = {
    engine: new Engine(
      await serverOptions(serverSink, {
        server: { algorithms: quickAlgorithms, random: seededRandom(2) },
      }),
    ),
    sink: serverSink,
    channels: [],
    received: 0,
  };
  const ends = { client, server };
  await passAll(ends, cut);
  for (const act of [talkAtClient, talkAtServer, rekey, finish]) {
    if (client.engine.closed !== null || server.engine.closed !== null) break;
    act(ends);
    await passAll(ends, cut);
  }
  return ends;
}

/** Channels that will be accepted, refused, and left; requests, with replies and without. */
function talkAtClient({ client }: Conversation): void {
  for (const type of ["accepted", "refused", "undecided"]) {
    const sink = new RecordingChannelSink();
    client.channels.push(sink);
    const channel = client.engine.openChannel(type, new Uint8Array(0), LIMITS, sink);
    sink.onOpen = () => {
      sink.calls.push("open");
      channel.sendRequest("x", new Uint8Array(0), () => {});
      channel.sendData(new Uint8Array(10));
    };
  }
  client.engine.sendGlobalRequest("answered", new Uint8Array(0), () => {});
  client.engine.sendGlobalRequest("left", new Uint8Array(0), () => {});
  client.engine.ping(new Uint8Array(4), () => {});
}

function talkAtServer({ server }: Conversation): void {
  const sink = new RecordingChannelSink();
  server.channels.push(sink);
  const channel = server.sink.opens[0]?.accept(sink, LIMITS);
  channel?.sendData(new Uint8Array(10), 1);
  server.sink.opens[1]?.reject(1, "no");
  server.sink.globalRequests[0]?.succeed();
}

function rekey({ client, server }: Conversation): void {
  client.engine.rekey();
  client.engine.sendGlobalRequest("held", new Uint8Array(0), () => {});
  server.engine.rekey();
}

function finish({ client }: Conversation): void {
  client.engine.disconnect();
}

async function passAll(ends: Conversation, cut: Cut | null): Promise<void> {
  const { client, server } = ends;
  while (true) {
    const moved = pass(ends, "client", cut) || pass(ends, "server", cut);
    if (moved) continue;
    const parked = [client.engine.parked, server.engine.parked].filter((step) => step !== null);
    if (parked.length === 0) return;
    await Promise.race(parked);
  }
}

/** Passes on what is under way to an end. */
function pass(ends: Conversation, to: "client" | "server", cut: Cut | null): boolean {
  const from = to === "client" ? ends.server : ends.client;
  const end = ends[to];
  const chunks = from.engine.takeOutput();
  for (const chunk of chunks) {
    const left = cut?.end === to ? cut.bytes - end.received : Infinity;
    end.received += Math.min(left, chunk.length);
    end.engine.receive(chunk.slice(0, Math.min(left, chunk.length)));
    if (left <= chunk.length) {
      for (const { engine } of [ends.client, ends.server]) engine.receiveEof();
      return false;
    }
  }
  return chunks.length > 0;
}

describe("two engines, whose connection is cut", () => {
  for (const end of ["client", "server"] as const) {
    it(`after any byte on its way to the ${end}: both end, and tell everybody once`, async () => {
      const whole = await converse(null);
      const total = whole[end].received;
      assert.ok(whole.client.channels.length === 3 && whole.server.channels.length === 1);
      assert.ok(total > 1000 && total < 4000, `${total}`);
      let callsBefore = 0;
      for (let bytes = 1; bytes < total; bytes++) {
        const ends = await converse({ end, bytes });
        for (const other of [ends.client, ends.server]) assertOver(other, `after ${bytes} bytes`);
        const { calls } = ends[end].sink;
        assert.ok(calls.length >= callsBefore, "what came before the cut is heard of");
        callsBefore = calls.length;
      }
    });
  }

  it("while nobody decides: nothing that is decided later has an effect", async () => {
    let decide = (_: boolean): void => {};
    const decision = new Promise<boolean>((resolve) => decide = resolve);
    const sinks = [new ApplicationSink(), new ApplicationSink()] as const;
    const client = new Engine(clientOptions(sinks[0], { client: { algorithms: quickAlgorithms } }));
    const server = new Engine(
      await serverOptions(sinks[1], {
        server: { algorithms: quickAlgorithms },
        serverAuth: { authenticate: () => decision },
      }),
    );
    const ends: Conversation = {
      client: { engine: client, sink: sinks[0], channels: [], received: 0 },
      server: { engine: server, sink: sinks[1], channels: [], received: 0 },
    };
    const passing = passAll(ends, null);
    while (client.outputBytes > 0 || client.parked !== null || server.info === null) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.notEqual(server.parked, null);
    server.receiveEof();
    client.receiveEof();
    decide(true);
    await passing;
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.deepEqual(sinks[1].calls, []);
    assert.equal(server.user, null);
    for (const end of [ends.client, ends.server]) assertOver(end, "afterwards");
  });
});
