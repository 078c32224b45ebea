import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { agentAuth, agentClient, connect } from "../../client/mod.ts";
import type { Channel, ChannelOpenRequest } from "../../connection/mod.ts";
import { Eof, type Flow, flowPair, fromStreams } from "../../flow/mod.ts";
import { AgentStore, generateKey, samePublicKey } from "../../keys/mod.ts";
import { serve, serveAgent, type ServeOptions, type ServerSession } from "../../server/mod.ts";
import { encodeText } from "../../wire/channel_requests.ts";
import { ChannelOpenReason, RequestError } from "../../wire/errors.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { host, type Hosting, type HostingOptions } from "./_hosting.ts";

const trusting = { insecureAcceptAnyHostKey: true } as const;
const AGENT_REQUEST = "auth-agent-req@openssh.com";

async function grants(channel: Channel): Promise<boolean> {
  try {
    await channel.request(AGENT_REQUEST);
    return true;
  } catch (error) {
    if (error instanceof RequestError) return false;
    throw error;
  }
}

/** Runs a handler in a session that asks for an agent before, and gives what the client is asked. */
async function lending(
  options: HostingOptions,
  handler: (session: ServerSession) => Promise<void>,
  take: (open: ChannelOpenRequest) => void = (open) => void open.accept(),
): Promise<{ granted: boolean; opened: string[]; hosting: Hosting }> {
  const opened: string[] = [];
  let failure: unknown = null;
  const hosting = await host({
    session: (session) => handler(session).catch((error) => void (failure = error)),
    ...options,
  });
  const taking = (async () => {
    for await (const open of hosting.client.channels) {
      opened.push(open.type);
      take(open);
    }
  })().catch(() => {});
  const channel = await hosting.client.openChannel("session");
  const granted = await grants(channel);
  await channel.request("exec", encodeText("x"));
  await channel.closed;
  await hosting[Symbol.asyncDispose]();
  await taking;
  if (failure !== null) throw failure;
  return { granted, opened, hosting };
}

describe("an agent that the client lends", () => {
  it("is not taken unless the policy says so", async () => {
    const policies: HostingOptions[] = [
      {},
      { allowAgentForwarding: () => false },
      { allowAgentForwarding: () => Promise.resolve(false) },
      {
        allowAgentForwarding: () => {
          throw new Error("no");
        },
      },
    ];
    for (const options of policies) {
      const { granted, opened } = await lending(options, async (session) => {
        assert.equal(session.forwardsAgent, false);
        await assert.rejects(session.openAgent(), {
          name: "TypeError",
          message: "Cannot open the agent: the client lends none, or may not",
        });
      });
      assert.deepEqual({ granted, opened }, { granted: false, opened: [] });
    }
  });

  it("is not taken where the login may not have one, whatever the policy says", async () => {
    let asked = 0;
    const { granted } = await lending({
      authenticate: () => ({ permissions: { agentForwarding: false } }),
      allowAgentForwarding: () => {
        asked++;
        return true;
      },
    }, (session) => {
      assert.equal(session.forwardsAgent, false);
      return Promise.resolve();
    });
    assert.deepEqual({ granted, asked }, { granted: false, asked: 0 });
  });

  it("is a flow to the handler of that session", async () => {
    const users: string[] = [];
    const { granted, opened } = await lending(
      {
        allowAgentForwarding: ({ user }) => {
          users.push(user);
          return true;
        },
      },
      async (session) => {
        assert.equal(session.forwardsAgent, true);
        const agent = await session.openAgent();
        await agent.write(Uint8Array.of(1, 2, 3));
        assert.deepEqual(await agent.read(), Uint8Array.of(1, 2, 3));
        await agent.close();
        assert.equal(await agent.read(), Eof);
      },
      (open) => {
        const echo = fromStreams(open.accept({ afterEof: "close" }));
        (async () => {
          for (let chunk = await echo.read(); chunk !== Eof; chunk = await echo.read()) {
            await echo.write(chunk);
          }
          await echo.close();
        })().catch(() => {});
      },
    );
    assert.deepEqual({ granted, opened, users }, {
      granted: true,
      opened: ["auth-agent@openssh.com"],
      users: ["ada"],
    });
  });

  it("is none to other sessions, nor to one that runs already", async () => {
    const seen: boolean[] = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    await using hosting = await host({
      allowAgentForwarding: () => true,
      session: async (session) => {
        seen.push(session.forwardsAgent);
        await held;
        seen.push(session.forwardsAgent);
      },
    });
    const lender = await hosting.client.openChannel("session");
    assert.equal(await grants(lender), true);
    const other = await hosting.client.openChannel("session");
    await other.request("exec", encodeText("x"));
    assert.equal(await grants(other), false);
    release();
    await other.closed;
    assert.deepEqual(seen, [false, false]);
  });

  it("logs in at the next server, and is lent on to it", async () => {
    const store = new AgentStore();
    const key = await generateKey("ed25519");
    store.add(key, { comment: "of the user" });
    const serving: Promise<void>[] = [];
    const usersAgent = (): Flow => {
      const [near, far] = flowPair();
      serving.push(serveAgent(far, store));
      return near;
    };
    const common: Omit<ServeOptions, "session"> = {
      hostKeys: [await testHostKey()],
      authenticate: (attempt) =>
        attempt.method === "publickey" && samePublicKey(attempt.key, key.publicKey),
      allowAgentForwarding: () => true,
    };
    const seen: string[] = [];
    const [toInner, inner] = flowPair();
    await using _innerServer = serve(inner, {
      ...common,
      session: async (session) => {
        await using agent = agentClient(await session.openAgent());
        for (const { comment } of await agent.keys()) seen.push(comment);
      },
    });
    const [toOuter, outer] = flowPair();
    await using _outerServer = serve(outer, {
      ...common,
      session: async (session) => {
        const agent = agentClient(await session.openAgent());
        const auth = agentAuth(agent);
        await using next = await connect(toInner, { user: "ada", auth, ...trusting });
        const forwardAgent = (): Promise<Flow> => session.openAgent();
        const { code } = await next.command("y", { forwardAgent }).output();
        // When the session is over, the client may leave, and its agent with it.
        await agent.close();
        await session.exit(code ?? 255);
      },
    });
    {
      await using ssh = await connect(toOuter, {
        user: "ada",
        auth: { privateKey: key },
        ...trusting,
      });
      const { code } = await ssh.command("x", { forwardAgent: usersAgent }).output();
      assert.equal(code, 0);
    }
    assert.deepEqual(seen, ["of the user"]);
    assert.equal(serving.length, 2);
    await Promise.all(serving);
  });

  it("may be out of reach, may be waited for in vain, and is none when the session is over", async () => {
    let late: ServerSession | null = null;
    await lending(
      { allowAgentForwarding: () => true },
      async (session) => {
        late = session;
        await assert.rejects(session.openAgent(), {
          name: "ChannelOpenError",
          reason: ChannelOpenReason.CONNECT_FAILED,
        });
      },
      (open) => open.reject(ChannelOpenReason.CONNECT_FAILED),
    );
    const over: ServerSession | null = late;
    assert.ok(over !== null);
    await assert.rejects((over as ServerSession).openAgent(), { name: "ChannelClosedError" });
    await lending(
      { allowAgentForwarding: () => true },
      async (session) => {
        const signal = AbortSignal.timeout(10);
        await assert.rejects(session.openAgent({ signal }), { name: "TimeoutError" });
      },
      () => {},
    );
  });
});
