import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as errors from "../../wire/errors.ts";

const {
  AuthenticationError,
  ChannelClosedError,
  ChannelOpenError,
  DisconnectCode,
  DisconnectError,
  FlowClosedError,
  HostKeyError,
  KeyFormatError,
  NegotiationError,
  printable,
  ProtocolError,
  RequestError,
  SshError,
} = errors;

describe("errors", () => {
  const cause = new Error("why");
  const key = new Uint8Array(0);
  const family = [
    new SshError("m", { cause }),
    new DisconnectError("m", { code: 2, description: "d", by: "peer", cause }),
    new ProtocolError("m", { cause }),
    new HostKeyError("m", { status: "not-known", key, cause }),
    new AuthenticationError("m", { remaining: [], partial: false, cause }),
    new ChannelOpenError("m", { reason: 1, cause }),
    new ChannelClosedError("m", { cause }),
    new RequestError("m", { cause }),
    new FlowClosedError("m", { cause }),
    new KeyFormatError("m", { cause }),
  ];

  it("are one family, each with its name and cause", () => {
    const names = Object.keys(errors).filter((name) => name.endsWith("Error"));
    const known = [...family, new NegotiationError("x", [], [])];
    assert.deepEqual(known.map(({ name }) => name).sort(), names.sort());
    for (const error of known) assert.ok(error instanceof SshError && error instanceof Error);
    for (const error of family) {
      assert.equal(error.message, "m");
      assert.equal(error.cause, cause);
    }
  });

  it("have no cause if there is none", () => {
    assert.equal("cause" in new ProtocolError("m"), false);
    const end = new DisconnectError("m", { code: 2, description: "", by: "us" });
    assert.equal("cause" in end, false);
  });

  it("carry the code that the peer is told: PROTOCOL_ERROR, if none is given", () => {
    assert.equal(new ProtocolError("m").code, DisconnectCode.PROTOCOL_ERROR);
    assert.equal(new ProtocolError("m", { code: DisconnectCode.MAC_ERROR }).code, 5);
  });

  it("say what both ends offered, and the peer's as far as it can be shown", () => {
    const evil = ["a\x1b[2J", "b".repeat(5000)];
    const error = new NegotiationError("the cipher", ["x", "y"], evil);
    assert.match(
      error.message,
      /^Cannot agree on the cipher: we offer x, y; the peer offers a\ufffd/,
    );
    assert.ok(error.message.length < 1100);
    assert.deepEqual(error.theirs, evil);
    assert.equal(
      new NegotiationError("the MAC", [], []).message,
      "Cannot agree on the MAC: we offer nothing; the peer offers nothing",
    );
  });

  it("show text of a peer without what would steer a terminal, or turn it about", () => {
    assert.equal(printable("plain text, ä€𝄞"), "plain text, ä€𝄞");
    const steering = "\0\x07\b\t\n\r\x1b\x7f\x80\x9b\x9f\u2028\u2029\u202a\u202e\u2066\u2069";
    assert.equal(printable(steering), "\ufffd".repeat(steering.length));
    assert.equal(printable("x".repeat(300)), `${"x".repeat(200)}…`);
    assert.equal(printable("xyz", 3), "xyz");
    assert.equal(printable("xyz!", 3), "xyz…");
  });
});
