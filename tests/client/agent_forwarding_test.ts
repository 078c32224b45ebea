import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type AgentSource, connect } from "../../client/mod.ts";
import type { Channel, Connection } from "../../connection/mod.ts";
import { Eof, type Flow, flowPair, fromStreams } from "../../flow/mod.ts";
import {
  AgentBindings,
  AgentMessageReader,
  decodeAgentRequest,
  decodeSessionBinding,
  encodeAgentResponse,
  frameAgentMessage,
  type SessionBinding,
} from "../../keys/mod.ts";
import { deferred } from "../../wire/deferred.ts";
import { ChannelOpenError, ChannelOpenReason, RequestError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { ada, adaTrusting, cat, connected, type ConnectedPair, testServer } from "./_server.ts";

const AGENT = "auth-agent@openssh.com";

/** A source of agents, and the agents' ends of what it has given. */
function agents(): { source: AgentSource; connected: Flow[] } {
  const connected: Flow[] = [];
  return {
    connected,
    source() {
      const [near, far] = flowPair();
      connected.push(far);
      answerBinding(far).catch(() => {});
      return near;
    },
  };
}

/** Takes the first request, which tells an agent to whom it is lent, and knows nothing of it. */
async function answerBinding(agent: Flow): Promise<SessionBinding> {
  const messages = new AgentMessageReader();
  let message: Uint8Array | null = null;
  while ((message = messages.next()) === null) {
    const chunk = await agent.read();
    if (chunk === Eof) throw new Error("The client has left");
    messages.push(chunk);
  }
  const request = decodeAgentRequest(message);
  assert.ok(request.type === "extension" && request.name === "session-bind@openssh.com");
  await agent.write(frameAgentMessage(encodeAgentResponse({ type: "failure" })));
  return decodeSessionBinding(request.payload);
}

function last(agents: { connected: Flow[] }): Flow {
  const flow = agents.connected.at(-1);
  assert.ok(flow);
  return flow;
}

/** The reason for which the client refuses a channel to its agent. */
async function refusal(connection: Connection): Promise<number> {
  const error = await connection.openChannel(AGENT).then(() => null, (error) => error);
  assert.ok(error instanceof ChannelOpenError, "the channel was opened");
  return error.reason;
}

/** A session with an agent, at the client's end. */
async function lending(pair: ConnectedPair, source: AgentSource) {
  const session = await pair.ssh.openSession();
  await session.forwardAgent(source);
  return session;
}

/** Grants all requests, until the session is closed. */
async function grantAll(channel: Channel): Promise<void> {
  for await (const request of channel.requests) request.reply(true);
}

describe("forwarding of the agent", () => {
  it("joins each channel that the server opens with a connection of its own", async () => {
    const user = agents();
    await using pair = await connected(grantAll);
    await lending(pair, user.source);
    const channels = [
      fromStreams(await pair.server.connection.openChannel(AGENT)),
      fromStreams(await pair.server.connection.openChannel(AGENT)),
    ];
    assert.equal(user.connected.length, 2);
    for (const [index, channel] of channels.entries()) {
      const agent = user.connected[index];
      assert.ok(agent);
      await channel.write(Uint8Array.of(1, index));
      assert.deepEqual(await agent.read(), Uint8Array.of(1, index));
      await agent.write(Uint8Array.of(2, index));
      assert.deepEqual(await channel.read(), Uint8Array.of(2, index));
      await channel.closeWrite();
      assert.equal(await agent.read(), Eof);
      await agent.close();
      assert.equal(await channel.read(), Eof);
      await channel.close();
    }
  });

  it("says so to the server before the command, and is off unless it is wanted", async () => {
    for (const wanted of [true, false]) {
      const names: string[] = [];
      const user = agents();
      await using pair = await connected(async (channel) => {
        for await (const request of channel.requests) {
          names.push(request.name);
          request.reply(true);
          if (request.type !== "exec") continue;
          channel.exitStatus(0);
          channel.close();
        }
      });
      const options = wanted ? { forwardAgent: user.source } : {};
      await pair.ssh.command("x", options).output();
      assert.deepEqual(names, wanted ? ["auth-agent-req@openssh.com", "exec"] : ["exec"]);
    }
  });

  it("fails where the server refuses it, and nothing is lent then", async () => {
    const user = agents();
    await using pair = await connected(async (channel) => {
      for await (const request of channel.requests) request.reply(request.type === "exec");
    });
    const session = await pair.ssh.openSession();
    await assert.rejects(session.forwardAgent(user.source), {
      name: "RequestError",
      message: /^Cannot do auth-agent-req@openssh\.com/,
    });
    await refusal(pair.server.connection);
    const process = pair.ssh.command("x", { forwardAgent: user.source }).spawn();
    await assert.rejects(process.started, RequestError);
    assert.deepEqual(user.connected, []);
  });

  it("is for the second session too, where the server grants it once for all", async () => {
    const user = agents();
    let asked = 0;
    await using pair = await connected(async (channel) => {
      for await (const request of channel.requests) request.reply(asked++ === 0);
    });
    const first = await lending(pair, user.source);
    await first.close();
    await refusal(pair.server.connection);
    await lending(pair, user.source);
    await pair.server.connection.openChannel(AGENT);
    assert.equal(asked, 2);
    assert.equal(user.connected.length, 1);
  });

  it("ends with the sessions that have asked for it", async () => {
    const [one, other] = [agents(), agents()];
    await using pair = await connected(grantAll);
    const first = await lending(pair, one.source);
    const second = await lending(pair, other.source);
    await pair.server.connection.openChannel(AGENT);
    assert.deepEqual([one.connected.length, other.connected.length], [0, 1], "the last one counts");
    await second.close();
    await pair.server.connection.openChannel(AGENT);
    assert.deepEqual([one.connected.length, other.connected.length], [1, 1]);
    await first.close();
    await refusal(pair.server.connection);
    assert.deepEqual([one.connected.length, other.connected.length], [1, 1]);
    await lending(pair, one.source);
    await pair.server.connection.openChannel(AGENT);
  });

  it("refuses a channel where the agent cannot be reached, and the connection lives", async () => {
    const sources: AgentSource[] = [
      () => {
        throw new Error("a secret path");
      },
      () => Promise.reject(new Error("a secret path")),
    ];
    for (const source of sources) {
      await using pair = await connected(grantAll);
      await lending(pair, source);
      await assert.rejects(pair.server.connection.openChannel(AGENT), {
        name: "ChannelOpenError",
        reason: ChannelOpenReason.CONNECT_FAILED,
        message: /the agent cannot be reached/,
      });
      await pair.ssh.ping();
    }
  });

  it("lets the agent go when the session ends, or the connection, while it is being reached", async () => {
    for (const end of ["session", "connection"] as const) {
      const reached = deferred<Flow>();
      const asked = deferred<void>();
      const [near, far] = flowPair();
      await using pair = await connected(grantAll);
      const session = await lending(pair, () => {
        asked.resolve();
        return reached.promise;
      });
      const opening = pair.server.connection.openChannel(AGENT);
      opening.catch(() => {});
      await asked.promise;
      if (end === "session") await session.close();
      else await pair.ssh.close();
      reached.resolve(near);
      await assert.rejects(opening);
      await assert.rejects(far.read(), "it is aborted");
    }
  });

  it("tells the agent first to which server it is lent, with the server's own proof", async () => {
    const [near, far] = flowPair();
    await using pair = await connected(grantAll);
    await lending(pair, () => near);
    const opening = pair.server.connection.openChannel(AGENT);
    const binding = await answerBinding(far);
    const { hostKey, sessionId, hostKeySignature } = pair.ssh.info;
    assert.deepEqual(new Uint8Array(binding.hostKey), hostKey.blob);
    assert.deepEqual(new Uint8Array(binding.sessionId), sessionId);
    assert.deepEqual(new Uint8Array(binding.signature), hostKeySignature);
    assert.equal(binding.forwarding, true);
    assert.deepEqual(pair.server.connection.info?.hostKeySignature, hostKeySignature);
    assert.equal(await new AgentBindings().bind(binding), true);
    // What was answered is for us, and not for whoever is at the server.
    const channel = fromStreams(await opening);
    await far.write(Uint8Array.of(7));
    assert.deepEqual(await channel.read(), Uint8Array.of(7));
  });

  it("refuses a channel where the agent does not answer as agents do, and lets it go", async () => {
    const answers = {
      "with nothing": null,
      "with too much": new Writer().string(Uint8Array.of(5)).string(Uint8Array.of(5)).finish(),
      "with a length that none has": new Writer().uint32(0).finish(),
    };
    for (const [name, bytes] of Object.entries(answers)) {
      const [near, far] = flowPair();
      await using pair = await connected(grantAll);
      await lending(pair, () => near);
      const opening = pair.server.connection.openChannel(AGENT);
      opening.catch(() => {});
      await far.read();
      if (bytes === null) await far.closeWrite();
      else await far.write(bytes);
      await assert.rejects(opening, { reason: ChannelOpenReason.CONNECT_FAILED }, name);
      await assert.rejects(far.read(), name);
      await pair.ssh.ping();
    }
  });

  it("lets an agent go that never answers, when the session ends, or the connection", async () => {
    for (const end of ["session", "connection"] as const) {
      const [near, far] = flowPair();
      await using pair = await connected(grantAll);
      const session = await lending(pair, () => near);
      const opening = pair.server.connection.openChannel(AGENT);
      opening.catch(() => {});
      await far.read();
      if (end === "session") await session.close();
      else await pair.ssh.close();
      await assert.rejects(opening);
      await assert.rejects(far.read(), "it is aborted");
    }
  });

  it("lets the agent go when the connection ends", async () => {
    const user = agents();
    const pair = await connected(grantAll);
    await lending(pair, user.source);
    await pair.server.connection.openChannel(AGENT);
    await pair[Symbol.asyncDispose]();
    await assert.rejects(last(user).read());
  });
});

describe("a server that opens channels to an agent that nobody lends it", () => {
  it("is refused, before sessions and with sessions, and the connection lives", async () => {
    await using pair = await connected(cat);
    assert.equal(
      await refusal(pair.server.connection),
      ChannelOpenReason.UNKNOWN_CHANNEL_TYPE,
    );
    const process = pair.ssh.command("cat").spawn();
    await process.started;
    await refusal(pair.server.connection);
    await process.stdin.close();
    assert.equal((await process.status).code, 0);
  });

  it("is refused also where other channels are taken by the application", async () => {
    const seen: string[] = [];
    await using server = await testServer({ session: grantAll });
    const user = agents();
    await using ssh = await connect(server.flow, {
      ...ada,
      ...adaTrusting,
      onChannelOpen: (open) => {
        seen.push(open.type);
        open.reject(ChannelOpenReason.ADMINISTRATIVELY_PROHIBITED);
      },
    });
    await refusal(server.connection);
    const session = await ssh.openSession();
    await session.forwardAgent(user.source);
    await server.connection.openChannel(AGENT);
    assert.deepEqual(seen, [AGENT], "what is lent is no longer the application's");
    assert.equal(user.connected.length, 1);
  });
});
