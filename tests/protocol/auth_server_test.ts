import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { generateKey } from "../../keys/mod.ts";
import type { AuthAttempt, AuthDecision } from "../../protocol/mod.ts";
import {
  decodeBanner,
  decodePasswordChangeRequest,
  decodeUserauthFailure,
} from "../../wire/auth_messages.ts";
import { type Deferred, deferred } from "../../wire/deferred.ts";
import {
  AuthenticationError,
  DisconnectCode,
  HostKeyError,
  NegotiationError,
  ProtocolError,
} from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { encodeService } from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import {
  namesOf,
  rawClient,
  rawClientInService,
  rawClientLetIn,
  userauthRequest,
} from "../helpers/raw_channel_peer.ts";

const FAILURE = "USERAUTH_FAILURE (51)";
const SUCCESS = "USERAUTH_SUCCESS (52)";
const EMPTY = new Uint8Array(0);

const ada = await generateKey("ed25519", { seed: "ada's key" });

function passwordRequest(password: string, user = "ada"): Uint8Array {
  return userauthRequest("password", new Writer().boolean(false).string(password).finish(), {
    user,
  });
}

function passwordChange(old: string, fresh: string): Uint8Array {
  return userauthRequest(
    "password",
    new Writer().boolean(true).string(old).string(fresh).finish(),
  );
}

function offer(): Uint8Array {
  const { algorithms: [algorithm = ""], blob } = ada.publicKey;
  return userauthRequest(
    "publickey",
    new Writer().boolean(false).string(algorithm).string(blob).finish(),
  );
}

function failure(payload: Uint8Array | undefined): ReturnType<typeof decodeUserauthFailure> {
  assert.equal(payload?.[0], Msg.USERAUTH_FAILURE);
  return decodeUserauthFailure(payload ?? EMPTY);
}

