import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { GateState, Phase, Role } from "../../protocol/gate.ts";
import { encodeUserauthRequest } from "../../wire/auth_messages.ts";
import { encodeChannelMessage, encodeWindowAdjust } from "../../wire/connection_messages.ts";
import { DisconnectCode } from "../../wire/errors.ts";
import { encodeGroupRequest, encodeKexShare } from "../../wire/kex_messages.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import { decodeDisconnect, encodePing, encodeService } from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import { RecordingChannelSink } from "../helpers/application_sink.ts";
import { utf8 } from "../helpers/bytes.ts";
import { type HostilePeer, hostilePeer, requestNone, type Stage } from "../helpers/hostile_peer.ts";
import {
  channelData,
  channelRequest,
  confirmation,
  debug,
  globalRequest,
  ignore,
  openSession,
  unimplemented,
  wellFormed,
} from "../helpers/messages.ts";
import { assertEnded, assertLives, assertNothingPends, refuses } from "../helpers/script.ts";
import { expectedVerdict } from "./_gate_expectation.ts";

/** Every number that means something, and those beside the ends of each range. */
const NUMBERS = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 19, 20, 21, 22, 29, 30, 31, 34, 49, 50, 51, 52, 53, 54, 59, 60],
  ...[61, 62, 79, 80, 81, 82, 83, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 127, 128],
  ...[191, 192, 193, 194, 255],
];

interface Moment {
  readonly name: string;
  readonly stage: Stage;
  readonly rekeying?: boolean;
  readonly phase: Phase;
  readonly strict?: boolean;
}

const MOMENTS: readonly Moment[] = [
  { name: "before the first KEXINIT", stage: "identified", phase: "initial" },
  { name: "in a strict first key exchange", stage: "exchanging", phase: "initial", strict: true },
  { name: "in a lax first key exchange", stage: "exchanging", phase: "initial", strict: false },
  { name: "before the first NEWKEYS", stage: "agreed", phase: "initial", strict: true },
  { name: "under the first keys", stage: "service", phase: "service" },
  { name: "re-keying before service", stage: "service", rekeying: true, phase: "service" },
  { name: "authenticating", stage: "authenticating", phase: "authenticating" },
  {
    name: "re-keying while authenticating",
    stage: "authenticating",
    rekeying: true,
    phase: "authenticating",
  },
  { name: "connected", stage: "connected", phase: "connected" },
  { name: "re-keying when connected", stage: "connected", rekeying: true, phase: "connected" },
];

/** Sends each message at a moment, and holds the engine to the verdict. */
async function checkMoment(role: Role, moment: Moment): Promise<void> {
  const state: GateState = {
    role: role === "client" ? "server" : "client",
    phase: moment.phase,
    exchanging: moment.rekeying === true || ["exchanging", "agreed"].includes(moment.stage),
    strictInitial: moment.strict ?? false,
  };
  let survivor: HostilePeer | null = null;
  for (const number of NUMBERS) {
    const verdict = expectedVerdict(number, state);
    if (verdict === "accept") continue;
    const peer: HostilePeer = survivor ??
      await hostilePeer({ role, strict: moment.strict ?? true });
    if (survivor === null) {
      await peer.reach(moment.stage);
      if (moment.rekeying === true) await peer.beginExchange();
      await peer.settle();
    }
    await peer.rest();
    const heard = [...peer.application.calls];
    const sequence = peer.writer.sequence;
    peer.send(wellFormed(number));
    if (verdict === "refuse") {
      const name = messageName(number).replace(/[()]/g, "\\$&");
      const message = new RegExp(`^Cannot accept ${name}: a ${state.role} may not be sent it `);
      await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, message);
    } else {
      const answers = await peer.rest();
      assert.equal(peer.engine.closed, null, messageName(number));
      const expected = new Writer().uint8(Msg.UNIMPLEMENTED).uint32(sequence).finish();
      assert.deepEqual(answers, verdict === "unknown" ? [expected] : [], messageName(number));
    }
    assert.deepEqual(peer.application.calls, heard, messageName(number));
    survivor = verdict === "refuse" ? null : peer;
  }
}

