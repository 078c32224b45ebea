import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { flowPair } from "../../flow/mod.ts";
import { generateKey } from "../../keys/mod.ts";
import { keyboardInteractive, password, publicKey, selectAlgorithms } from "../../protocol/mod.ts";
import {
  type AuthAttempt,
  AuthenticationError,
  type ChannelOpenRequest,
  DisconnectError,
  serve,
  type ServerAuthAttempt,
} from "../../server/mod.ts";
import { ChannelOpenError, ChannelOpenReason, RequestError } from "../../wire/errors.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { utf8 } from "../helpers/bytes.ts";
import { eventsOf, execute, host, meet, print } from "./_hosting.ts";

describe("who is let in", () => {
  it("is decided by the policy, which sees the user, the method, the key and the peer", async () => {
    const key = await generateKey("ed25519");
    const attempts: ServerAuthAttempt[] = [];
    await using hosting = await host({
      authMethods: ["publickey", "password", "keyboard-interactive"],
      authenticate: async (attempt) => {
        attempts.push(attempt);
        if (attempt.method !== "keyboard-interactive") return attempt.method === "password";
        const [answer] = await attempt.ask({
          name: "",
          instruction: "",
          prompts: [{ prompt: "Colour? ", echo: true }],
        });
        return answer === "green";
      },
      peerAddress: { hostname: "192.0.2.1", port: 12345 },
      user: "grace",
      methods: [
        publicKey(key),
        keyboardInteractive(() => ["red"]),
        password("sesame"),
      ],
    });
    const summary = attempts.map((attempt) => attempt.method);
    assert.deepEqual(summary, ["publickey", "keyboard-interactive", "password"]);
    const [first, , third] = attempts;
    assert.ok(first?.method === "publickey" && third?.method === "password");
    assert.deepEqual(first.key.blob, key.publicKey.blob);
    assert.equal(third.password, "sesame");
    assert.equal(third.user, "grace");
    assert.deepEqual(third.peer, {
      identification: "SSH-2.0-sshflow_0.1",
      address: { hostname: "192.0.2.1", port: 12345 },
    });
    assert.deepEqual(hosting.server.user, {
      user: "grace",
      method: "password",
      key: null,
      permissions: {},
    });
  });

  it("is who proved a key, and not who asked about it", async () => {
    const [asked, proven] = await Promise.all([generateKey("ed25519"), generateKey("ed25519")]);
    const seen: [boolean, boolean][] = [];
    await using hosting = await host({
      authMethods: ["publickey"],
      // Only the second key may be used, although both would do.
      authenticate: (attempt) => {
        if (attempt.method !== "publickey") return false;
        const isAsked = attempt.key.blob.join() === asked.publicKey.blob.join();
        seen.push([isAsked, attempt.proven]);
        return !isAsked || !attempt.proven;
      },
      methods: [publicKey(asked, { probe: true }), publicKey(proven, { probe: true })],
    });
    assert.deepEqual(seen, [[true, false], [true, true], [false, false], [false, true]]);
    assert.deepEqual(hosting.server.user?.key?.blob, proven.publicKey.blob);
    const login = await hosting.server.authenticated;
    assert.equal(login.method, "publickey");
  });

  it("is nobody without a method, unless that is asked for", async () => {
    const attempts: AuthAttempt[] = [];
    const authenticate = (attempt: AuthAttempt): boolean => {
      attempts.push(attempt);
      return true;
    };
    const [near, far] = flowPair();
    await using server = serve(far, { hostKeys: [await testHostKey()], authenticate });
    near.abort();
    await assert.rejects(server.authenticated);

    await using hosting = await meet({ authMethods: ["publickey", "password"], authenticate });
    await assert.rejects(hosting.client.authenticated, AuthenticationError);
    await assert.rejects(hosting.server.authenticated);
    assert.deepEqual(attempts, []);
    await using open = await host({ authMethods: ["none"], authenticate });
    assert.equal(open.server.user?.method, "none");
  });

  it("has several methods to pass where the policy wants them", async () => {
    await using hosting = await host({
      authMethods: ["publickey", "password"],
      authenticate: (attempt) => {
        if (attempt.method === "password") return attempt.accepted.length === 1;
        return { partial: ["password"] };
      },
      methods: [publicKey(await generateKey("ed25519")), password("sesame")],
    });
    assert.equal(hosting.server.user?.method, "password");
  });

  it("gets a banner before, and is cut off after too many failures", async () => {
    const banners: string[] = [];
    let asked = 0;
    await using hosting = await meet({
      authMethods: ["password"],
      authenticate: () => false,
      banner: "Members only\n",
      maxAuthAttempts: 2,
      methods: [password(() => `guess ${asked++}`)],
      onBanner: (message) => banners.push(message),
    });
    await assert.rejects(hosting.client.authenticated, DisconnectError);
    await assert.rejects(hosting.server.closed, /Too many authentication failures/);
    assert.equal(asked, 2);
    assert.deepEqual(banners, ["Members only\n"]);
  });

  it("has to be in before the time is up", async () => {
    await using hosting = await meet({
      loginTimeoutMs: 20,
      authMethods: ["password"],
      methods: [password(() => new Promise((resolve) => setTimeout(() => resolve(null), 40)))],
    });
    await assert.rejects(hosting.server.closed, /login took longer than 20 ms/);
    await assert.rejects(hosting.client.authenticated);
  });

  it("is not told what a policy that throws has to say", async () => {
    await using hosting = await meet({
      authMethods: ["password"],
      authenticate: () => {
        throw new Error("the database of secrets is down");
      },
      methods: [password("x")],
    });
    const error = await hosting.client.authenticated.then(() => null, (error) => error);
    assert.ok(error instanceof DisconnectError);
    assert.doesNotMatch(error.message, /secrets/);
    assert.deepEqual(hosting.errors.map(String), ["Error: the database of secrets is down"]);
  });
});