describe("auth: what a server asks its policy", () => {
  it("a password is the policy's to judge", async () => {
    const attempts: AuthAttempt[] = [];
    const connection = await rawClientInService({
      serverAuth: {
        authenticate: (attempt) => {
          attempts.push(attempt);
          return attempt.method === "password" && attempt.password === "right";
        },
      },
    });
    const replies = await connection.exchange([passwordRequest("wrong"), passwordRequest("right")]);
    assert.deepEqual(namesOf(replies), [FAILURE, SUCCESS]);
    assert.deepEqual(attempts, [
      { user: "ada", accepted: [], method: "password", password: "wrong", newPassword: null },
      { user: "ada", accepted: [], method: "password", password: "right", newPassword: null },
    ]);
    assert.deepEqual(connection.sink.user, { user: "ada", method: "password", key: null });
    assert.deepEqual(connection.engine.user, connection.sink.user);
  });

  it("of `none` it is asked only if the server offers it", async () => {
    let asked = 0;
    const authenticate = () => ++asked > 0;
    const strict = await rawClientInService({
      serverAuth: { methods: ["password"], authenticate },
    });
    assert.deepEqual(namesOf(await strict.exchange([userauthRequest("none")])), [FAILURE]);
    assert.equal(asked, 0);

    const open = await rawClientInService({ serverAuth: { methods: ["none"], authenticate } });
    assert.deepEqual(namesOf(await open.exchange([userauthRequest("none")])), [SUCCESS]);
    assert.equal(asked, 1);
  });

  it("methods that are not offered are refused without asking", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { methods: ["publickey"], authenticate: () => ++asked > 0 },
    });
    const keyboard = new Writer().string("").string("").finish();
    const replies = await connection.exchange([
      passwordRequest("secret"),
      userauthRequest("keyboard-interactive", keyboard),
      userauthRequest("hostbased", Uint8Array.of(1, 2, 3)),
      userauthRequest("gssapi-with-mic"),
      userauthRequest(""),
    ]);
    assert.deepEqual(namesOf(replies), Array(5).fill(FAILURE));
    assert.equal(asked, 0);
  });

  it("failures list what can continue, and never `none`", async () => {
    const connection = await rawClientInService({
      serverAuth: { methods: ["none", "publickey", "password"], authenticate: () => false },
    });
    const [reply] = await connection.exchange([userauthRequest("none")]);
    assert.deepEqual(failure(reply), { remaining: ["publickey", "password"], partial: false });
  });

  it("a banner comes once, before the first answer", async () => {
    const connection = await rawClientInService({
      serverAuth: { banner: "Be nice\r\n", authenticate: () => false },
    });
    const replies = await connection.exchange([
      passwordRequest("wrong"),
      passwordRequest("wrong again"),
    ]);
    assert.deepEqual(namesOf(replies), ["USERAUTH_BANNER (53)", FAILURE, FAILURE]);
    assert.equal(decodeBanner(replies[0] ?? EMPTY).message, "Be nice\r\n");
  });

  it("partial success names the methods that have to follow, and only they count", async () => {
    const seen: AuthAttempt[] = [];
    const connection = await rawClientInService({
      serverAuth: {
        methods: ["none", "password", "keyboard-interactive"],
        authenticate: async (attempt) => {
          seen.push(attempt);
          if (attempt.method !== "keyboard-interactive") {
            return { partial: ["keyboard-interactive"] };
          }
          const [code] = await attempt.ask({
            name: "",
            instruction: "",
            prompts: [{ prompt: "Code: ", echo: true }],
          });
          return code === "123456";
        },
      },
    });
    const [partial] = await connection.exchange([passwordRequest("right")]);
    assert.deepEqual(failure(partial), { remaining: ["keyboard-interactive"], partial: true });

    const again = await connection.exchange([passwordRequest("right"), userauthRequest("none")]);
    assert.deepEqual(again.map(failure), [
      { remaining: ["keyboard-interactive"], partial: false },
      { remaining: ["keyboard-interactive"], partial: false },
    ]);
    assert.equal(seen.length, 1);

    await connection.exchange([
      userauthRequest("keyboard-interactive", new Writer().string("").string("").finish()),
    ]);
    const answer = new Writer().uint8(Msg.USERAUTH_INFO_RESPONSE).uint32(1).string("123456");
    assert.deepEqual(namesOf(await connection.exchange([answer.finish()])), [SUCCESS]);
    assert.deepEqual(seen.map(({ accepted }) => accepted), [
      [],
      [{ user: "ada", method: "password", key: null }],
    ]);
  });

  it("a password can be asked to be changed, and is changed", async () => {
    const seen: unknown[] = [];
    const connection = await rawClientInService({
      serverAuth: {
        authenticate: (attempt) => {
          if (attempt.method !== "password") return false;
          seen.push([attempt.password, attempt.newPassword]);
          return attempt.newPassword !== null || { changePassword: "It is too old" };
        },
      },
    });
    const [request] = await connection.exchange([passwordRequest("old")]);
    assert.equal(request?.[0], Msg.USERAUTH_PASSWD_CHANGEREQ);
    assert.equal(decodePasswordChangeRequest(request ?? EMPTY), "It is too old");
    assert.deepEqual(
      namesOf(await connection.exchange([passwordChange("old", "new")])),
      [SUCCESS],
    );
    assert.deepEqual(seen, [["old", null], ["old", "new"]]);
  });

  it("having the password changed of whoever gave none is misuse, and lets nobody in", async () => {
    const connection = await rawClientInService({
      serverAuth: { authenticate: () => ({ changePassword: "It is too old" }) },
    });
    assert.deepEqual(await connection.exchange([userauthRequest("none")]), []);
    assert.ok(connection.sink.closed instanceof TypeError);
    assert.equal(connection.sink.user, null);
  });

  it("a policy that decides on nothing lets nobody in", async () => {
    for (const decision of [undefined, null, 0, "", "yes", {}] as unknown as AuthDecision[]) {
      const connection = await rawClientInService({
        serverAuth: { authenticate: () => decision },
      });
      assert.deepEqual(await connection.exchange([passwordRequest("secret")]), []);
      assert.notEqual(connection.sink.closed, null);
      assert.equal(connection.sink.user, null);
    }
  });
});

