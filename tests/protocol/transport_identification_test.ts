import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  checkIdentification,
  IdentificationReader,
} from "../../protocol/transport/identification.ts";
import { ByteQueue } from "../../wire/byte_queue.ts";
import { DisconnectCode } from "../../wire/errors.ts";
import { encodeLatin1 } from "../../wire/latin1.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { enginePair } from "../helpers/engine_pair.ts";
import { hostilePeer } from "../helpers/hostile_peer.ts";
import { ignore } from "../helpers/messages.ts";
import { assertEnded, assertLives, assertNothingPends, refuses } from "../helpers/script.ts";

/** Reads from a queue of these bytes, and gives what was read, the lines before it, and the rest. */
function read(
  bytes: Uint8Array,
  linesAllowed: boolean,
): { version: string | null; lines: string[]; rest: number } {
  const queue = new ByteQueue();
  queue.push(bytes.slice());
  const lines: string[] = [];
  const reader = new IdentificationReader({ linesAllowed, onLine: (line) => lines.push(line) });
  const version = reader.next(queue);
  return { version, lines, rest: queue.length };
}

describe("identification", () => {
  it("is read up to CR LF or LF, and what follows is left", () => {
    for (const linesAllowed of [true, false]) {
      for (const end of ["\r\n", "\n"]) {
        const text = `SSH-2.0-Test_1.0 some comment${end}rest`;
        assert.deepEqual(read(utf8(text), linesAllowed), {
          version: "SSH-2.0-Test_1.0 some comment",
          lines: [],
          rest: 4,
        });
      }
    }
  });

  it("is waited for", () => {
    for (const text of ["", "S", "SSH", "SSH-2.0-x", "SSH-2.0-x\r"]) {
      for (const linesAllowed of [true, false]) {
        assert.equal(read(utf8(text), linesAllowed).version, null);
      }
    }
  });

  it("keeps each byte as it came, for the exchange hash", () => {
    const bytes = concat([utf8("SSH-2.0-x "), Uint8Array.of(0x80, 0xff, 0xc3, 0xa4)]);
    const { version } = read(concat([bytes, utf8("\r\n")]), true);
    assert.deepEqual(encodeLatin1(version ?? ""), bytes);
  });

  it("may come after lines, if it is a server's", () => {
    const text = "\r\nWelcome\nSSH is not here\r\n  SSH-2.0-no\r\nSSH-2.0-x\r\n";
    assert.deepEqual(read(utf8(text), true), {
      version: "SSH-2.0-x",
      lines: ["", "Welcome", "SSH is not here", "  SSH-2.0-no"],
      rest: 0,
    });
    assert.throws(() => read(utf8(text), false), /it begins with/);
  });

  it("is shown lines without what would steer a terminal", () => {
    assert.deepEqual(read(utf8("\x1b[2Jhi\u0007\nSSH-2.0-x\n"), true).lines, ["\ufffd[2Jhi\ufffd"]);
  });

  it("may be of 255 bytes, and not of many more", () => {
    const longest = `SSH-2.0-${"x".repeat(245)}`;
    for (const linesAllowed of [true, false]) {
      assert.equal(read(utf8(`${longest}\r\n`), linesAllowed).version, longest);
      assert.throws(() => read(utf8(`${longest}xxx\r\n`), linesAllowed), /more than 255 bytes/);
      assert.throws(() => read(utf8(`${longest}xxxxx`), linesAllowed), /more than 255 bytes/);
    }
  });

  it("is of version 2.0, or of 1.99 which says the same", () => {
    for (const linesAllowed of [true, false]) {
      assert.equal(read(utf8("SSH-1.99-x\r\n"), linesAllowed).version, "SSH-1.99-x");
      for (
        const text of ["SSH-1.5-x", "SSH-2.1-x", "SSH-2.0", "SSH--", "SSH-3.0-x", "SSH-2.00-x"]
      ) {
        assert.throws(() => read(utf8(`${text}\r\n`), linesAllowed), /it identifies as/);
      }
    }
  });

  it("has no control characters", () => {
    for (const character of ["\x1b", "\r", "\t", "\x7f"]) {
      const bytes = utf8(`SSH-2.0-x${character}y\r\n`);
      assert.throws(() => read(bytes, true), /has a control character/);
    }
    assert.throws(() => read(utf8("SSH-2.0-\0\n"), true), /has a NUL/);
    assert.throws(() => read(utf8("a\0b\nSSH-2.0-x\n"), true), /has a NUL/);
    assert.equal(read(utf8("SSH-2.0-x\n\0"), true).version, "SSH-2.0-x");
  });

  it("of our own is checked when it is set", () => {
    for (const text of ["SSH-2.0-a", "SSH-2.0-a b c", `SSH-2.0-${"a".repeat(245)}`]) {
      assert.equal(checkIdentification(text), text);
    }
    const wrong = ["", "SSH-2.0-", "SSH-1.99-a", "SSH-2.0-a-b", "SSH-2.0-a\r\n", "SSH-2.0-ä"];
    for (const text of [...wrong, "SSH-2.0- a", `SSH-2.0-${"a".repeat(246)}`, "SSH-2.0-a\0"]) {
      assert.throws(() => checkIdentification(text), TypeError);
    }
  });

  it("is sought in time that grows with its lines, byte by byte", () => {
    const queue = new ByteQueue();
    const reader = new IdentificationReader({ linesAllowed: true });
    let looked = 0;
    const peek = queue.peek.bind(queue);
    queue.peek = (length) => {
      const view = peek(length);
      view.indexOf = (byte, from = 0) => {
        looked += view.length - from;
        return Uint8Array.prototype.indexOf.call(view, byte, from);
      };
      return view;
    };
    for (let i = 0; i < 20_000; i++) {
      queue.push(Uint8Array.of(0x41));
      assert.equal(reader.next(queue), null);
    }
    queue.push(utf8("\nSSH-2.0-x\n"));
    assert.equal(reader.next(queue), "SSH-2.0-x");
    assert.ok(looked < 42_000, `${looked}`);
  });
});

