import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { AuthAttempt, AuthDecision } from "../../protocol/mod.ts";
import { decodeBanner, decodePasswordChangeRequest } from "../../wire/auth_messages.ts";
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
  EMPTY,
  failureIn,
  keyboardInteractiveRequest,
  passwordRequest,
} from "../helpers/auth_messages.ts";
import {
  namesOf,
  rawClient,
  rawClientInService,
  userauthRequest,
} from "../helpers/raw_channel_peer.ts";

const REFUSED = "USERAUTH_FAILURE (51)";
const LET_IN = "USERAUTH_SUCCESS (52)";

function passwordChange(old: string, fresh: string): Uint8Array {
  return userauthRequest(
    "password",
    new Writer().boolean(true).string(old).string(fresh).finish(),
  );
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
    assert.deepEqual(namesOf(replies), [REFUSED, LET_IN]);
    assert.deepEqual(attempts, [
      { user: "ada", accepted: [], method: "password", password: "wrong", newPassword: null },
      { user: "ada", accepted: [], method: "password", password: "right", newPassword: null },
    ]);
    assert.deepEqual(connection.sink.user, {
      user: "ada",
      method: "password",
      key: null,
      permissions: {},
    });
    assert.deepEqual(connection.engine.user, connection.sink.user);
  });

  it("of `none` it is asked only if the server offers it", async () => {
    let asked = 0;
    const authenticate = () => ++asked > 0;
    const strict = await rawClientInService({
      serverAuth: { methods: ["password"], authenticate },
    });
    assert.deepEqual(namesOf(await strict.exchange([userauthRequest("none")])), [REFUSED]);
    assert.equal(asked, 0);

    const open = await rawClientInService({ serverAuth: { methods: ["none"], authenticate } });
    assert.deepEqual(namesOf(await open.exchange([userauthRequest("none")])), [LET_IN]);
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
    assert.deepEqual(namesOf(replies), Array(5).fill(REFUSED));
    assert.equal(asked, 0);
  });

  it("failures list what can continue, and never `none`", async () => {
    const connection = await rawClientInService({
      serverAuth: { methods: ["none", "publickey", "password"], authenticate: () => false },
    });
    const [reply] = await connection.exchange([userauthRequest("none")]);
    assert.deepEqual(failureIn(reply), { remaining: ["publickey", "password"], partial: false });
  });

  it("a banner comes once, before the first answer", async () => {
    const connection = await rawClientInService({
      serverAuth: { banner: "Be nice\r\n", authenticate: () => false },
    });
    const replies = await connection.exchange([
      passwordRequest("wrong"),
      passwordRequest("wrong again"),
    ]);
    assert.deepEqual(namesOf(replies), ["USERAUTH_BANNER (53)", REFUSED, REFUSED]);
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
    assert.deepEqual(failureIn(partial), { remaining: ["keyboard-interactive"], partial: true });

    const again = await connection.exchange([passwordRequest("right"), userauthRequest("none")]);
    assert.deepEqual(again.map(failureIn), [
      { remaining: ["keyboard-interactive"], partial: false },
      { remaining: ["keyboard-interactive"], partial: false },
    ]);
    assert.equal(seen.length, 1);

    await connection.exchange([
      keyboardInteractiveRequest(),
    ]);
    const answer = new Writer().uint8(Msg.USERAUTH_INFO_RESPONSE).uint32(1).string("123456");
    assert.deepEqual(namesOf(await connection.exchange([answer.finish()])), [LET_IN]);
    assert.deepEqual(seen.map(({ accepted }) => accepted), [
      [],
      [{ user: "ada", method: "password", key: null, permissions: {} }],
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
      [LET_IN],
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
    assert.deepEqual(namesOf(replies), [LET_IN]);
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
      assert.deepEqual(namesOf(await connection.exchange([passwordRequest("a", user)])), [REFUSED]);
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