describe("auth: a policy that throws", () => {
  const thrown: unknown[] = [
    new Error("the database's password is hunter2"),
    new ProtocolError("the upstream's password is hunter2"),
    new NegotiationError("hunter2", ["hunter2"], ["hunter2"]),
    new HostKeyError("hunter2", { status: "not-known", key: EMPTY }),
    new AuthenticationError("hunter2", { remaining: ["hunter2"], partial: false }),
    "hunter2",
  ];
  for (const error of thrown) {
    const name = error instanceof Error ? error.name : "a text";
    it(`tells the peer nothing of ${name}, and the application all`, async () => {
      const connection = await rawClientInService({
        serverAuth: {
          authenticate: () => {
            throw error;
          },
        },
      });
      assert.deepEqual(await connection.exchange([passwordRequest("secret")]), []);
      assert.deepEqual(connection.peer.disconnect, {
        code: DisconnectCode.BY_APPLICATION,
        description: "The connection cannot go on",
      });
      const reason = connection.sink.closed;
      assert.ok(reason === error || reason?.cause === error);
      assert.match(reason?.message ?? "", /hunter2/);
      assert.equal(connection.sink.user, null);
    });
  }
});

describe("auth: what a client may not do", () => {
  it("change the user between attempts", async () => {
    const users: string[] = [];
    const connection = await rawClientInService({
      serverAuth: {
        authenticate: ({ user }) => {
          users.push(user);
          return user === "ada" ? { partial: ["password"] } : true;
        },
      },
    });
    await connection.exchange([passwordRequest("right")]);
    assert.deepEqual(await connection.exchange([passwordRequest("right", "root")]), []);
    assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
    assert.deepEqual(users, ["ada"]);
    assert.equal(connection.sink.user, null);
  });

  it("change the service between attempts", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { authenticate: () => ++asked > 1 },
    });
    await connection.exchange([passwordRequest("wrong")]);
    const fields = new Writer().boolean(false).string("right").finish();
    const other = userauthRequest("password", fields, { service: "ssh-userauth" });
    assert.deepEqual(await connection.exchange([other]), []);
    assert.equal(connection.peer.disconnect?.code, DisconnectCode.SERVICE_NOT_AVAILABLE);
    assert.equal(asked, 1);
  });

  for (const service of ["", "ssh-connection", "ssh-userauth\0", "x".repeat(300)]) {
    it(`ask for the service ${JSON.stringify(service.slice(0, 20))}`, async () => {
      const connection = await rawClient();
      await connection.exchange([encodeService(Msg.SERVICE_REQUEST, service)]);
      const { SERVICE_NOT_AVAILABLE, PROTOCOL_ERROR } = DisconnectCode;
      const readable = /^[ -~]{0,256}$/.test(service);
      assert.equal(
        connection.peer.disconnect?.code,
        readable ? SERVICE_NOT_AVAILABLE : PROTOCOL_ERROR,
      );
    });
  }

  it("ask for the service twice", async () => {
    const connection = await rawClientInService();
    await connection.exchange([encodeService(Msg.SERVICE_REQUEST, "ssh-userauth")]);
    assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
  });

  it("answer what was not asked", async () => {
    const answers = new Writer().uint8(Msg.USERAUTH_INFO_RESPONSE).uint32(0).finish();
    for (const before of [[], [passwordRequest("wrong")]]) {
      const connection = await rawClientInService({ serverAuth: { authenticate: () => false } });
      await connection.exchange([...before, answers]);
      assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
    }
  });

  it("but requests that crossed the success are ignored", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { authenticate: () => ++asked > 0 },
    });
    const replies = await connection.exchange([
      passwordRequest("right"),
      passwordRequest("right"),
      passwordRequest("right", "root"),
    ]);
    assert.deepEqual(namesOf(replies), [SUCCESS]);
    assert.equal(connection.sink.closed, null);
    assert.equal(asked, 1);
    assert.equal(connection.engine.user?.user, "ada");
  });

  const malformed: [string, Uint8Array][] = [
    ["a request of nothing", Uint8Array.of(Msg.USERAUTH_REQUEST)],
    ["a user name longer than the packet", Uint8Array.of(Msg.USERAUTH_REQUEST, 0xff, 0, 0, 0)],
    ["a password request without a password", userauthRequest("password", Uint8Array.of(0))],
    ["a password request without a flag", userauthRequest("password")],
    [
      "a password change without the new one",
      userauthRequest("password", new Writer().boolean(true).string("old").finish()),
    ],
    [
      "something behind a password",
      userauthRequest("password", new Writer().boolean(false).string("a").uint8(0).finish()),
    ],
    ["a public key request of nothing", userauthRequest("publickey")],
    ["a keyboard-interactive request of nothing", userauthRequest("keyboard-interactive")],
    ["a method's name in UTF-8", userauthRequest("pässword")],
  ];
  for (const [what, payload] of malformed) {
    it(`send ${what}`, async () => {
      let asked = 0;
      const connection = await rawClientInService({
        serverAuth: { authenticate: () => ++asked > 0 },
      });
      assert.deepEqual(await connection.exchange([payload]), []);
      assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
      assert.ok(connection.sink.closed instanceof ProtocolError);
      assert.equal(asked, 0);
    });
  }
});

