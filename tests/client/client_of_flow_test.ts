import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { agentClient, clientOfFlow, type CommandFlow, type FlowRequest } from "../../client/mod.ts";
import type { Channel, ChannelOptions, ChannelRequest } from "../../connection/mod.ts";
import { Eof, type Flow, flowPair, fromStreams } from "../../flow/mod.ts";
import { AgentStore } from "../../keys/mod.ts";
import { serveAgent } from "../../server/mod.ts";
import { deferred } from "../../wire/deferred.ts";
import {
  ChannelOpenError,
  DisconnectError,
  HostKeyError,
  RequestError,
} from "../../wire/errors.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { passingFlow } from "../helpers/passing_flow.ts";
import { describeConformance, readAll } from "../flow/conformance.ts";
import {
  ada,
  adaTrusting,
  cat,
  decode,
  encode,
  type TestServer,
  testServer,
  untilRun,
} from "./_server.ts";

const request: FlowRequest = { type: "exec", command: "x" };

/** A flow to what the server runs. */
async function start(
  session: (channel: Channel) => unknown,
  wanted: FlowRequest = request,
  channel: ChannelOptions = {},
): Promise<{ flow: CommandFlow; server: TestServer }> {
  const server = await testServer({ session, channel });
  const flow = await clientOfFlow(server.flow, { ...adaTrusting, request: wanted });
  return { flow, server };
}

async function assertReleased(server: TestServer): Promise<void> {
  await assert.rejects(server.flow.write(encode("x")));
  await assert.rejects(server.flow.read().then((chunk) => assert.notEqual(chunk, Eof)));
}

describeConformance("clientOfFlow", {
  async connect() {
    const opened = deferred<Flow>();
    const { flow, server } = await start(
      async (channel) => {
        await untilRun(channel);
        const inner = fromStreams(channel);
        // A channel that is closed has ended, for its peer: only a connection can break.
        opened.resolve(passingFlow(inner, {
          async close(options) {
            try {
              await inner.close(options);
            } catch (error) {
              server.connection.abort(error);
              throw error;
            }
          },
          abort(reason) {
            server.connection.abort(reason);
            inner.abort(reason);
          },
        }));
      },
      request,
      { afterEof: "close" },
    );
    return [flow, await opened.promise];
  },
  halfClose: true,
  tellsAbort: true,
  runs: 10,
});

