import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { generateKey } from "../../keys/mod.ts";
import {
  type ClientAuthMethod,
  keyboardInteractive,
  none,
  password,
  publicKey,
} from "../../protocol/mod.ts";
import {
  encodeBanner,
  encodePasswordChangeRequest,
  encodePublicKeyOk,
} from "../../wire/auth_messages.ts";
import { deferred } from "../../wire/deferred.ts";
import { AuthenticationError, DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { encodeService } from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import {
  challenge,
  clientTrying,
  closedBecause,
  failure,
  fieldsOf,
  methodsOf,
  SUCCESS,
} from "../helpers/auth_messages.ts";
import { type RawConnection, rawServer } from "../helpers/raw_channel_peer.ts";

const ed25519 = await generateKey("ed25519", { seed: "ada's key" });
const other = await generateKey("ed25519", { seed: "another key" });

function banner(message: string): Uint8Array {
  return encodeBanner({ message, language: "" });
}

describe("auth: a client's methods", () => {
  it("are tried in order, of those that the server takes", async () => {
    const connection = await clientTrying([none(), password("a"), publicKey(ed25519)]);
    assert.deepEqual(methodsOf(connection.first), ["none"]);
    const next = await connection.exchange([failure(["publickey"])]);
    assert.deepEqual(methodsOf(next), ["publickey"]);
    await connection.exchange([SUCCESS]);
    assert.equal(connection.sink.user?.user, "ada");
  });

  it("without any, `none` is tried", async () => {
    const connection = await clientTrying([]);
    assert.deepEqual(methodsOf(connection.first), ["none"]);
    await connection.exchange([SUCCESS]);
    assert.notEqual(connection.sink.user, null);
  });

  it("when none is left, the error says what was tried and what would do", async () => {
    const connection = await clientTrying([none(), password("hunter2")]);
    await connection.exchange([failure(["password", "publickey"])]);
    await connection.exchange([failure(["publickey"])]);
    const error = closedBecause(connection);
    assert.ok(error instanceof AuthenticationError);
    assert.deepEqual(error.remaining, ["publickey"]);
    assert.equal(error.partial, false);
    assert.match(error.message, /"ada": tried none, password; the server would take publickey/);
    const { NO_MORE_AUTH_METHODS_AVAILABLE } = DisconnectCode;
    assert.equal(connection.peer.disconnect?.code, NO_MORE_AUTH_METHODS_AVAILABLE);
  });

  it("a failure that lists no methods ends it", async () => {
    const connection = await clientTrying([none(), password("a"), publicKey(ed25519)]);
    assert.deepEqual(await connection.exchange([failure([])]), []);
    const error = closedBecause(connection);
    assert.ok(error instanceof AuthenticationError);
    assert.deepEqual(error.remaining, []);
    assert.match(error.message, /nothing more/);
  });

  it("a failure that lists a hundred long names makes no long message", async () => {
    const connection = await clientTrying([none()]);
    await connection.exchange([failure(Array.from({ length: 100 }, (_, i) => `${i}`.repeat(100)))]);
    assert.ok(closedBecause(connection).message.length < 2000);
  });

  it("partial success goes on with what is wanted, tried before or not", async () => {
    const methods = [publicKey(ed25519), password("a"), publicKey(other)];
    const connection = await clientTrying(methods);
    assert.deepEqual(methodsOf(connection.first), ["publickey"]);
    // The first key is refused, the password accepted; then a key is wanted after all.
    const second = await connection.exchange([failure(["password"])]);
    assert.deepEqual(methodsOf(second), ["password"]);
    const third = await connection.exchange([failure(["publickey"], true)]);
    assert.deepEqual(methodsOf(third), ["publickey"]);
    const keyIn = (payloads: Uint8Array[]): Uint8Array => {
      const fields = fieldsOf(payloads[0]);
      fields.boolean();
      fields.string();
      return fields.string();
    };
    assert.deepEqual(keyIn(third), ed25519.publicKey.blob);
    const fourth = await connection.exchange([failure(["publickey"])]);
    assert.deepEqual(keyIn(fourth), other.publicKey.blob);
    await connection.exchange([SUCCESS]);
    assert.notEqual(connection.sink.user, null);
  });

  it("partial success that leads nowhere is told", async () => {
    const connection = await clientTrying([password("a")]);
    await connection.exchange([failure(["publickey"], true)]);
    const error = closedBecause(connection);
    assert.ok(error instanceof AuthenticationError);
    assert.equal(error.partial, true);
    assert.match(error.message, /accepted, but not enough/);
  });

  it("a server that finds every success partial is left", async () => {
    const connection = await clientTrying([none(), password("a")]);
    await connection.exchange([failure(["none", "password"], true)]);
    await connection.exchange([failure(["none", "password"], true)]);
    assert.ok(closedBecause(connection) instanceof AuthenticationError);
  });
});

describe("auth: banners", () => {
  it("may come at any moment before success", async () => {
    const connection = await clientTrying([
      publicKey(ed25519, { probe: true }),
      keyboardInteractive(() => ["x"]),
      password("a", { change: () => "b" }),
    ]);
    const { algorithms: [algorithm = ""], blob } = ed25519.publicKey;
    const script = [
      encodePublicKeyOk(algorithm, blob),
      failure(["keyboard-interactive", "password"]),
      challenge("?"),
      failure(["password"]),
      encodePasswordChangeRequest("Too old"),
      SUCCESS,
    ];
    for (const [i, message] of script.entries()) {
      const replies = await connection.exchange([banner(`${i}`), banner(`${i}!`), message]);
      assert.equal(replies.length, message === SUCCESS ? 0 : 1);
    }
    assert.deepEqual(connection.sink.banners, script.flatMap((_, i) => [`${i}`, `${i}!`]));
    assert.notEqual(connection.sink.user, null);
  });

  it("in no encoding at all do no harm", async () => {
    const connection = await clientTrying([none()]);
    const payload = new Writer().uint8(Msg.USERAUTH_BANNER).string(Uint8Array.of(0x61, 0xff))
      .string(Uint8Array.of(0xfe)).finish();
    await connection.exchange([payload, SUCCESS]);
    assert.deepEqual(connection.sink.banners, ["a\ufffd"]);
    assert.notEqual(connection.sink.user, null);
  });

  it("may not come after success", async () => {
    const connection = await clientTrying([none()]);
    await connection.exchange([SUCCESS, banner("too late")]);
    assert.ok(closedBecause(connection) instanceof ProtocolError);
    assert.deepEqual(connection.sink.banners, []);
  });
});

describe("auth: success", () => {
  it("is not taken before the service was accepted", async () => {
    const connection = await rawServer();
    connection.peer.transport.phase = "authenticating";
    await connection.exchange([SUCCESS]);
    assert.ok(closedBecause(connection) instanceof ProtocolError);
    assert.equal(connection.sink.user, null);
  });

  it("is not taken of another service", async () => {
    const connection = await rawServer();
    await connection.exchange([encodeService(Msg.SERVICE_ACCEPT, "ssh-connection")]);
    assert.match(closedBecause(connection).message, /accepted the service ssh-connection/);
  });

  it("has no body", async () => {
    const connection = await clientTrying([none()]);
    await connection.exchange([Uint8Array.of(Msg.USERAUTH_SUCCESS, 0)]);
    assert.match(closedBecause(connection).message, /it has a body/);
    assert.equal(connection.sink.user, null);
  });

  it("comes once", async () => {
    const connection = await clientTrying([none()]);
    await connection.exchange([SUCCESS, SUCCESS]);
    assert.ok(closedBecause(connection) instanceof ProtocolError);
  });

  it("with the end of the flow right behind it is not told after that end", async () => {
    const connection = await clientTrying([none()]);
    connection.peer.send(SUCCESS);
    for (const chunk of connection.peer.transport.takeOutput()) connection.engine.receive(chunk);
    connection.engine.receiveEof();
    await new Promise((resolve) => setTimeout(resolve));
    assert.notEqual(connection.sink.closed, null);
    assert.equal(connection.sink.user, null);
    assert.equal(connection.engine.user, null);
    assert.equal(connection.sink.authenticatedAfterClose, false);
  });
});

describe("auth: a client's first request", () => {
  const telling = (methods: ClientAuthMethod[]): Promise<RawConnection> =>
    rawServer({
      extensions: new Map([["server-sig-algs", "ssh-ed25519"]]),
      clientAuth: { methods },
    });

  it("waits for the service where the server tells nothing of itself", async () => {
    const connection = await rawServer({ clientAuth: { methods: [publicKey(ed25519)] } });
    assert.deepEqual(connection.early, []);
  });

  it("does not wait for it where the server has told of itself", async () => {
    const connection = await telling([publicKey(ed25519)]);
    assert.deepEqual(methodsOf(connection.early), ["publickey"]);
    await connection.exchange([encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth"), SUCCESS]);
    assert.equal(connection.sink.user?.method, "publickey");
  });

  it("is followed by the second as ever", async () => {
    const connection = await telling([none(), password("a")]);
    assert.deepEqual(methodsOf(connection.early), ["none"]);
    const accepted = encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth");
    assert.deepEqual(methodsOf(await connection.exchange([accepted])), []);
    assert.deepEqual(methodsOf(await connection.exchange([failure(["password"])])), ["password"]);
  });

  for (const [what, payload] of [["success", SUCCESS], ["failure", failure([])]] as const) {
    it(`is not answered with ${what} before the service is accepted`, async () => {
      const connection = await telling([publicKey(ed25519)]);
      assert.deepEqual(await connection.exchange([payload]), []);
      assert.match(closedBecause(connection).message, /before the authentication service/);
      assert.equal(connection.sink.user, null);
    });
  }

  it("is not answered by another service", async () => {
    const connection = await telling([publicKey(ed25519)]);
    await connection.exchange([encodeService(Msg.SERVICE_ACCEPT, "ssh-connection"), SUCCESS]);
    assert.match(closedBecause(connection).message, /accepted the service ssh-connection/);
    assert.equal(connection.sink.user, null);
  });
});

describe("auth: what a server may not send", () => {
  const messages: [string, Uint8Array][] = [
    ["PK_OK for `none`", encodePublicKeyOk("ssh-ed25519", ed25519.publicKey.blob)],
    ["questions for `none`", challenge("?")],
    [
      "a request",
      new Writer().uint8(Msg.USERAUTH_REQUEST).string("").string("").string("")
        .finish(),
    ],
    ["answers", Uint8Array.of(Msg.USERAUTH_INFO_RESPONSE, 0, 0, 0, 0)],
    ["a failure of nothing", Uint8Array.of(Msg.USERAUTH_FAILURE)],
    ["a failure with something behind it", Uint8Array.of(...failure(["password"]), 0)],
    ["a failure with an empty name", failure(["password", ""])],
    ["a failure with 1000 names", failure(Array.from({ length: 1000 }, () => "x"))],
    ["a banner of nothing", Uint8Array.of(Msg.USERAUTH_BANNER)],
    ["SERVICE_ACCEPT twice", encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth")],
    ["a channel", Uint8Array.of(Msg.CHANNEL_OPEN, 0, 0, 0, 0)],
  ];
  for (const [what, payload] of messages) {
    it(what, async () => {
      const connection = await clientTrying([none(), password("hunter2")]);
      assert.deepEqual(await connection.exchange([payload]), []);
      assert.ok(closedBecause(connection) instanceof ProtocolError);
      assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
      assert.equal(connection.sink.user, null);
    });
  }

  it("but numbers without a meaning do no harm", async () => {
    const connection = await clientTrying([none()]);
    for (let number = 62; number < 80; number++) {
      await connection.exchange([Uint8Array.of(number, 1, 2, 3)]);
    }
    assert.equal(connection.sink.closed, null);
    await connection.exchange([SUCCESS]);
    assert.notEqual(connection.sink.user, null);
  });
});

describe("auth: secrets", () => {
  const SECRET = "hunter2";
  const ends: [string, Uint8Array][] = [
    ["a failure", failure([])],
    ["a failure that is broken", Uint8Array.of(Msg.USERAUTH_FAILURE)],
    ["a message that may not come", Uint8Array.of(Msg.CHANNEL_OPEN)],
    ["a new password wanted", encodePasswordChangeRequest("Too old")],
  ];
  for (const [what, payload] of ends) {
    it(`are in no error after ${what}`, async () => {
      for (
        const method of [
          password(SECRET),
          password(() => SECRET),
          keyboardInteractive(() => [SECRET, SECRET]),
        ]
      ) {
        const connection = await clientTrying([method]);
        await connection.exchange([payload]);
        const error = closedBecause(connection);
        const told = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
        assert.doesNotMatch(told, new RegExp(SECRET));
      }
    });
  }

  it("that a prompt throws up are not told to the server", async () => {
    const failing = password(() => Promise.reject(new Error(SECRET)));
    const connection = await clientTrying([failing]);
    assert.equal(closedBecause(connection).message, SECRET);
    assert.equal(connection.peer.disconnect?.description, "The connection cannot go on");
  });

  it("that come when the connection has ended are not sent", async () => {
    const asked = deferred<void>();
    const answer = deferred<string>();
    const connection = await rawServer({
      clientAuth: {
        methods: [password(() => {
          asked.resolve();
          return answer.promise;
        })],
      },
    });
    await connection.exchange(
      [encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth")],
      asked.promise,
    );
    connection.engine.receiveEof();
    answer.resolve(SECRET);
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(connection.engine.outputBytes, 0);
  });
});