describe("auth: user names", () => {
  const harmless = ["", "/", "..", "../../etc/passwd", "-oProxyCommand=id", "a b", "ädä", "🐚"];
  for (const user of harmless) {
    it(`${JSON.stringify(user)} reaches the policy as it is`, async () => {
      const connection = await rawClientInService({ serverAuth: { authenticate: () => false } });
      assert.deepEqual(namesOf(await connection.exchange([passwordRequest("a", user)])), [FAILURE]);
      assert.equal(connection.sink.closed, null);
    });
  }

  const illegal = ["\0", "ada\0root", "ada\n", "\x1b[2J", "ada\x7f", "ada\x85", "ada\u202eadmin"];
  for (const user of illegal) {
    it(`${JSON.stringify(user)} is illegal`, async () => {
      let asked = 0;
      const connection = await rawClientInService({
        serverAuth: { authenticate: () => ++asked > 0 },
      });
      assert.deepEqual(await connection.exchange([passwordRequest("a", user)]), []);
      assert.equal(connection.peer.disconnect?.code, DisconnectCode.ILLEGAL_USER_NAME);
      assert.equal(asked, 0);
    });
  }

  const unreadable: [string, Uint8Array][] = [
    ["bad UTF-8", Uint8Array.of(0x61, 0xff, 0x62)],
    ["half a surrogate pair", Uint8Array.of(0xed, 0xa0, 0x80)],
    ["an overlong slash", Uint8Array.of(0xc0, 0xaf)],
    ["1025 bytes", new Uint8Array(1025).fill(0x61)],
    ["30,000 bytes", new Uint8Array(30_000).fill(0x61)],
  ];
  for (const [what, user] of unreadable) {
    it(`${what} for a user name is a protocol error`, async () => {
      const connection = await rawClientInService();
      const request = new Writer().uint8(Msg.USERAUTH_REQUEST).string(user)
        .string("ssh-connection").string("none").finish();
      assert.deepEqual(await connection.exchange([request]), []);
      assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
      assert.equal(connection.sink.user, null);
    });
  }
});

describe("auth: limits", () => {
  it("of 10,000 passwords as many are tried as may fail", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { maxAttempts: 6, authenticate: () => ++asked > 6 },
    });
    const guesses = Array.from({ length: 10_000 }, (_, i) => passwordRequest(`guess ${i}`));
    const replies = await connection.exchange(guesses);
    assert.deepEqual(namesOf(replies), Array(5).fill(FAILURE));
    assert.equal(asked, 6);
    const { NO_MORE_AUTH_METHODS_AVAILABLE } = DisconnectCode;
    assert.equal(connection.peer.disconnect?.code, NO_MORE_AUTH_METHODS_AVAILABLE);
  });

  it("asking for the methods is no attempt, once", async () => {
    const connection = await rawClientInService({
      serverAuth: { maxAttempts: 2, authenticate: () => false },
    });
    const none = userauthRequest("none");
    assert.deepEqual(namesOf(await connection.exchange([none, none])), [FAILURE, FAILURE]);
    assert.equal(connection.sink.closed, null);
    await connection.exchange([none]);
    assert.notEqual(connection.sink.closed, null);
  });

  it("keys cannot be asked about for ever", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { authenticate: () => ++asked > 0 },
    });
    const replies = await connection.exchange(Array.from({ length: 1000 }, offer));
    assert.equal(replies.length, 256);
    assert.equal(asked, 256);
    const { NO_MORE_AUTH_METHODS_AVAILABLE } = DisconnectCode;
    assert.equal(connection.peer.disconnect?.code, NO_MORE_AUTH_METHODS_AVAILABLE);
  });

  it("passwords cannot be changed for ever", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: {
        authenticate: () => {
          asked++;
          return { changePassword: "Not that one" };
        },
      },
    });
    await connection.exchange(Array.from({ length: 1000 }, () => passwordChange("old", "new")));
    assert.equal(asked, 256);
    assert.notEqual(connection.peer.disconnect, null);
  });

  it("success cannot be partial for ever", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: {
        authenticate: () => {
          asked++;
          return { partial: ["password"] };
        },
      },
    });
    await connection.exchange(Array.from({ length: 1000 }, () => passwordRequest("right")));
    assert.equal(asked, 256);
    assert.notEqual(connection.peer.disconnect, null);
  });

  for (const length of [1025, 30_000, 1_000_000]) {
    it(`a password of ${length} bytes ends the connection, and is not in the message`, async () => {
      let asked = 0;
      const connection = await rawClientInService({
        serverAuth: { authenticate: () => ++asked > 0 },
      });
      assert.deepEqual(
        await connection.exchange([passwordRequest("hunter2".padEnd(length, "!"))]),
        [],
      );
      assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
      assert.doesNotMatch(String(connection.sink.closed?.stack), /hunter2/);
      assert.equal(asked, 0);
    });
  }
});