describe("clientOfFlow", () => {
  it("lends an agent to what runs, if it is told to", async () => {
    const names: string[] = [];
    await using server = await testServer({
      async session(channel) {
        for await (const request of channel.requests) {
          names.push(request.name);
          request.reply(true);
        }
      },
    });
    const store = new AgentStore();
    store.add(await testHostKey());
    const forwardAgent = () => {
      const [near, far] = flowPair();
      serveAgent(far, store).catch(() => {});
      return near;
    };
    const flow = await clientOfFlow(server.flow, { ...adaTrusting, request, forwardAgent });
    assert.deepEqual(names, ["auth-agent-req@openssh.com", "exec"]);
    const agent = agentClient(await server.connection.openChannel("auth-agent@openssh.com"));
    assert.equal((await agent.keys()).length, 1);
    await agent.close();
    flow.abort();
  });

  it("makes one request, and is a flow to what it runs", async () => {
    const requests: ChannelRequest[] = [];
    const { flow, server } = await start(async (channel) => {
      requests.push(...await untilRun(channel));
      await channel.readable.pipeTo(channel.writable);
      channel.exitStatus(5);
      await channel.close();
    }, { type: "exec", command: "git-upload-pack 'r.git'" });
    await flow.write(encode("hello"));
    assert.deepEqual(await flow.read(), encode("hello"));
    await flow.closeWrite();
    assert.equal(await flow.read(), Eof);
    assert.equal((await flow.exitStatus).code, 5);
    await flow.close();
    assert.deepEqual(
      requests.map((one) => one.type === "exec" && one.command),
      ["git-upload-pack 'r.git'"],
    );
    await server.connection.closed;
    await assertReleased(server);
  });

  it("runs a shell, with a terminal if it is to have one, or a subsystem", async () => {
    const wanted: readonly [FlowRequest, readonly string[]][] = [
      [{ type: "shell" }, ["shell"]],
      [{ type: "shell", pty: { term: "xterm" } }, ["pty xterm", "shell"]],
      [{ type: "exec", command: "vi", pty: true }, ["pty vt100", "exec"]],
      [{ type: "subsystem", name: "sftp" }, ["subsystem sftp"]],
    ];
    for (const [one, expected] of wanted) {
      const seen: string[] = [];
      const { flow } = await start(async (channel) => {
        for (const made of await untilRun(channel)) {
          if (made.type === "pty") seen.push(`pty ${made.pty.term}`);
          else if (made.type === "subsystem") seen.push(`subsystem ${made.subsystem}`);
          else seen.push(made.type);
        }
        await channel.close();
      }, one);
      await flow.close();
      assert.deepEqual(seen, expected);
    }
  });

  it("has a standard error apart, which does not hold up the close", async () => {
    const { flow } = await start(async (channel) => {
      await untilRun(channel);
      await channel.send(encode("oh no"), { stderr: true });
      await channel.send(encode("fine"));
      await channel.sendEof();
      channel.exitStatus(1);
      await channel.close();
    });
    assert.equal(decode(await readAll(flow)), "fine");
    assert.equal(await new Response(flow.stderr).text(), "oh no");
    await flow.close();

    const { flow: chatty } = await start(async (channel) => {
      await untilRun(channel);
      await channel.send(new Uint8Array(5 << 20), { stderr: true });
      channel.exitStatus(1);
      await channel.close();
    });
    await chatty.close();
    assert.equal((await chatty.exitStatus).code, 1);
  });

  it("knows the status by the time it is closed, though that comes after the end", async () => {
    const { flow } = await start(async (channel) => {
      await untilRun(channel);
      await channel.sendEof();
      await new Promise((resolve) => setTimeout(resolve, 30));
      channel.exitStatus(6);
      await channel.close();
    });
    await flow.close();
    assert.equal((await flow.exitStatus).code, 6);
  });

  it("tells of the connection", async () => {
    const { flow } = await start(cat);
    assert.equal(flow.connection.info?.algorithms.kex.name, "curve25519-sha256");
    await flow.close();
  });

  it("breaks with the connection", async () => {
    const { flow, server } = await start(async (channel) => {
      await untilRun(channel);
    });
    server.connection.abort();
    await assert.rejects(flow.read(), DisconnectError);
    await assert.rejects(flow.exitStatus, DisconnectError);
    await flow.close();
  });

  it("leaves nothing open when the request is refused", async () => {
    const server = await testServer();
    await assert.rejects(
      clientOfFlow(server.flow, { ...adaTrusting, request }),
      RequestError,
    );
    await server.connection.closed;
    await assertReleased(server);

    const closed = await testServer({ refuse: { reason: 1, description: "no" } });
    await assert.rejects(
      clientOfFlow(closed.flow, { ...adaTrusting, request }),
      ChannelOpenError,
    );
    await assertReleased(closed);
  });

  it("leaves nothing open when the server is not the right one", async () => {
    const server = await testServer();
    await assert.rejects(
      clientOfFlow(server.flow, { ...ada, authenticator: () => false, request }),
      HostKeyError,
    );
    assert.deepEqual(server.attempts, []);
    await assertReleased(server);
  });

  it("can be given up at any time until the request is confirmed", async () => {
    const controller = new AbortController();
    const reason = new Error("too slow");
    const server = await testServer({ session: () => controller.abort(reason) });
    await assert.rejects(
      clientOfFlow(server.flow, { ...adaTrusting, request, signal: controller.signal }),
      reason,
    );
    await assertReleased(server);
  });
});