describe("channels that are no sessions", () => {
  async function refusal(open: Promise<unknown>): Promise<number> {
    const error = await open.then(() => null, (error) => error);
    assert.ok(error instanceof ChannelOpenError, String(error));
    return error.reason;
  }

  it("are refused: as prohibited if they are known, as unknown if not", async () => {
    await using hosting = await host({ session: () => {} });
    const { client } = hosting;
    for (
      const type of [
        "direct-tcpip",
        "direct-streamlocal@openssh.com",
        "tun@openssh.com",
        "x11",
        "forwarded-tcpip",
        "auth-agent@openssh.com",
      ]
    ) {
      const reason = await refusal(client.openChannel(type));
      assert.equal(reason, ChannelOpenReason.ADMINISTRATIVELY_PROHIBITED, type);
    }
    for (const type of ["nonsense@example", "Session", "constructor"]) {
      const reason = await refusal(client.openChannel(type));
      assert.equal(reason, ChannelOpenReason.UNKNOWN_CHANNEL_TYPE, type);
    }
    assert.equal((await eventsOf(await execute(client, "x"))).at(-1), "closed");
  });

  it("are taken by the policy; what it leaves undecided, or throws at, is refused", async () => {
    await using hosting = await host({
      onChannelOpen: async (open: ChannelOpenRequest) => {
        if (open.type === "later") await new Promise((resolve) => setTimeout(resolve, 1));
        if (open.type === "broken") throw new Error("the policy's own");
        if (open.type === "mine" || open.type === "later") {
          const channel = open.accept();
          print(channel.writable, `${open.type}: ${new TextDecoder().decode(open.extra)}`);
        }
        if (open.type === "busy") open.reject(ChannelOpenReason.RESOURCE_SHORTAGE, "no room");
      },
    });
    const { client } = hosting;
    for (const type of ["mine", "later"]) {
      const channel = await client.openChannel(type, { extra: utf8("extra") });
      const { value } = await channel.readable.getReader().read();
      assert.equal(new TextDecoder().decode(value), `${type}: extra`);
    }
    assert.equal(
      await refusal(client.openChannel("busy")),
      ChannelOpenReason.RESOURCE_SHORTAGE,
    );
    for (const type of ["broken", "other"]) {
      const reason = await refusal(client.openChannel(type));
      assert.equal(reason, ChannelOpenReason.UNKNOWN_CHANNEL_TYPE, type);
    }
    assert.deepEqual(hosting.errors.map(String), ["Error: the policy's own"]);
  });

  it("can be opened by the server too", async () => {
    await using hosting = await host();
    const incoming = hosting.client.channels;
    const opening = hosting.server.openChannel("news@example", { extra: utf8("!") });
    const { value: open } = await incoming.next();
    assert.equal(open?.type, "news@example");
    open.accept();
    await opening;
  });

  it("are bounded in number, and so are sessions", async () => {
    await using hosting = await host({ session: () => {}, maxChannels: 3 });
    const { client } = hosting;
    const channels = [];
    for (let i = 0; i < 3; i++) channels.push(await client.openChannel("session"));
    const reason = await refusal(client.openChannel("session"));
    assert.equal(reason, ChannelOpenReason.RESOURCE_SHORTAGE);
    await channels[0]?.close();
    await client.openChannel("session");
  });
});