describe("auth: time", () => {
  it("failures are answered at multiples of the delay, whatever they took", async () => {
    for (const [tookMs, answeredAtMs] of [[0, 100], [5, 100], [99, 100], [100, 200], [250, 300]]) {
      const connection = await rawClientInService({
        server: { loginTimeoutMs: 0 },
        serverAuth: {
          failureDelayMs: 100,
          authenticate: () => {
            connection.clock.now += tookMs ?? 0;
            return false;
          },
        },
      });
      assert.deepEqual(await connection.exchange([passwordRequest("wrong")]), []);
      assert.deepEqual(await connection.advanceTo((answeredAtMs ?? 0) - 1), []);
      assert.deepEqual(namesOf(await connection.advanceTo(answeredAtMs ?? 0)), [FAILURE]);
    }
  });

  it("a signature that is wrong and a method that is not offered take as long", async () => {
    for (const method of ["publickey", "hostbased"]) {
      const connection = await rawClientInService({
        server: { loginTimeoutMs: 0 },
        serverAuth: { failureDelayMs: 100 },
      });
      const { algorithms: [algorithm = ""], blob } = ada.publicKey;
      const fields = new Writer().boolean(true).string(algorithm).string(blob).string("wrong");
      const request = userauthRequest(method, fields.finish());
      assert.deepEqual(await connection.exchange([request]), []);
      assert.deepEqual(await connection.advanceTo(99), []);
      assert.deepEqual(namesOf(await connection.advanceTo(100)), [FAILURE]);
    }
  });

  it("while a failure waits, the next attempt does too", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 0 },
      serverAuth: { failureDelayMs: 100, authenticate: () => ++asked > 3 },
    });
    await connection.exchange(["a", "b", "c", "d"].map((guess) => passwordRequest(guess)));
    assert.equal(asked, 1);
    assert.deepEqual(namesOf(await connection.advanceTo(100)), [FAILURE]);
    assert.equal(asked, 2);
    assert.deepEqual(namesOf(await connection.advanceTo(200)), [FAILURE]);
    assert.deepEqual(namesOf(await connection.advanceTo(300)), [FAILURE, SUCCESS]);
    assert.equal(asked, 4);
  });

  it("the last failure waits as well", async () => {
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 0 },
      serverAuth: { failureDelayMs: 100, maxAttempts: 1, authenticate: () => false },
    });
    await connection.exchange([passwordRequest("wrong")]);
    assert.equal(connection.sink.closed, null);
    await connection.advanceTo(100);
    assert.notEqual(connection.peer.disconnect, null);
  });

  it("success, a key that would do, and the list of methods do not wait", async () => {
    const connection = await rawClientInService({
      serverAuth: { failureDelayMs: 100, authenticate: ({ method }) => method !== "none" },
    });
    const replies = await connection.exchange([
      userauthRequest("none"),
      offer(),
      passwordRequest("right"),
    ]);
    assert.equal(replies.length, 3);
    assert.equal(namesOf(replies)[2], SUCCESS);
  });

  it("the time that a user takes to answer does not count", async () => {
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 0 },
      serverAuth: {
        failureDelayMs: 100,
        authenticate: async (attempt) => {
          if (attempt.method !== "keyboard-interactive") return false;
          await attempt.ask({ name: "", instruction: "", prompts: [] });
          return false;
        },
      },
    });
    await connection.exchange([
      userauthRequest("keyboard-interactive", new Writer().string("").string("").finish()),
    ]);
    // Answers that come right before a multiple of the delay must not tell how long checking took.
    connection.clock.now = 99;
    await connection.exchange([
      new Writer().uint8(Msg.USERAUTH_INFO_RESPONSE).uint32(0).finish(),
    ]);
    assert.deepEqual(await connection.advanceTo(198), []);
    assert.deepEqual(namesOf(await connection.advanceTo(199)), [FAILURE]);
  });

  it("a login that takes too long is ended", async () => {
    const connection = await rawClientInService({ server: { loginTimeoutMs: 1000 } });
    assert.equal(connection.engine.advance(0), 1000);
    await connection.advanceTo(999);
    assert.equal(connection.sink.closed, null);
    await connection.advanceTo(1000);
    assert.match(String(connection.engine.closed), /longer than 1000 ms/);
    assert.notEqual(connection.peer.disconnect, null);
  });

  it("a login has two minutes, unless told otherwise", async () => {
    const connection = await rawClient();
    await connection.advanceTo(119_999);
    assert.equal(connection.sink.closed, null);
    await connection.advanceTo(120_000);
    assert.notEqual(connection.sink.closed, null);
  });

  it("a login ends in time even while its policy decides", async () => {
    const asked = deferred<void>();
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 1000 },
      serverAuth: {
        authenticate: () => {
          asked.resolve();
          return new Promise(() => {});
        },
      },
    });
    await connection.exchange([passwordRequest("secret")], asked.promise);
    await connection.advanceTo(1000);
    assert.notEqual(connection.peer.disconnect, null);
    assert.equal(connection.engine.parked, null);
  });

  it("who is in has all the time", async () => {
    const connection = await rawClientLetIn({ server: { loginTimeoutMs: 1000 } });
    await connection.advanceTo(1001);
    assert.equal(connection.sink.closed, null);
  });
});

