import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  connect,
  type ConnectOptions,
  keyboardInteractive,
  none,
  password,
  publicKey,
} from "../../client/mod.ts";
import { Eof, type Flow, flowPair } from "../../flow/mod.ts";
import {
  authenticatorOf,
  fingerprint,
  generateKey,
  insecureAcceptAnyHostKey,
} from "../../keys/mod.ts";
import { type AuthAttempt, supportedAlgorithms } from "../../protocol/mod.ts";
import {
  AuthenticationError,
  ChannelOpenReason,
  DisconnectCode,
  DisconnectError,
  HostKeyError,
  NegotiationError,
  ProtocolError,
} from "../../wire/errors.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { ada, adaTrusting, encode, testServer, type TestServerOptions } from "./_server.ts";

/** Connects, and closes again; gives the attempts that the server saw. */
async function tryOut(
  options: ConnectOptions,
  server: TestServerOptions = {},
): Promise<AuthAttempt[]> {
  await using host = await testServer(server);
  await using _ssh = await connect(host.flow, options);
  return host.attempts;
}

/** What connecting rejects with; nothing may be left open. */
async function failureOf<E extends Error>(
  kind: new (...args: never[]) => E,
  options: ConnectOptions,
  server: TestServerOptions = {},
): Promise<{ error: E; attempts: AuthAttempt[] }> {
  await using host = await testServer(server);
  const error = await connect(host.flow, options).then(() => null, (reason) => reason);
  assert.ok(error instanceof kind, `${error}`);
  await assertClosed(host.flow);
  return { error, attempts: host.attempts };
}

async function assertClosed(flow: Flow): Promise<void> {
  await assert.rejects(flow.write(encode("x")));
}

describe("connect: the host key", () => {
  it("has to be verified in exactly one way", async () => {
    const [flow, peer] = flowPair();
    await assert.rejects(connect(flow, ada as ConnectOptions), {
      name: "TypeError",
      message: "Cannot connect with no way to verify the server's host key: " +
        "give one of verifyHostKey, authenticator, insecureAcceptAnyHostKey",
    });
    // The flow was taken over, and closed.
    await assertClosed(flow);
    await assert.rejects(peer.read());

    const twice = { ...adaTrusting, verifyHostKey: () => true } as unknown as ConnectOptions;
    await assert.rejects(connect(flowPair()[0], twice), /more than one way/);
    const not = { ...ada, insecureAcceptAnyHostKey: false } as unknown as ConnectOptions;
    await assert.rejects(connect(flowPair()[0], not), /no way/);
  });

  it("is given to verifyHostKey, with what is known of the server", async () => {
    const seen: unknown[] = [];
    await tryOut({
      ...ada,
      hostname: "server.example",
      port: 2222,
      verifyHostKey: (key, { hostname, port, signal }) => {
        seen.push(fingerprint(key), hostname, port, signal?.aborted);
        return Promise.resolve(true);
      },
    });
    const { publicKey: key } = await testHostKey();
    assert.deepEqual(seen, [fingerprint(key), "server.example", 2222, false]);
  });

  it("is refused before any credential is sent", async () => {
    const { publicKey: key } = await testHostKey();
    const { error, attempts } = await failureOf(HostKeyError, {
      ...ada,
      hostname: "server.example",
      port: 22,
      verifyHostKey: () => false,
    });
    assert.equal(error.status, "not-known");
    assert.deepEqual(error.key, key.blob);
    assert.equal(
      error.message,
      `Cannot trust server.example port 22: its host key is ED25519 ${fingerprint(key)}, ` +
        `and that key is not accepted`,
    );
    assert.deepEqual(attempts, []);
  });

  it("is not accepted by anything but true", async () => {
    const truthy = { ...ada, verifyHostKey: () => 1 } as unknown as ConnectOptions;
    await failureOf(HostKeyError, truthy);
  });

  it("is refused where the check fails, and the failure is the cause", async () => {
    const cause = new Error("the file is locked");
    const { error } = await failureOf(HostKeyError, {
      ...ada,
      verifyHostKey: () => Promise.reject(cause),
    });
    assert.equal(error.status, "error");
    assert.equal(error.cause, cause);
    assert.match(error.message, /the check failed: the file is locked$/);
  });

  it("is refused with the error that the check says it with", async () => {
    const own = new HostKeyError("It was revoked", { status: "revoked", key: new Uint8Array() });
    const { error } = await failureOf(HostKeyError, {
      ...ada,
      verifyHostKey: () => {
        throw own;
      },
    });
    assert.equal(error, own);
  });

  it("is compared with a fingerprint, a key, or by a function", async () => {
    const { publicKey: key } = await testHostKey();
    const { publicKey: other } = await generateKey("ed25519", { seed: "another" });
    await tryOut({ ...ada, authenticator: fingerprint(key) });
    await tryOut({ ...ada, authenticator: key });
    await tryOut({ ...ada, authenticator: authenticatorOf(fingerprint(key)) });
    await tryOut({ ...ada, authenticator: insecureAcceptAnyHostKey });

    const byFingerprint = await failureOf(HostKeyError, {
      ...ada,
      authenticator: fingerprint(other),
    });
    assert.equal(byFingerprint.error.status, "known-changed");
    assert.equal(
      byFingerprint.error.message,
      `Cannot trust the server: its host key is ED25519 ${fingerprint(key)}, ` +
        `and ${fingerprint(other)} was expected`,
    );
    const byKey = await failureOf(HostKeyError, { ...ada, authenticator: other });
    assert.match(byKey.error.message, /and ED25519 SHA256:\S+ was expected$/);
    const { publicKey: otherType } = await generateKey("ecdsa", { seed: "another" });
    const byType = await failureOf(HostKeyError, { ...ada, authenticator: otherType });
    assert.equal(byType.error.status, "found-other");
    assert.deepEqual(byType.attempts, []);
  });

  it("is asked for in the type that is expected", async () => {
    const ecdsa = await generateKey("ecdsa", { seed: "another" });
    const hostKeys = [await testHostKey(), ecdsa];
    await tryOut({ ...ada, authenticator: ecdsa.publicKey }, { hostKeys });
  });
});