describe("engine, refuses to go on before an identification when", () => {
  const code = DisconnectCode.PROTOCOL_VERSION_NOT_SUPPORTED;
  const line = utf8(`${"x".repeat(60)}\r\n`);
  refuses([
    {
      role: "server",
      name: "sends 10,000 lines",
      stage: "fresh",
      send: (peer) => peer.sendRaw(...Array.from({ length: 10_000 }, () => line)),
      message: /^Cannot speak SSH: 1025 lines \(\d+ bytes\) came before any identification/,
    },
    {
      role: "server",
      name: "sends few lines, but long ones",
      stage: "fresh",
      send: (peer) =>
        peer.sendRaw(...Array.from({ length: 100 }, () => utf8(`${"x".repeat(999)}\n`))),
      message: /^Cannot speak SSH: 66 lines \(\d+ bytes\)/,
    },
    {
      role: "server",
      name: "sends a line without end",
      stage: "fresh",
      send: (peer) =>
        peer.sendRaw(...Array.from({ length: 100 }, () => new Uint8Array(1000).fill(65))),
      code,
      message: /a line of more than 65536 bytes/,
    },
    {
      role: "client",
      name: "sends a line without end",
      stage: "fresh",
      send: (peer) => peer.sendRaw(utf8("SSH-2.0-"), new Uint8Array(1000).fill(65)),
      code,
      message: /a line of more than 255 bytes/,
    },
    {
      name: "sends NUL",
      stage: "fresh",
      send: (peer) => peer.sendRaw(utf8("\0\0\0\0\n")),
      code,
      message: /has a NUL|it begins with/,
    },
    {
      role: "server",
      name: "speaks HTTP",
      stage: "fresh",
      send: (peer) => peer.sendRaw(utf8("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n")),
      code,
      message: /the peer speaks HTTP \("HTTP\/1.1 400 Bad Request"\)/,
    },
    {
      role: "client",
      name: "speaks HTTP",
      stage: "fresh",
      send: (peer) => peer.sendRaw(utf8("GET / HTTP/1.1\r\n\r\n")),
      code,
      message: /it begins with "GET \/ HTTP\/1.1/,
    },
    {
      role: "client",
      name: "speaks TLS",
      stage: "fresh",
      send: (peer) => peer.sendRaw(Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)),
      code,
      message: /a line has a NUL/,
    },
    {
      name: "speaks SSH 1",
      stage: "fresh",
      send: (peer) => peer.sendRaw(utf8("SSH-1.5-old\n")),
      code,
      message: /it identifies as "SSH-1.5-old"/,
    },
    {
      name: "sends packets without having identified itself",
      stage: "fresh",
      send: [ignore, ignore],
      code,
      message: /has a NUL|it begins with/,
    },
  ]);
});