describe("global requests", () => {
  it("are denied, and the connection lives", async () => {
    await using hosting = await host();
    for (const name of ["tcpip-forward", "keepalive@openssh.com", "nonsense@example"]) {
      await assert.rejects(hosting.client.request(name), RequestError, name);
    }
    hosting.client.notify("nonsense@example");
    assert.ok(await hosting.client.ping() >= 0);
  });

  it("are taken by the policy; what it leaves undecided, or throws at, is denied", async () => {
    await using hosting = await host({
      onGlobalRequest: (request) => {
        if (request.name === "broken") throw new Error("the policy's own");
        if (request.name === "mine") request.succeed(utf8("granted"));
      },
    });
    const reply = await hosting.client.request("mine");
    assert.equal(new TextDecoder().decode(reply), "granted");
    await assert.rejects(hosting.client.request("broken"), RequestError);
    await assert.rejects(hosting.client.request("other"), RequestError);
    assert.equal(hosting.errors.length, 1);
  });

  it("for no more sessions are kept to", async () => {
    await using hosting = await host({ session: () => {} });
    const { client } = hosting;
    const channel = await client.openChannel("session");
    await client.request("no-more-sessions@openssh.com");
    await assert.rejects(client.openChannel("session"), ChannelOpenError);
    await channel.request("shell");
    assert.equal((await eventsOf(channel)).at(-1), "closed");
  });
});

describe("a connection that is served", () => {
  it("ends in good order when it is closed, as often as one likes", async () => {
    const hosting = await host({ session: ({ closed }) => closed });
    const channel = await execute(hosting.client, "x");
    await Promise.all([hosting.server.close(), hosting.server.close()]);
    await hosting.server.closed;
    await assert.rejects(channel.closed, DisconnectError);
    await hosting.client.closed;
    assert.deepEqual(hosting.server.sessions, []);
  });

  it("ends by its signal, also one that was given before", async () => {
    const stop = new AbortController();
    const hosting = await host({ signal: stop.signal });
    stop.abort();
    await hosting.server.closed;
    await hosting.client.closed;

    const late = await meet({ signal: stop.signal });
    await late.server.closed;
    await assert.rejects(late.client.authenticated);
  });

  it("offers the algorithms that were chosen, list by list", async () => {
    const { ciphers } = selectAlgorithms({ ciphers: ["aes128-ctr"] });
    await using hosting = await host({ algorithms: { ciphers } });
    const algorithms = hosting.server.info?.algorithms;
    assert.equal(algorithms?.clientToServer.cipher.name, "aes128-ctr");
    assert.match(algorithms?.serverToClient.mac?.name ?? "", /-etm@/);
  });

  it("remembers what its host key signed with, whatever the signer does to its buffer", async () => {
    const key = await testHostKey();
    const signatures: Uint8Array[] = [];
    const signer = {
      publicKey: key.publicKey,
      async sign(algorithm: string, data: Uint8Array): Promise<Uint8Array> {
        const signature = await key.sign(algorithm, data);
        signatures.push(signature);
        return signature;
      },
    };
    await using hosting = await host({ hostKeys: [signer] });
    for (const signature of signatures) signature.fill(0);
    const told = hosting.client.info?.hostKeySignature;
    assert.ok(told?.some((byte) => byte !== 0));
    assert.deepEqual(hosting.server.info?.hostKeySignature.slice(), told?.slice());
  });

  it("cannot be without a host key that could be used", async () => {
    const [flow] = flowPair();
    const authenticate = (): boolean => false;
    const wanted = { name: "TypeError", message: /Cannot serve: of the host keys \(none\)/ };
    assert.throws(() => serve(flow, { hostKeys: [], authenticate }), wanted);
    const hostKeys = [await testHostKey()];
    const algorithms = { hostKeys: ["rsa-sha2-512"] };
    assert.throws(
      () => serve(flow, { hostKeys, algorithms, authenticate }),
      /the host keys \(ssh-ed25519\) none can be used for rsa-sha2-512/,
    );
  });
});
