import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeExtInfo, encodeExtInfo, encodePing } from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { hostilePeer } from "../helpers/hostile_peer.ts";
import { debug, ignore, wellFormed } from "../helpers/messages.ts";
import { assertLives, refuses, type Script } from "../helpers/script.ts";

const extInfo = encodeExtInfo(new Map([["a@x", "1"], ["server-sig-algs", "ssh-ed25519"]]));

function raw(count: number, ...strings: string[]): Uint8Array {
  const writer = new Writer().uint8(Msg.EXT_INFO).uint32(count);
  for (const text of strings) writer.string(text);
  return writer.finish();
}

describe("EXT_INFO", () => {
  for (const role of ["client", "server"] as const) {
    it(`is taken from a ${role}, as its first message under the first keys`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("service");
      peer.send(extInfo);
      await peer.reach("connected");
      await assertLives(peer);
      assert.deepEqual(
        [...peer.engine.peerExtensions],
        [["a@x", utf8("1")], ["server-sig-algs", utf8("ssh-ed25519")]],
      );
    });

    it(`is sent to a ${role} that asks for it, right behind NEWKEYS, and only once`, async () => {
      const peer = await hostilePeer({ role, wantsExtInfo: true });
      await peer.reach("connected");
      await peer.rekey();
      await peer.rest();
      const numbers = peer.received.map(([number]) => number);
      const at = numbers.indexOf(Msg.EXT_INFO);
      assert.equal(numbers[at - 1], Msg.NEWKEYS);
      assert.equal(numbers.lastIndexOf(Msg.EXT_INFO), at);
      const told = decodeExtInfo(peer.received[at] ?? new Uint8Array(0));
      assert.deepEqual(told.get("ping@openssh.com"), utf8("0"));
      assert.deepEqual(told.get("global-requests-ok"), utf8(""));
      const algorithms = new TextDecoder().decode(told.get("server-sig-algs"));
      if (role === "client") assert.ok(algorithms.split(",").includes("ssh-ed25519"));
      else assert.equal(algorithms, "");
    });

    it(`is not sent to a ${role} that does not ask for it`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("connected");
      await peer.rest();
      assert.ok(peer.received.every(([number]) => number !== Msg.EXT_INFO));
    });
  }

  it("may come again from a server, right before SUCCESS, and replaces the first", async () => {
    const peer = await hostilePeer({ role: "server" });
    await peer.reach("service");
    peer.send(extInfo);
    await peer.reach("authenticating");
    peer.send(encodeExtInfo(new Map([["b@x", "2"]])));
    await peer.reach("connected");
    assert.deepEqual([...peer.engine.peerExtensions], [["b@x", utf8("2")]]);
  });

  const late: Omit<Script, "name" | "send">[] = [
    { stage: "identified", message: /^Cannot accept EXT_INFO \(7\): .* before the first keys/ },
    { stage: "exchanging", message: /^Cannot accept EXT_INFO \(7\): .* before the first keys/ },
    { stage: "agreed", message: /^Cannot accept EXT_INFO \(7\): .* before the first keys/ },
    { stage: "connected", message: /^Cannot accept EXT_INFO \(7\): .* on an authenticated/ },
    {
      stage: "connected",
      rekeying: true,
      message: /^Cannot accept EXT_INFO \(7\): .* during a key exchange/,
    },
    {
      role: "client",
      stage: "authenticating",
      message: /^Cannot accept EXT_INFO \(7\): .* before the user was authenticated/,
    },
  ];
  const notFirst = /EXT_INFO: it has to be the first message under the first keys/;
  refuses([
    ...late.map((script) => ({
      ...script,
      name: `must not send it: ${script.stage}${script.rekeying ? ", re-keying" : ""}`,
      send: [extInfo],
    })),
    {
      name: "must not send it twice",
      stage: "service",
      send: [extInfo, extInfo],
      message: notFirst,
    },
    {
      name: "must not send it behind another message",
      stage: "service",
      send: [ignore, extInfo],
      message: notFirst,
    },
    {
      name: "must not send it under later keys",
      stage: "service",
      send: async (peer) => {
        await peer.rekey();
        peer.send(extInfo);
      },
      message: notFirst,
    },
    {
      role: "server",
      name: "must not let anything but SUCCESS follow the second",
      stage: "authenticating",
      send: [extInfo, debug],
      message: /^Cannot accept DEBUG \(4\): after a second EXT_INFO only USERAUTH_SUCCESS may come/,
    },
    {
      role: "server",
      name: "must not send it three times",
      stage: "authenticating",
      send: [extInfo, extInfo],
      message: /^Cannot accept EXT_INFO \(7\): after a second EXT_INFO/,
    },
    {
      role: "server",
      name: "must not fail the user after the second",
      stage: "authenticating",
      send: [extInfo, wellFormed(Msg.USERAUTH_FAILURE)],
      message: /^Cannot accept USERAUTH_FAILURE \(51\): after a second EXT_INFO/,
    },
    ...malformed(),
  ]);

  it("without ping@openssh.com means that no PING is sent", async () => {
    const peer = await hostilePeer({ role: "server" });
    await peer.reach("connected");
    assert.equal(peer.engine.ping(new Uint8Array(0), () => {}), false);
    assert.deepEqual(await peer.rest(), []);
  });

  it("with ping@openssh.com lets PING be sent, and PONG answers in order", async () => {
    const peer = await hostilePeer({ role: "server" });
    await peer.reach("service");
    peer.send(encodeExtInfo(new Map([["ping@openssh.com", "0"]])));
    await peer.reach("connected");
    const answers: string[] = [];
    for (const name of ["one", "two"]) {
      const text = utf8(name);
      assert.ok(peer.engine.ping(text, (data) => answers.push(`${name} ${data.length}`)));
    }
    assert.deepEqual(await peer.until(Msg.PING), encodePing(Msg.PING, utf8("one")));
    assert.deepEqual(await peer.until(Msg.PING), encodePing(Msg.PING, utf8("two")));
    peer.send(encodePing(Msg.PONG, new Uint8Array(1)), encodePing(Msg.PONG, new Uint8Array(2)));
    assert.deepEqual(answers, ["one 1", "two 2"]);
  });

  it("or not, PING is answered with what it carries", async () => {
    for (const role of ["client", "server"] as const) {
      const peer = await hostilePeer({ role });
      for (const stage of ["service", "authenticating", "connected"] as const) {
        await peer.reach(stage);
        for (const data of [new Uint8Array(0), new Uint8Array(1000).fill(3)]) {
          peer.send(encodePing(Msg.PING, data));
          assert.deepEqual(await peer.until(Msg.PONG), encodePing(Msg.PONG, data));
        }
        if (role === "server") break;
      }
    }
  });
});

function malformed(): Script[] {
  const script = (name: string, payload: Uint8Array, message: RegExp): Script => ({
    name: `must not send one ${name}`,
    stage: "service",
    send: [payload],
    message,
  });
  const many = Array.from({ length: 257 }, (_, i) => [`e${i}@x`, ""]).flat();
  return [
    script("without anything", Uint8Array.of(Msg.EXT_INFO), /^Cannot read EXT_INFO/),
    script("that counts more than it has", raw(2, "a@x", "1"), /^Cannot read EXT_INFO/),
    script("that counts less than it has", raw(1, "a@x", "1", "b@x", "2"), /bytes too many/),
    script("that counts to 2^32 - 1", raw(2 ** 32 - 1, "a@x", "1"), /at most 256 are allowed/),
    script("of 257 extensions", raw(257, ...many), /at most 256 are allowed/),
    script("that has an extension twice", raw(2, "a@x", "1", "a@x", "2"), /extension a@x twice/),
    script("with a name of 30,000 bytes", raw(1, "x".repeat(30_000), ""), /at most 256 are/),
    script("with a name that is no text", raw(1, "\x1b[2J", ""), /is not printable US-ASCII/),
  ];
}