describe("engine, waiting for a login", () => {
  for (const role of ["client", "server"] as const) {
    for (
      const stage of ["fresh", "identified", "exchanging", "service", "authenticating"] as const
    ) {
      it(`gives up on a ${role} that falls silent: ${stage}`, async () => {
        const peer = await hostilePeer({
          role,
          engine: { client: { loginTimeoutMs: 60_000 }, server: { loginTimeoutMs: 60_000 } },
        });
        await peer.reach(stage);
        assert.equal(peer.engine.advance(0), 60_000);
        assert.equal(peer.engine.advance(59_999), 60_000);
        assert.equal(peer.engine.closed, null);
        assert.equal(peer.engine.advance(60_000), null);
        await assertEnded(
          peer,
          DisconnectCode.BY_APPLICATION,
          /^The login took longer than 60000 ms/,
        );
      });
    }

    it(`gives a ${role} that is in as long as it likes`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("connected");
      peer.engine.advance(1_000_000);
      await assertLives(peer);
    });

    it(`tells of a ${role} that is gone`, async () => {
      for (const stage of ["fresh", "exchanging", "authenticating", "connected"] as const) {
        const peer = await hostilePeer({ role });
        await peer.reach(stage);
        peer.engine.receiveEof();
        assert.match(peer.engine.closed?.message ?? "", /^The connection was lost/);
        const before = / before the user was authenticated/.test(peer.engine.closed?.message ?? "");
        assert.equal(before, stage !== "connected");
        peer.engine.takeOutput();
        assertNothingPends(peer);
      }
    });
  }

  it("waits for ever if it is told to", async () => {
    const { client, server } = await enginePair({
      client: { loginTimeoutMs: 0 },
      server: { loginTimeoutMs: 0 },
    });
    assert.equal(client.engine.advance(1e15), null);
    assert.equal(server.engine.advance(1e15), null);
    assert.equal(client.engine.closed, null);
  });
});

describe("engine, given what it gets", () => {
  for (const role of ["client", "server"] as const) {
    it(`takes a ${role}'s bytes one at a time`, async () => {
      const peer = await hostilePeer({ role });
      const sendRaw = peer.sendRaw.bind(peer);
      peer.sendRaw = (...chunks) => {
        for (const chunk of chunks) {
          for (const byte of chunk) sendRaw(Uint8Array.of(byte));
        }
      };
      await peer.reach("connected");
      await assertLives(peer);
    });

    it(`takes all that a ${role} can say beforehand at once`, async () => {
      const peer = await hostilePeer({ role });
      const chunks: Uint8Array[] = [];
      const sendRaw = peer.sendRaw.bind(peer);
      peer.sendRaw = (...more) => void chunks.push(...more);
      peer.sendRaw(utf8(`${peer.identification}\r\n`));
      peer.sendKexInit();
      const half = peer.seal(ignore);
      peer.sendRaw = sendRaw;
      peer.sendRaw(concat([...chunks, half.subarray(0, 5)]));
      assert.equal(peer.engine.closed, null);
      assert.equal((await peer.next())[0], Msg.KEXINIT);
    });
  }
});