describe("engine, at its gate", () => {
  for (const role of ["client", "server"] as const) {
    for (const moment of MOMENTS) {
      it(`refuses each message that a ${role} may not send: ${moment.name}`, () =>
        checkMoment(role, moment));
    }
  }
});

describe("engine, refuses to go on when", () => {
  refuses([
    {
      name: "re-keys before it asks for the service, then opens a channel",
      stage: "service",
      send: async (peer) => {
        await peer.rekey();
        peer.send(openSession);
      },
      message: /^Cannot accept CHANNEL_OPEN \(90\): .* before the authentication service/,
    },
    {
      name: "re-keys while authenticating, then opens a channel",
      stage: "authenticating",
      send: async (peer) => {
        await peer.rekey();
        peer.send(openSession);
      },
      message: /^Cannot accept CHANNEL_OPEN \(90\): .* before the user was authenticated/,
    },
    {
      name: "sends KEXINIT twice",
      stage: "exchanging",
      send: [wellFormed(Msg.KEXINIT)],
      message: /^Cannot accept KEXINIT \(20\): .* during a key exchange/,
    },
    {
      name: "sends KEXINIT twice when it re-keys",
      stage: "connected",
      rekeying: true,
      send: [wellFormed(Msg.KEXINIT)],
      message: /^Cannot accept KEXINIT \(20\): .* during a key exchange/,
    },
    {
      name: "sends NEWKEYS before there are keys",
      stage: "exchanging",
      send: [wellFormed(Msg.NEWKEYS)],
      message: /NEWKEYS \(21\) came, but .* was expected/,
    },
    {
      name: "sends NEWKEYS twice",
      stage: "agreed",
      send: async (peer) => {
        await peer.useNewKeys();
        peer.send(wellFormed(Msg.NEWKEYS));
      },
      message: /^Cannot accept NEWKEYS \(21\)/,
    },
    {
      name: "sends NEWKEYS with a body",
      stage: "agreed",
      send: [Uint8Array.of(Msg.NEWKEYS, 0)],
      message: /^Cannot read NEWKEYS: it has a body/,
    },
    {
      role: "client",
      name: "sends its share twice",
      stage: "agreed",
      send: [wellFormed(Msg.KEXDH_INIT)],
      message: /KEXDH_INIT \(30\) came, but NEWKEYS \(21\) was expected/,
    },
    {
      role: "server",
      name: "sends its reply twice",
      stage: "agreed",
      send: [wellFormed(Msg.KEXDH_REPLY)],
      message: /KEXDH_REPLY.* came, but NEWKEYS \(21\) was expected/,
    },
    {
      role: "client",
      name: "sends the server's part of a key exchange",
      stage: "exchanging",
      send: [wellFormed(Msg.KEXDH_REPLY)],
      message: /KEXDH_REPLY.* came, but KEXDH_INIT \(30\) was expected/,
    },
    {
      role: "server",
      name: "sends the client's part of a key exchange",
      stage: "exchanging",
      send: [wellFormed(Msg.KEXDH_INIT)],
      message: /KEXDH_INIT \(30\) came, but KEXDH_REPLY.* was expected/,
    },
    {
      role: "client",
      name: "asks for a group in an exchange that has none",
      stage: "exchanging",
      send: [encodeGroupRequest({ min: 2048, preferred: 3072, max: 8192 })],
      message: /KEX_DH_GEX_REQUEST \(34\) came, but KEXDH_INIT \(30\) was expected/,
    },
    {
      name: "sends a key exchange message that no method has",
      stage: "exchanging",
      send: [encodeKexShare(49, new Uint8Array(32), "string")],
      message: /message \(49\) came, but .* was expected/,
    },
    ...serviceRequests(),
    {
      role: "server",
      name: "accepts another service",
      stage: "service",
      send: [encodeService(Msg.SERVICE_ACCEPT, "ssh-connection")],
      message: /the server accepted the service ssh-connection/,
    },
    {
      role: "server",
      name: "accepts the service twice",
      stage: "authenticating",
      send: [wellFormed(Msg.SERVICE_ACCEPT)],
      message: /^Cannot accept SERVICE_ACCEPT \(6\)/,
    },
    {
      role: "server",
      name: "grants a global request that nobody made",
      stage: "connected",
      send: [Uint8Array.of(Msg.REQUEST_SUCCESS)],
      message: /^Cannot accept REQUEST_SUCCESS \(81\): no request waits for it/,
    },
    {
      role: "client",
      name: "denies a global request that nobody made",
      stage: "connected",
      send: [Uint8Array.of(Msg.REQUEST_FAILURE)],
      message: /^Cannot accept REQUEST_FAILURE \(82\): no request waits for it/,
    },
    {
      name: "answers a PING that nobody sent",
      stage: "connected",
      send: [encodePing(Msg.PONG, new Uint8Array(0))],
      message: /^Cannot accept PONG: no PING was sent/,
    },
    ...[91, 92, 93, 94, 95, 96, 97, 98, 99, 100].map((number) => ({
      name: `sends ${messageName(number)} for a channel that there never was`,
      stage: "connected" as const,
      send: [wellFormed(number)],
      message: / there is no channel 0/,
    })),
  ]);
});