describe("auth: a policy that decides too late", () => {
  /** A policy that decides when it is told to. */
  async function deciding(): Promise<
    Awaited<ReturnType<typeof rawClientInService>> & { decision: Deferred<AuthDecision> }
  > {
    const decision = deferred<AuthDecision>();
    const asked = deferred<void>();
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 1000 },
      serverAuth: {
        failureDelayMs: 100,
        authenticate: () => {
          asked.resolve();
          return decision.promise;
        },
      },
    });
    await connection.exchange([passwordRequest("right")], asked.promise);
    return Object.assign(connection, { decision });
  }

  const ends: [string, (connection: Awaited<ReturnType<typeof deciding>>) => void][] = [
    ["the flow has ended", ({ engine }) => engine.receiveEof()],
    ["the login took too long", ({ engine }) => engine.advance(1000)],
    ["the server has closed", ({ engine }) => engine.disconnect()],
  ];
  const decisions: AuthDecision[] = [
    true,
    false,
    { partial: ["password"] },
    { changePassword: "now" },
  ];
  for (const [what, end] of ends) {
    for (const decision of decisions) {
      it(`because ${what}: ${JSON.stringify(decision)} does nothing`, async () => {
        const connection = await deciding();
        end(connection);
        const { sink, engine } = connection;
        const { closed } = sink;
        assert.notEqual(closed, null);
        engine.takeOutput();
        connection.decision.resolve(decision);
        await new Promise((resolve) => setTimeout(resolve));
        assert.equal(sink.user, null);
        assert.equal(engine.user, null);
        assert.equal(sink.closed, closed);
        assert.equal(sink.sleeping, false);
        assert.equal(engine.outputBytes, 0);
      });
    }
  }

  it("is not asked at all when the connection ended while a signature was verified", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { authenticate: () => ++asked > 0 },
    });
    connection.peer.send(offer());
    for (const chunk of connection.peer.transport.takeOutput()) connection.engine.receive(chunk);
    connection.engine.receiveEof();
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(asked, 0);
  });
});