describe("connect: algorithms", () => {
  it("are given by name or as objects, in order of preference", async () => {
    await using host = await testServer();
    await using ssh = await connect(host.flow, {
      ...adaTrusting,
      algorithms: {
        kex: supportedAlgorithms.kex.filter(({ name }) => name === "ecdh-sha2-nistp256"),
        ciphers: ["aes128-ctr", ...supportedAlgorithms.ciphers],
        macs: ["hmac-sha2-512", "hmac-sha2-256"],
        compression: ["zlib@openssh.com"],
      },
    });
    const { algorithms } = ssh.info;
    assert.equal(algorithms.kex.name, "ecdh-sha2-nistp256");
    assert.equal(algorithms.clientToServer.cipher.name, "aes128-ctr");
    assert.equal(algorithms.serverToClient.mac?.name, "hmac-sha2-512");
    assert.equal(algorithms.serverToClient.compression.name, "zlib@openssh.com");
  });

  it("that are not known are a TypeError, which lists those that are", async () => {
    const lists = ["kex", "hostKeys", "ciphers", "macs", "compression"] as const;
    for (const list of lists) {
      const { error, attempts } = await failureOf(TypeError, {
        ...adaTrusting,
        algorithms: { [list]: ["rot13"] },
      });
      assert.match(error.message, /^Cannot use the .+ algorithm "rot13": supported are \S+/);
      assert.deepEqual(attempts, []);
    }
  });

  it("that the two ends do not share are named", async () => {
    const { error } = await failureOf(NegotiationError, {
      ...adaTrusting,
      algorithms: { hostKeys: ["rsa-sha2-512"] },
    });
    assert.equal(error.what, "the host key algorithm");
    assert.deepEqual(error.ours, ["rsa-sha2-512"]);
    assert.deepEqual(error.theirs, ["ssh-ed25519"]);
  });
});

