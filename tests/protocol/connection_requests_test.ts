import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  decodeBreak,
  decodeEnv,
  decodeExec,
  decodeExitSignal,
  decodeExitStatus,
  decodePtyRequest,
  decodeSignal,
  decodeSubsystem,
  decodeWindowChange,
  decodeXonXoff,
  encodeEnv,
  encodeExitSignal,
  encodePtyRequest,
  encodeText,
  encodeUint32,
  encodeWindowChange,
  encodeXonXoff,
} from "../../wire/channel_requests.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { encodeTerminalModes, TerminalMode } from "../../wire/terminal_modes.ts";
import { Writer } from "../../wire/writer.ts";

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const text = fc.string({ unit: "grapheme", maxLength: 50 });
const plain = { noNullPrototype: true } as const;
const size = fc.record({ columns: uint32, rows: uint32, width: uint32, height: uint32 }, plain);
const modeNames = fc.constantFrom(...Object.keys(TerminalMode), "100", "159");
const modes = fc.dictionary(modeNames, uint32, plain);
const pty = fc.tuple(size, fc.record({ term: text, modes }))
  .map(([dimensions, rest]) => ({ ...dimensions, ...rest }));
const exitSignal = fc.record({
  name: fc.constantFrom("KILL", "TERM", "what@example.com"),
  coreDumped: fc.boolean(),
  message: text,
  language: fc.constantFrom("", "en"),
}, plain);

/** A request's name, values of it, and how they are written and read. */
function codec<T>(
  name: string,
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (payload: Uint8Array) => T,
): { name: string; check(): void; sample: Uint8Array; decode(payload: Uint8Array): unknown } {
  return {
    name,
    decode,
    sample: fc.sample(values.map(encode), { numRuns: 1, seed: 1 })[0] ?? new Uint8Array(0),
    check: () =>
      fc.assert(fc.property(values, (value) => assert.deepEqual(decode(encode(value)), value))),
  };
}

const codecs = [
  codec("pty-req", pty, encodePtyRequest, decodePtyRequest),
  codec("window-change", size, encodeWindowChange, decodeWindowChange),
  codec(
    "env",
    fc.record({ name: text, value: text }, plain),
    ({ name, value }) => encodeEnv(name, value),
    decodeEnv,
  ),
  codec("exec", text, encodeText, decodeExec),
  codec("subsystem", text, encodeText, decodeSubsystem),
  codec("signal", text, encodeText, decodeSignal),
  codec("exit-status", uint32, encodeUint32, decodeExitStatus),
  codec("break", uint32, encodeUint32, decodeBreak),
  codec("exit-signal", exitSignal, encodeExitSignal, decodeExitSignal),
  codec("xon-xoff", fc.boolean(), encodeXonXoff, decodeXonXoff),
];

describe("connection: requests of a session", () => {
  for (const { name, check, sample, decode } of codecs) {
    it(`${name} is read as it was written`, () => check());

    it(`${name} is refused at every length but its own`, () => {
      for (let length = 0; length < sample.length; length++) {
        assert.throws(() => decode(sample.slice(0, length)), ProtocolError, `${length} bytes`);
      }
      assert.throws(() => decode(Uint8Array.of(...sample, 0)), ProtocolError);
    });
  }

  const malformed: [string, () => unknown][] = [
    ["an exit status of 3 bytes", () => decodeExitStatus(Uint8Array.of(0, 0, 0))],
    ["an exit status of 5 bytes", () => decodeExitStatus(new Uint8Array(5))],
    ["an exit signal with NUL in its name", () =>
      decodeExitSignal(
        encodeExitSignal({ name: "KILL\0", coreDumped: false, message: "", language: "" }),
      )],
    ["an exit signal with a name in UTF-8", () =>
      decodeExitSignal(
        encodeExitSignal({ name: "TÖT", coreDumped: false, message: "", language: "" }),
      )],
    ["an exit signal with a long name", () =>
      decodeExitSignal(
        encodeExitSignal({ name: "X".repeat(257), coreDumped: false, message: "", language: "" }),
      )],
    ["a command in no encoding", () => decodeExec(Uint8Array.of(0, 0, 0, 1, 0xff))],
    ["a subsystem with a name of a megabyte", () => decodeSubsystem(encodeText("x".repeat(1e6)))],
    ["a variable with a name of a megabyte", () => decodeEnv(encodeEnv("x".repeat(1e6), ""))],
    ["modes cut short", () => decodePtyRequest(ptyWith(Uint8Array.of(TerminalMode.ECHO, 0, 0, 0)))],
    ["modes that claim to be longer", () =>
      decodePtyRequest(
        Uint8Array.of(...ptyWith(new Uint8Array(0)).slice(0, -4), 255, 255, 255, 255),
      )],
  ];
  for (const [what, read] of malformed) {
    it(`${what} is refused`, () => {
      assert.throws(read, ProtocolError);
    });
  }

  it("modes end where they say, with unknown opcodes, or with their bytes", () => {
    const echo = [TerminalMode.ECHO, 0, 0, 0, 1];
    for (const end of [[], [0], [0, 1, 2, 3], [160], [255, 1]]) {
      const { modes } = decodePtyRequest(ptyWith(Uint8Array.of(...echo, ...end)));
      assert.deepEqual(modes, { ECHO: 1 });
    }
  });

  it("modes that do not exist are not written", () => {
    for (const name of ["", "0", "160", "ECHo", "__proto__", "toString"]) {
      assert.throws(() => encodeTerminalModes({ [name]: 1 }), TypeError, name);
    }
    for (const value of [-1, 0.5, 2 ** 32, NaN]) {
      assert.throws(() => encodeTerminalModes({ ECHO: value }), RangeError);
    }
  });
});

function ptyWith(encodedModes: Uint8Array): Uint8Array {
  return new Writer().string("vt100").uint32(80).uint32(24).uint32(0).uint32(0)
    .string(encodedModes).finish();
}