function serviceRequests(): Parameters<typeof refuses>[0] {
  const service = (name: string, bytes: Uint8Array, code: number, message: RegExp) => ({
    role: "client" as const,
    name: `asks for ${name}`,
    stage: "service" as const,
    send: [bytes],
    code,
    message,
  });
  const { SERVICE_NOT_AVAILABLE, PROTOCOL_ERROR } = DisconnectCode;
  const request = (name: string) => encodeService(Msg.SERVICE_REQUEST, name);
  return [
    service("a service without a name", request(""), SERVICE_NOT_AVAILABLE, /only ssh-userauth/),
    service("the connection itself", request("ssh-connection"), SERVICE_NOT_AVAILABLE, /^Cannot/),
    service(
      "a service of another name",
      request("ssh-userauth2"),
      SERVICE_NOT_AVAILABLE,
      /^Cannot/,
    ),
    service("a service of a long name", request("x".repeat(257)), PROTOCOL_ERROR, /at most 256/),
    service("a service of a huge name", request("x".repeat(30000)), PROTOCOL_ERROR, /at most 256/),
    service("nothing", Uint8Array.of(Msg.SERVICE_REQUEST), PROTOCOL_ERROR, /^Cannot read/),
    service(
      "a service whose name is cut short",
      request("ssh-userauth").subarray(0, -1),
      PROTOCOL_ERROR,
      /^Cannot read/,
    ),
    service(
      "the service, and says more",
      new Writer().raw(request("ssh-userauth")).uint8(0).finish(),
      PROTOCOL_ERROR,
      /1 bytes too many/,
    ),
    {
      role: "client",
      name: "asks for the service twice",
      stage: "authenticating",
      send: [wellFormed(Msg.SERVICE_REQUEST)],
      message: /^Cannot accept SERVICE_REQUEST \(5\)/,
    },
  ];
}

