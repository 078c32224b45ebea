import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  type AllowedSignerFields,
  formatAllowedSignerLine,
  formatAllowedSigners,
  parseAllowedSigners,
} from "../../keys/allowed_signers.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { publicKeys } from "./fixtures.ts";

const key = parsePublicKeyLine(publicKeys.ed25519);
const bare = publicKeys.ed25519.split(" ").slice(0, 2).join(" ");

describe("allowed signers", () => {
  it("are read from the manual's own example", () => {
    const [first, second] = [publicKeys.rsa, publicKeys.ed25519];
    const file = [
      "# Comments allowed at start of line",
      `user1@example.com,user2@example.com ${first}`,
      "# A certificate authority, trusted for all principals in a domain.",
      `*@example.com cert-authority ${second}`,
      "# A key that is accepted only for file signing.",
      `user2@example.com namespaces="file" ${second}`,
      "",
    ].join("\n");
    const lines = parseAllowedSigners(file);
    assert.deepEqual(lines.map(({ problem }) => problem).filter((one) => one !== null), []);
    const entries = lines.map(({ entry }) => entry).filter((entry) => entry !== null);
    assert.deepEqual(entries.map(({ line, principals, options }) => [line, principals, options]), [
      [2, "user1@example.com,user2@example.com", {}],
      [4, "*@example.com", { certAuthority: true }],
      [6, "user2@example.com", { namespaces: "file" }],
    ]);
    assert.equal(formatAllowedSigners(lines), file);
  });

  const good: readonly (readonly [string, Partial<AllowedSignerFields>])[] = [
    [`"ada, at home" ${bare}`, { principals: "ada, at home" }],
    [`  ada\t${bare}  ada's key`, { principals: "ada", comment: "ada's key" }],
    [`ada NAMESPACES="git,file",Cert-Authority ${bare}`, {
      options: { namespaces: "git,file", certAuthority: true },
    }],
    [`ada namespaces="a b" ${bare}`, { options: { namespaces: "a b" } }],
    [`ada namespaces="" ${bare}`, { options: { namespaces: "" } }],
    [`ada valid-after="20240102Z",valid-before="20240102030405Z" ${bare}`, {
      options: {
        validAfter: new Date("2024-01-02T00:00:00Z"),
        validBefore: new Date("2024-01-02T03:04:05Z"),
      },
    }],
    [`ada valid-after="202401020304" ${bare}`, {
      options: { validAfter: new Date(2024, 0, 2, 3, 4) },
    }],
  ];
  for (const [line, expected] of good) {
    it(`${line.replace(/ssh-.*/, "…")} is read`, () => {
      const [{ entry, problem } = { entry: null, problem: null }] = parseAllowedSigners(line);
      assert.equal(problem, null);
      assert.ok(entry);
      for (const [name, value] of Object.entries(expected)) {
        assert.deepEqual(entry[name as keyof typeof entry], value, name);
      }
      assert.deepEqual(entry.blob, key.blob);
    });
  }

  const bad: readonly (readonly [string, RegExp])[] = [
    ["ada", /there is no key/],
    ["ada ssh-ed25519", /there is no key/],
    [`ada ssh-rsa ${bare.split(" ")[1]}`, /there is no key after|is a key of type ssh-ed25519/],
    [`ada cert-authority ssh-ed25519 AAA*`, /is not base64/],
    [`ada cert-authority="yes" ${bare}`, /the option cert-authority is not known/],
    [`ada restrict ${bare}`, /the option restrict is not known/],
    [`ada namespaces=file ${bare}`, /the value of namespaces is not quoted/],
    [`ada namespaces ${bare}`, /namespaces is not known, or its value is missing/],
    [`ada namespaces="a",namespaces="b" ${bare}`, /namespaces is there twice/],
    [`ada valid-after="20240230Z" ${bare}`, /valid-after 20240230Z is not a time/],
    [`ada valid-after="20240102Z",valid-before="20240102Z" ${bare}`, /valid-before is not after/],
    [`ada namespaces="a ${bare}`, /a quote in its options is not closed/],
    [`ada ,cert-authority ${bare}`, /an option is empty/],
    [`"ada ${bare}`, /a quote around its principals is not closed/],
    [`"" ${bare}`, /its principals are empty/],
    [`a"d"a ${bare}`, /there is a quote in the middle of its principals/],
    ["x".repeat(70_000), /70000 characters, and at most 65536 are read/],
  ];
  for (const [line, message] of bad) {
    it(`${line.replace(/ssh-.*/, "…").slice(0, 60)} is told of, and spoils no other line`, () => {
      const lines = parseAllowedSigners(`${line}\nada ${bare}\n`);
      assert.equal(lines[0]?.entry, null);
      assert.ok(lines[0].problem instanceof KeyFormatError);
      assert.match(lines[0].problem.message, /^Cannot read allowed signers, line 1: /);
      assert.match(lines[0].problem.message, message);
      assert.equal(lines[1]?.entry?.principals, "ada");
    });
  }

  it("a line comes out as it went in", () => {
    const word = fc.stringMatching(/^[a-z@.*?!][a-z@.*?!,]{0,10}$/);
    const time = fc.date({
      min: new Date("1970-01-02"),
      max: new Date("2400-01-01"),
      noInvalidDate: true,
    }).map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000));
    const options = fc.record({
      certAuthority: fc.constant(true as const),
      namespaces: fc.stringMatching(/^[a-z"\\ ,*]{0,10}[a-z]$/),
      validAfter: time,
    }, { requiredKeys: [], noNullPrototype: true });
    const comment = fc.stringMatching(/^([a-z][a-z ]{0,5}[a-z])?$/);
    fc.assert(fc.property(
      fc.oneof(word, fc.tuple(word, word).map((words) => words.join(" "))),
      options,
      fc.constantFrom(...Object.values(publicKeys)).map(parsePublicKeyLine),
      comment,
      (principals, options, { type, blob }, comment) => {
        const line = formatAllowedSignerLine({ principals, options, type, blob, comment });
        const [read, ...more] = parseAllowedSigners(line);
        assert.deepEqual(more, []);
        assert.deepEqual(read?.entry, { line: 1, principals, options, type, blob, comment });
      },
    ));
  });

  it("what cannot stand in a line is not written", () => {
    const { type, blob } = key;
    const write = (changes: Partial<AllowedSignerFields>): string =>
      formatAllowedSignerLine({
        principals: "a",
        options: {},
        type,
        blob,
        comment: "",
        ...changes,
      });
    for (const principals of ["", 'a"b', "a\nb", "#a"]) {
      assert.throws(() => write({ principals }), RangeError, principals);
    }
    assert.throws(() => write({ comment: "a\nb" }), RangeError);
    assert.throws(() => write({ type: "ssh-rsa" }), RangeError);
    assert.throws(() => write({ options: { namespaces: "a\n" } }), RangeError);
    assert.throws(() => write({ options: { validAfter: new Date(NaN) } }), RangeError);
  });

  it("any file comes out as it went in, line by line", () => {
    const pieces = fc.constantFrom(bare, "ada", " ", "\t", "\n", "\r\n", '"', "#", "namespaces=");
    fc.assert(fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => {
      const text = parts.join("");
      assert.equal(formatAllowedSigners(parseAllowedSigners(text)), text);
    }));
  });
});
