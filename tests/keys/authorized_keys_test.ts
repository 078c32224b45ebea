import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  addAuthorizedKey,
  formatAuthorizedKeyLine,
  formatAuthorizedKeys,
  parseAuthorizedKeys,
  removeAuthorizedKey,
} from "../../keys/authorized_keys.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { publicKeys } from "./fixtures.ts";

const key = parsePublicKeyLine(publicKeys.ed25519);
const rsa = parsePublicKeyLine(publicKeys.rsa);
const words = publicKeys.ed25519.split(" ").slice(0, 2).join(" ");

function entriesOf(text: string) {
  return parseAuthorizedKeys(text).map(({ entry }) => entry).filter((entry) => entry !== null);
}

describe("authorized keys", () => {
  it("are read with their options and comments", () => {
    const file = [
      "# comment",
      "",
      words,
      `  restrict,command="echo \\"a  b\\" # c" ${words}\tada and bob`,
      `\tfrom="*"\t \t${words.replace(" ", "\t")}`,
      publicKeys.rsa,
    ];
    const common = { type: "ssh-ed25519", blob: key.blob };
    assert.deepEqual(entriesOf(file.join("\n")), [
      { ...common, line: 3, options: {}, comment: "" },
      {
        ...common,
        line: 4,
        options: { restrict: true, command: 'echo "a  b" # c' },
        comment: "ada and bob",
      },
      { ...common, line: 5, options: { from: "*" }, comment: "" },
      { line: 6, options: {}, type: "ssh-rsa", blob: rsa.blob, comment: rsa.comment },
    ]);
  });

  it("are told of by the number of the line where they are wrong, and the others are read", () => {
    const wrong: [line: string, why: RegExp][] = [
      ["ssh-ed25519", /there is no key after ssh-ed25519$/],
      ["ssh-ed25519 AAAA", /what follows ssh-ed25519 is not a key$/],
      [`ssh-rsa ${words.split(" ")[1]}`, /what follows ssh-rsa is a key of type ssh-ed25519$/],
      ["no-pty", /there is no key$/],
      [`unknown ${words}`, /unknown is not known/],
      [`no-pty, ${words}`, /an option is empty$/],
      [`no-pty command="x" ${words}`, /what follows command="x" is/],
      [`command="x ${words}`, /a quote in its options is not closed$/],
      [`command="x\\" ${words}`, /a quote in its options is not closed$/],
      [`expiry-time="never" ${words}`, /expiry-time never is not a time$/],
      [`${words.split(" ")[1]}`, /there is no key$/],
      [`${words} ${"x".repeat(70_000)}`, /has 70\d{3} characters, and at most 65536/],
    ];
    for (const [line, why] of wrong) {
      const lines = parseAuthorizedKeys(`${words} a\n${line}\n${words} b\n`);
      assert.deepEqual(lines.map(({ entry }) => entry?.comment), ["a", undefined, "b"], line);
      const problem = lines[1]?.problem;
      assert.ok(problem instanceof KeyFormatError, line);
      assert.match(problem.message, /^Cannot read authorized keys, line 2: /);
      assert.match(problem.message, why);
    }
  });

  it("are refused as a whole where there are too many of them to read", () => {
    assert.throws(() => parseAuthorizedKeys("#".repeat(8 * 1024 * 1024 + 1)), {
      name: "KeyFormatError",
      message: /^Cannot read authorized keys: it has 8388609 characters/,
    });
  });

  it("come out as they went in, whatever is in the file", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("", "# comment", words, `restrict ${words} c`, `command="a b" ${words}`),
    );
    const end = fc.constantFrom("\n", "\r\n", "");
    fc.assert(fc.property(fc.array(fc.tuple(line, end)), (parts) => {
      const text = parts.flat().join("");
      assert.equal(formatAuthorizedKeys(parseAuthorizedKeys(text)), text);
    }));
  });

  it("are written as they are read", () => {
    const options = { restrict: true, pty: true, command: 'say "hello"', from: "192.0.2.0/24" };
    const { type, blob } = key;
    const fields = { options, type, blob, comment: "ada's" };
    const line = formatAuthorizedKeyLine(fields);
    assert.equal(line, `restrict,pty,from="192.0.2.0/24",command="say \\"hello\\"" ${words} ada's`);
    assert.deepEqual(entriesOf(line), [{ ...fields, line: 1 }]);
    assert.equal(formatAuthorizedKeyLine({ ...fields, options: {}, comment: "" }), words);
    for (const change of [{ comment: "a\nb" }, { type: "ssh-rsa" }, { options: { from: "" } }]) {
      assert.throws(() => formatAuthorizedKeyLine({ ...fields, ...change }), RangeError);
    }
  });

  it("are added at the end, and removed wherever they are", () => {
    const text = `# mine\r\nno-pty ${publicKeys.rsa}`;
    const added = addAuthorizedKey(text, key, { restrict: true });
    assert.equal(added, `${text}\r\nrestrict ${publicKeys.ed25519}\r\n`);
    assert.equal(addAuthorizedKey(null, key), `${publicKeys.ed25519}\n`);
    assert.equal(removeAuthorizedKey(added, key), `${text}\r\n`);
    assert.equal(
      removeAuthorizedKey(`${words}\n${added}no-pty ${words} again\r\n# end`, key),
      `${text}\r\n# end`,
    );
  });
});