describe("connect: authentication", () => {
  it("tries methods in order, as far as the server would take them", async () => {
    const key = await generateKey("ed25519", { seed: "ada" });
    const asked: string[] = [];
    const attempts = await tryOut({
      ...adaTrusting,
      auth: [
        publicKey(key),
        keyboardInteractive(() => null),
        password(() => (asked.push("password"), "sesame")),
      ],
    }, { auth: { methods: ["publickey", "password"] } });
    assert.deepEqual(attempts.map(({ method }) => method), ["publickey", "password"]);
    assert.deepEqual(asked, ["password"]);
  });

  it("goes on after partial success", async () => {
    const key = await generateKey("ed25519", { seed: "ada" });
    const attempts = await tryOut({ ...adaTrusting, auth: [password("sesame"), publicKey(key)] }, {
      auth: {
        authenticate: ({ method, accepted }) => {
          if (method === "password") return accepted.length === 1;
          return method === "publickey" && { partial: ["password"] };
        },
      },
    });
    assert.deepEqual(attempts.map(({ method }) => method), ["password", "publickey", "password"]);
  });

  it("takes a key, or a password, as it is", async () => {
    const key = await generateKey("ed25519", { seed: "ada" });
    const byKey = await tryOut({ ...adaTrusting, auth: { privateKey: key } }, {
      auth: { authenticate: ({ method }) => method === "publickey" },
    });
    assert.deepEqual(byKey.map(({ method }) => method), ["publickey"]);
    const both = { privateKey: key, password: () => "sesame" };
    const byPassword = await tryOut({ ...adaTrusting, auth: both });
    assert.deepEqual(byPassword.map(({ method }) => method), ["publickey", "password"]);
  });

  it("gives a password to a server that asks for it as a hidden question", async () => {
    const answers: (readonly string[])[] = [];
    const authenticate = async (attempt: AuthAttempt): Promise<boolean> => {
      if (attempt.method !== "keyboard-interactive") return false;
      const text = { name: "", instruction: "" };
      answers.push(await attempt.ask({ ...text, prompts: [{ prompt: "Password:", echo: false }] }));
      answers.push(await attempt.ask({ ...text, prompts: [] }));
      return true;
    };
    await tryOut({ ...adaTrusting }, {
      auth: { methods: ["keyboard-interactive"], authenticate },
    });
    assert.deepEqual(answers, [["sesame"], []]);
  });

  it("gives a password neither twice, nor to a question that would show it", async () => {
    const refused = await failureOf(AuthenticationError, adaTrusting, {
      auth: { authenticate: () => false },
    });
    assert.deepEqual(refused.attempts.map(({ method }) => method), ["password"]);
    assert.match(
      refused.error.message,
      /keyboard-interactive \(the password was refused already\)/,
    );

    const again = await failureOf(AuthenticationError, adaTrusting, {
      auth: {
        methods: ["keyboard-interactive"],
        authenticate: async (attempt) => {
          assert.ok(attempt.method === "keyboard-interactive");
          const prompts = [{ prompt: "Password:", echo: false }];
          await attempt.ask({ name: "", instruction: "", prompts });
          await attempt.ask({ name: "", instruction: "wrong", prompts });
          return true;
        },
      },
    });
    assert.match(again.error.message, /keyboard-interactive \(no answers were given\)/);

    const shown = await failureOf(AuthenticationError, adaTrusting, {
      auth: {
        methods: ["keyboard-interactive"],
        authenticate: async (attempt) => {
          assert.ok(attempt.method === "keyboard-interactive");
          const prompts = [{ prompt: "Your name:", echo: true }];
          await attempt.ask({ name: "", instruction: "", prompts });
          return true;
        },
      },
    });
    assert.match(shown.error.message, /keyboard-interactive \(no answers were given\)/);
  });

  it("says what was tried, and what the server would take", async () => {
    const { error } = await failureOf(AuthenticationError, {
      ...adaTrusting,
      auth: [password("wrong")],
    }, { auth: { methods: ["publickey", "password"] } });
    assert.equal(
      error.message,
      'Cannot authenticate as "ada": tried password; the server would take publickey, password',
    );
    assert.deepEqual(error.remaining, ["publickey", "password"]);
    assert.equal(error.partial, false);
  });

  it("asks to be let in as one is, where no method is given", async () => {
    const options = { auth: { methods: ["none"], authenticate: () => true } } as const;
    const attempts = await tryOut({ ...adaTrusting, auth: [] }, options);
    assert.deepEqual(attempts.map(({ method }) => method), ["none"]);
    await tryOut({ ...adaTrusting, auth: [none()] }, options);
  });

  it("has to be said how", async () => {
    for (const auth of [{}, undefined, null] as unknown as ConnectOptions["auth"][]) {
      const { error } = await failureOf(TypeError, { ...adaTrusting, auth });
      assert.match(error.message, /a list of methods, or have a privateKey or a password/);
    }
    const { error } = await failureOf(
      TypeError,
      { ...adaTrusting, user: undefined } as unknown as ConnectOptions,
    );
    assert.match(error.message, /there is no user/);
  });

  it("shows the server's banner", async () => {
    const banners: string[] = [];
    await tryOut({ ...adaTrusting, onBanner: (banner) => banners.push(banner) }, {
      auth: { banner: "Authorised use only\r\n" },
    });
    assert.deepEqual(banners, ["Authorised use only\r\n"]);
  });
});

