import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  formatKnownHostLine,
  formatKnownHosts,
  type KnownHostFields,
  knownHostName,
  matchesKnownHost,
  parseKnownHosts,
} from "../../keys/known_hosts.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { publicKeys } from "./fixtures.ts";

const key = parsePublicKeyLine(publicKeys.ed25519);
const keyWords = publicKeys.ed25519.split(" ").slice(0, 2).join(" ");
/** `host.example`, hashed by `ssh-keygen -H`. */
const hashedHost = "|1|MkV8nzgPzWBgRneBbIAc7Wa3/jA=|ILYV7/br3tpJacvSuVksDFIdsWM=";

function entriesOf(text: string) {
  return parseKnownHosts(text).map(({ entry }) => entry).filter((entry) => entry !== null);
}

describe("known hosts", () => {
  it("are read with their markers, hosts, keys and comments", () => {
    const file = [
      "# a comment",
      "",
      `a.example,192.0.2.7 ${keyWords} and a comment`,
      `\t @revoked  *.example\t${keyWords.replace(" ", " \t ")}`,
      `@cert-authority !b.example,*.example ${keyWords}`,
    ];
    const found = entriesOf(file.join("\n"));
    const common = { type: "ssh-ed25519", blob: key.blob };
    assert.deepEqual(found, [
      {
        ...common,
        line: 3,
        marker: null,
        hosts: "a.example,192.0.2.7",
        comment: "and a comment",
      },
      { ...common, line: 4, marker: "revoked", hosts: "*.example", comment: "" },
      {
        ...common,
        line: 5,
        marker: "cert-authority",
        hosts: "!b.example,*.example",
        comment: "",
      },
    ]);
  });

  it("are told of by the number of the line where they are wrong, and the others are read", () => {
    const wrong: [line: string, why: RegExp][] = [
      ["host", /there is no key$/],
      ["host ssh-ed25519", /there is no key after ssh-ed25519$/],
      ["host ssh-ed25519 !!!!", /what follows ssh-ed25519 is not base64$/],
      ["host ssh-ed25519 AAAA", /what follows ssh-ed25519 is not a key$/],
      ["host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", /what follows ssh-ed25519 is not a key$/],
      [
        `host ssh-rsa ${keyWords.split(" ")[1]}`,
        /what follows ssh-rsa is a key of type ssh-ed25519$/,
      ],
      [`@other host ${keyWords}`, /@other is not @cert-authority or @revoked$/],
      [`@revoked ${keyWords}`, /there is no key after AAAA/],
      ["@revoked", /there is no key$/],
      [`|1|abc|def ${keyWords}`, /\|1\|abc\|def is no hashed name$/],
      [`|2${hashedHost.slice(2)} ${keyWords}`, /is no hashed name$/],
      [`${hashedHost},other ${keyWords}`, /is no hashed name$/],
      ["host 1024 65537 123456789", /what follows 1024 is not/],
      [`host ${keyWords} ${"x".repeat(70_000)}`, /has 70\d{3} characters, and at most 65536/],
    ];
    for (const [line, why] of wrong) {
      const lines = parseKnownHosts(`a ${keyWords}\n${line}\nb ${keyWords}\n`);
      assert.deepEqual(lines.map(({ entry }) => entry?.hosts), ["a", undefined, "b"], line);
      const problem = lines[1]?.problem;
      assert.ok(problem instanceof KeyFormatError, line);
      assert.match(problem.message, /^Cannot read known hosts, line 2: /);
      assert.match(problem.message, why);
    }
  });

  it("may have a key of a type that is not supported, or too weak", () => {
    const strange = new Writer().string("ssh-strange").string("x").finish();
    const weak = new Writer().string("ssh-rsa").mpint(Uint8Array.of(3))
      .mpint(new Uint8Array(64).fill(0xff)).finish();
    const lines = [["ssh-strange", strange], ["ssh-rsa", weak]] as const;
    for (const [type, blob] of lines) {
      const line = formatKnownHostLine({ marker: null, hosts: "a", type, blob, comment: "" });
      assert.deepEqual(entriesOf(line)[0]?.blob, blob);
    }
  });

  it("are refused as a whole where there are too many of them to read", () => {
    assert.throws(() => parseKnownHosts("#".repeat(8 * 1024 * 1024 + 1)), {
      name: "KeyFormatError",
      message: /^Cannot read known hosts: it has 8388609 characters, and at most 8388608/,
    });
  });

  it("come out as they went in, whatever is in the file", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "",
        "# comment",
        `host ${keyWords}`,
        `@revoked\t* ${keyWords}  c`,
        `${hashedHost} ${keyWords}`,
        "  \t",
        "\r",
      ),
    );
    const end = fc.constantFrom("\n", "\r\n", "");
    fc.assert(fc.property(fc.array(fc.tuple(line, end)), (parts) => {
      const text = parts.flat().join("");
      const lines = parseKnownHosts(text);
      assert.equal(formatKnownHosts(lines), text);
      assert.deepEqual(lines.map(({ number }) => number), lines.map((_, index) => index + 1));
    }));
  });

  it("are written as they are read", () => {
    const name = fc.stringMatching(/^[a-z0-9.*?![\]:-]{1,20}$/);
    const fields = fc.record<KnownHostFields>({
      marker: fc.constantFrom(null, "cert-authority", "revoked"),
      hosts: fc.oneof(
        fc.array(name, { minLength: 1 }).map((names) => names.join(",")),
        fc.constant(hashedHost),
      ),
      type: fc.constant("ssh-ed25519"),
      blob: fc.constant(key.blob),
      comment: fc.stringMatching(/^([a-z][a-z @]*)?$/),
    });
    fc.assert(fc.property(fields, (fields) => {
      assert.deepEqual(entriesOf(formatKnownHostLine(fields)), [{ ...fields, line: 1 }]);
    }));
  });

  it("are not written where a field would be read as something else", () => {
    const fields = { marker: null, hosts: "host", type: key.type, blob: key.blob, comment: "" };
    const wrong = [
      { hosts: "" },
      { hosts: "a b" },
      { hosts: "#a" },
      { hosts: "@revoked" },
      { hosts: "a\nb" },
      { hosts: "|1|abc|def" },
      { type: "ssh-rsa" },
      { blob: key.blob.subarray(0, 10) },
      { comment: "one\ntwo" },
    ];
    for (const change of wrong) {
      assert.throws(() => formatKnownHostLine({ ...fields, ...change }), {
        name: "RangeError",
        message: /^Cannot write known host: /,
      });
    }
  });

  it("have a name that is in lower case, and says the port if it is not 22", () => {
    assert.equal(knownHostName({ hostname: "Host.EXAMPLE" }), "host.example");
    assert.equal(knownHostName({ hostname: "host", port: 22 }), "host");
    assert.equal(knownHostName({ hostname: "Host", port: 2222 }), "[host]:2222");
    assert.equal(knownHostName({ hostname: "2001:DB8::1", port: 22 }), "2001:db8::1");
  });

  it("are found by name, pattern and hash", () => {
    assert.ok(matchesKnownHost("a,host.example", "host.example"));
    assert.ok(matchesKnownHost("HOST.*", "host.example"));
    assert.ok(matchesKnownHost("*", "[host.example]:2222"));
    assert.ok(matchesKnownHost("[host.example]:*", "[host.example]:2222"));
    assert.ok(!matchesKnownHost("*.example", "[host.example]:2222"));
    assert.ok(!matchesKnownHost("*,!host.example", "host.example"));
    assert.ok(matchesKnownHost(hashedHost, "host.example"));
    assert.ok(!matchesKnownHost(hashedHost, "other.example"));
    assert.ok(!matchesKnownHost(hashedHost, hashedHost));
    assert.ok(!matchesKnownHost("|1|abc|def", "host.example"));
  });
});