describe("engine, as a client", () => {
  it("is not let in by a SUCCESS that came before it had asked", async () => {
    let ask = (_: string): void => {};
    const asked = new Promise<string>((resolve) => ask = resolve);
    const peer = await hostilePeer({
      role: "server",
      engine: {
        clientAuth: {
          methods: [{
            name: "slow",
            async authenticate(context) {
              context.request(await asked, new Uint8Array(0));
              await context.reply();
              return { outcome: "success" };
            },
          }],
        },
      },
    });
    await peer.reach("service");
    await peer.until(Msg.SERVICE_REQUEST);
    peer.send(wellFormed(Msg.SERVICE_ACCEPT), wellFormed(Msg.USERAUTH_SUCCESS), openSession);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.deepEqual(peer.application.calls, ["verify host key"]);
    ask("none");
    await peer.until(Msg.USERAUTH_REQUEST);
    await peer.settle();
    assert.equal(peer.engine.user?.user, "ada");
    assert.deepEqual(peer.application.calls.slice(1), ["authenticated ada", "open session"]);
  });

  it("is let in by nothing that comes after a lost connection", async () => {
    const peer = await hostilePeer({ role: "server" });
    await peer.reach("authenticating");
    peer.send(wellFormed(Msg.USERAUTH_SUCCESS));
    peer.engine.receiveEof();
    await peer.rest();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(peer.engine.user, null);
    assert.deepEqual(peer.application.calls, ["verify host key"]);
    assertNothingPends(peer);
  });
});