describe("connect: failures", () => {
  /** Connects to a peer that is played by hand. */
  async function connectTo(
    play: (peer: Flow) => Promise<void>,
    options: ConnectOptions = adaTrusting,
  ): Promise<unknown> {
    const [flow, peer] = flowPair();
    const [error] = await Promise.all([
      connect(flow, options).then(() => null, (reason) => reason),
      play(peer).then(() => peer.close()).catch(() => {}),
    ]);
    await assertClosed(flow);
    return error;
  }

  it("names a peer that speaks HTTP", async () => {
    const error = await connectTo(async (peer) => {
      await peer.write(encode("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
    });
    assert.ok(error instanceof ProtocolError);
    assert.match(error.message, /the peer speaks HTTP \("HTTP\/1\.1 400 Bad Request"\)/);
    assert.equal(error.code, DisconnectCode.PROTOCOL_VERSION_NOT_SUPPORTED);
  });

  it("names a peer that says nothing, or stops in the middle", async () => {
    for (const start of ["", "SSH-2.0-x\r\n", "SSH-2.0-x\r\n\0\0\x01"]) {
      const error = await connectTo(async (peer) => {
        await peer.write(encode(start));
      });
      assert.ok(error instanceof DisconnectError, `${error}`);
      assert.equal(error.code, DisconnectCode.CONNECTION_LOST);
      assert.match(error.message, /lost before the user was authenticated/);
    }
  });

  it("passes on what broke the flow", async () => {
    const cause = new Error("no route to host");
    const readable = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(cause) });
    const error = await connect({ readable, writable: new WritableStream() }, adaTrusting)
      .then(() => null, (reason) => reason);
    assert.ok(error instanceof DisconnectError);
    assert.equal(error.cause, cause);
  });

  it("does not wait for ever", async () => {
    const error = await connectTo(async (peer) => {
      while (await peer.read() !== Eof);
    }, { ...adaTrusting, loginTimeoutMs: 20 });
    assert.match(String(error), /The login took longer than 20 ms/);
  });

  it("can be given up before it begins, and while it waits", async () => {
    const reason = new Error("changed my mind");
    const [unused] = flowPair();
    await assert.rejects(
      connect(unused, { ...adaTrusting, signal: AbortSignal.abort(reason) }),
      reason,
    );
    await assertClosed(unused);

    const controller = new AbortController();
    const error = await connectTo(async (peer) => {
      await peer.read();
      controller.abort(reason);
    }, { ...adaTrusting, signal: controller.signal });
    assert.equal(error, reason);
  });

  it("tells verifyHostKey that nobody waits any more", async () => {
    await using host = await testServer();
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    let told: AbortSignal | undefined;
    const connecting = connect(host.flow, {
      ...ada,
      signal: controller.signal,
      verifyHostKey: (_key, { signal }) => {
        told = signal;
        controller.abort(reason);
        return new Promise(() => {});
      },
    });
    await assert.rejects(connecting, reason);
    assert.equal(told?.aborted, true);
    await assertClosed(host.flow);
  });

  it("refuses streams that are in use", async () => {
    const [readable, writable] = [new ReadableStream<Uint8Array>(), new WritableStream()];
    readable.getReader();
    await assert.rejects(connect({ readable, writable }, adaTrusting), TypeError);
  });
});

describe("a client", () => {
  it("tells what was agreed on, and the server's host key", async () => {
    await using host = await testServer();
    await using ssh = await connect(host.flow, adaTrusting);
    const { publicKey: key } = await testHostKey();
    assert.equal(fingerprint(ssh.serverHostKey), fingerprint(key));
    assert.equal(ssh.info.algorithms.kex.name, "curve25519-sha256");
    assert.match(ssh.info.serverVersion, /^SSH-2\.0-sshflow/);
    assert.ok(await ssh.ping() >= 0);
    ssh.rekey();
    assert.ok(await ssh.ping() >= 0);
  });

  it("closes in good order, and twice is no error", async () => {
    await using host = await testServer();
    const ssh = await connect(host.flow, adaTrusting);
    await Promise.all([ssh.close(), ssh.close(), ssh.closed, host.connection.closed]);
    await ssh.close();
    assert.throws(() => ssh.shell(), DisconnectError);
    await assertClosed(host.flow);
  });

  it("takes no channels, and grants no global requests, unless told to", async () => {
    await using host = await testServer();
    await using ssh = await connect(host.flow, adaTrusting);
    await assert.rejects(host.connection.openChannel("x11"), {
      reason: ChannelOpenReason.UNKNOWN_CHANNEL_TYPE,
    });
    await assert.rejects(host.connection.request("keepalive@openssh.com"), /denied/);
    host.connection.notify("hostkeys-00@openssh.com");
    assert.ok(await ssh.ping() >= 0);
  });

  it("hands channels and global requests to whom they are for", async () => {
    await using host = await testServer();
    await using _ssh = await connect(host.flow, {
      ...adaTrusting,
      onChannelOpen: (open) => open.accept(),
      onGlobalRequest: (request) => request.succeed(encode(request.name)),
    });
    const channel = await host.connection.openChannel("greeting@example.com");
    await channel.close();
    assert.deepEqual(await host.connection.request("hello"), encode("hello"));
  });
});