describe("engine, connected", () => {
  for (const role of ["client", "server"] as const) {
    it(`lives on when a ${role} opens channels of unknown types`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("connected");
      for (const [id, type] of ["", "x", "session@example.com", "x".repeat(256)].entries()) {
        const writer = new Writer().uint8(Msg.CHANNEL_OPEN).string(type);
        peer.send(writer.uint32(id).uint32(1000).uint32(1000).raw(utf8("extra")).finish());
        peer.application.opens[id]?.reject(3, "unknown");
        const answer = await peer.until(Msg.CHANNEL_OPEN_FAILURE);
        const expected = new Writer().uint8(92).uint32(id).uint32(3).string("unknown").string("");
        assert.deepEqual(answer, new Uint8Array(expected.finish()));
      }
      assert.equal(peer.engine.channelCount, 0);
      await assertLives(peer);
    });

    it(`lives on when a ${role} makes unknown global requests`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("connected");
      peer.send(globalRequest("", true), globalRequest("x@y", false), globalRequest("x@y", true));
      for (const request of peer.application.globalRequests) request.fail();
      const answers = await peer.rest();
      assert.deepEqual(answers, [Uint8Array.of(82), Uint8Array.of(82)]);
      await assertLives(peer);
    });

    it(`ignores or refuses what a ${role} sends to a channel that was refused`, async () => {
      for (const number of [91, 92, 93, 94, 95, 96, 97, 98, 99, 100]) {
        const peer = await hostilePeer({ role });
        await peer.reach("connected");
        peer.send(openSession);
        peer.application.opens[0]?.reject(1, "no");
        peer.send(wellFormed(number));
        await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /there is no channel 0/);
      }
    });

    it(`refuses what a ${role} sends to a channel that is closed`, async () => {
      for (const number of [91, 92, 93, 94, 95, 96, 97, 98, 99, 100]) {
        const peer = await hostilePeer({ role });
        const sink = await openChannel(peer);
        peer.send(encodeChannelMessage(Msg.CHANNEL_CLOSE, 0));
        await peer.until(Msg.CHANNEL_CLOSE);
        assert.deepEqual(sink.calls, ["open", "closed"]);
        peer.send(wellFormed(number));
        await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /there is no channel 0/);
        assert.deepEqual(sink.calls, ["open", "closed"]);
      }
    });

    it(`refuses what a ${role} sends to a channel that it has not confirmed`, async () => {
      for (const number of [93, 94, 95, 96, 97, 98, 99, 100]) {
        const peer = await hostilePeer({ role });
        await peer.reach("connected");
        const sink = new RecordingChannelSink();
        peer.engine.openChannel("x", new Uint8Array(0), LIMITS, sink);
        peer.send(wellFormed(number));
        await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /there is no channel 0/);
        assert.deepEqual(sink.calls, ["closed"]);
      }
    });

    it(`refuses that a ${role} confirms or refuses a channel twice`, async () => {
      for (const number of [91, 92]) {
        const peer = await hostilePeer({ role });
        const sink = await openChannel(peer);
        peer.send(wellFormed(number));
        await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /channel 0 is open already/);
        assert.deepEqual(sink.calls, ["open", "closed"]);
      }
    });

    it(`refuses a ${role}'s replies to channel requests that nobody made`, async () => {
      for (const number of [99, 100]) {
        const peer = await hostilePeer({ role });
        const sink = await openChannel(peer);
        peer.send(wellFormed(number));
        await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /no request waits for it/);
        assert.deepEqual(sink.calls, ["open", "closed"]);
      }
    });
  }

  it("tells each channel and nobody else of the end", async () => {
    const peer = await hostilePeer({ role: "server" });
    const sink = await openChannel(peer);
    const pending = new RecordingChannelSink();
    peer.engine.openChannel("x", new Uint8Array(0), LIMITS, pending);
    peer.send(channelData(0, utf8("hello")), channelRequest(0), encodeWindowAdjust(0, 1));
    peer.send(encodeUserauthRequest(REQUEST));
    await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /USERAUTH_REQUEST \(50\)/);
    assert.deepEqual(sink.calls, ["open", "data 0 5", "request shell", "window", "closed"]);
    assert.deepEqual(pending.calls, ["closed"]);
  });

  it("takes a DISCONNECT at any moment as the end, and sends none", async () => {
    for (const { stage, rekeying } of MOMENTS) {
      for (const role of ["client", "server"] as const) {
        const peer = await hostilePeer({ role });
        await peer.reach(stage);
        if (rekeying === true) await peer.beginExchange();
        await peer.rest();
        peer.send(wellFormed(Msg.DISCONNECT));
        assert.deepEqual(await peer.rest(), []);
        assert.equal(
          peer.engine.closed?.message,
          "The peer closed the connection: bye (reason 11)",
        );
        assertNothingPends(peer);
      }
    }
  });

  it("tells of DEBUG at any time, and of IGNORE and UNIMPLEMENTED never", async () => {
    for (const role of ["client", "server"] as const) {
      const peer = await hostilePeer({ role });
      for (const stage of ["service", "authenticating", "connected"] as const) {
        await peer.reach(stage);
        peer.send(debug, ignore, unimplemented);
      }
      await assertLives(peer);
      assert.deepEqual(peer.application.debugs, ["hush", "hush", "hush"]);
    }
  });

  it("ignores a request to authenticate that comes too late", async () => {
    const peer = await hostilePeer({ role: "client" });
    await peer.reach("authenticating");
    peer.send(requestNone, requestNone, requestNone);
    await peer.until(Msg.USERAUTH_SUCCESS);
    await assertLives(peer);
    assert.deepEqual(peer.application.calls, ["authenticate none", "authenticated ada"]);
  });

  it("shows what a peer says without what would steer a terminal", async () => {
    const peer = await hostilePeer({ role: "server" });
    await peer.reach("connected");
    const evil = "\x1b[2J\u202etxt.exe\u2066\r\n\0";
    peer.send(new Writer().uint8(1).uint32(2).string(evil).string("").finish());
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(peer.engine.closed?.message ?? "", /[\x00-\x1f\u202e\u2066]/);
    const last = await peer.rest();
    assert.ok(last.every(([number]) => number !== Msg.DISCONNECT));
    assert.equal(decodeDisconnect(wellFormed(1)).code, 11);
  });
});

const LIMITS = { windowBytes: 1000, maxPacketBytes: 1000 };
const REQUEST = {
  user: "eve",
  service: "ssh-connection",
  method: "none",
  fields: new Uint8Array(),
};

/** A channel that the engine has opened, and the peer has confirmed: number 0 at both ends. */
async function openChannel(peer: HostilePeer): Promise<RecordingChannelSink> {
  await peer.reach("connected");
  const sink = new RecordingChannelSink();
  peer.engine.openChannel("session", new Uint8Array(0), LIMITS, sink);
  await peer.until(Msg.CHANNEL_OPEN);
  peer.send(confirmation(0));
  return sink;
}
