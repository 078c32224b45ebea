import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  addKnownHost,
  hashKnownHosts,
  removeKnownHost,
  replaceKnownHost,
} from "../../keys/known_hosts_edit.ts";
import { checkKnownHost, findKnownHost } from "../../keys/known_hosts_lookup.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { publicKeys } from "./fixtures.ts";

const host = { hostname: "host.example" };
const ed25519 = parsePublicKeyLine(publicKeys.ed25519);
const otherEd25519 = parsePublicKeyLine(publicKeys.ed25519Encrypted);
const rsa = parsePublicKeyLine(publicKeys.rsa);
const words = (line: string): string => line.split(" ").slice(0, 2).join(" ");
const edWords = words(publicKeys.ed25519);
const otherWords = words(publicKeys.ed25519Encrypted);
const rsaWords = words(publicKeys.rsa);
/** Salts that are all alike. */
const random = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(7);

describe("a known host that is added", () => {
  it("stands in lines at the end, one for each key", () => {
    assert.equal(addKnownHost(null, host, ed25519), `host.example ${edWords}\n`);
    assert.equal(
      addKnownHost("# mine\n", { hostname: "Host.Example", port: 2222 }, [ed25519, rsa]),
      `# mine\n[host.example]:2222 ${edWords}\n[host.example]:2222 ${rsaWords}\n`,
    );
  });

  it("ends its line as the others end, and the last one too if that has no end", () => {
    assert.equal(addKnownHost("# mine", host, ed25519), `# mine\nhost.example ${edWords}\n`);
    assert.equal(
      addKnownHost("# mine\r\n# too", host, ed25519),
      `# mine\r\n# too\r\nhost.example ${edWords}\r\n`,
    );
  });

  it("is not added again, however it stands there, nor twice at once", () => {
    for (const text of [`a,host.example ${edWords} c`, `*.example ${edWords}\n`]) {
      assert.equal(addKnownHost(text, host, ed25519), text);
    }
    const hashed = addKnownHost("", host, ed25519, { hash: true });
    assert.equal(addKnownHost(hashed, host, [ed25519, ed25519]), hashed);
    assert.equal(addKnownHost("", host, [ed25519, ed25519]), `host.example ${edWords}\n`);
    const other = `@revoked host.example ${edWords}\n@cert-authority host.example ${edWords}\n`;
    assert.equal(addKnownHost(other, host, ed25519), `${other}host.example ${edWords}\n`);
  });

  it("is hashed with a salt of its own, if that is asked for", () => {
    const text = addKnownHost("", host, [ed25519, rsa], { hash: true });
    const [first, second] = text.split("\n").map((line) => line.split(" ")[0] ?? "");
    assert.match(first ?? "", /^\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=$/);
    assert.notEqual(first, second);
    assert.equal(checkKnownHost(text, host, rsa).status, "ok");
    assert.equal(checkKnownHost(text, { ...host, port: 2222 }, otherEd25519).status, "not-known");
  });

  it("has to have a name that stands for it alone, and a port", () => {
    for (const hostname of ["", "a b", "a,b", "*", "a?", "!a", "|1|a", "#a", "@revoked", "a\nb"]) {
      assert.throws(() => addKnownHost("", { hostname }, ed25519), {
        name: "RangeError",
        message: /^Cannot write known host: .* is not the name of one host$/,
      });
    }
    assert.throws(() => addKnownHost("", { hostname: "a".repeat(2000) }, ed25519), RangeError);
    for (const port of [0, -1, 65536, 1.5, NaN]) {
      assert.throws(() => addKnownHost("", { hostname: "a", port }, ed25519), {
        name: "RangeError",
        message: `Cannot write known host: ${port} is not a port, 1 to 65535`,
      });
    }
  });
});

describe("a known host that gets other keys", () => {
  it("loses the old ones and gains the new ones; those that stay do so where they are", () => {
    const text =
      `# mine\nhost.example ${otherWords} old\nhost.example ${rsaWords} kept\nb ${rsaWords}`;
    assert.equal(
      replaceKnownHost(text, host, [ed25519, rsa]),
      `# mine\nhost.example ${rsaWords} kept\nb ${rsaWords}\nhost.example ${edWords}\n`,
    );
    assert.equal(replaceKnownHost(null, host, [ed25519]), `host.example ${edWords}\n`);
  });

  it("leaves what is said of other hosts, by pattern, and of authorities and revoked keys", () => {
    const text = [
      `a,Host.example,b ${otherWords} shared`,
      `host.example,host.example ${otherWords}`,
      `*.example ${otherWords}`,
      `@revoked host.example ${otherWords}`,
      `@cert-authority host.example ${otherWords}`,
      "host.example nonsense",
      "",
    ];
    assert.equal(
      replaceKnownHost(text.join("\n"), host, [ed25519]),
      [`a,b ${otherWords} shared`, ...text.slice(2, 6), `host.example ${edWords}`, ""].join("\n"),
    );
  });

  it("is hashed if it was, unless told otherwise", () => {
    const hashed = addKnownHost("", host, otherEd25519, { hash: true });
    assert.match(replaceKnownHost(hashed, host, [ed25519]), /^\|1\|\S+ \S+ \S+\n$/);
    assert.equal(
      replaceKnownHost(hashed, host, [ed25519], { hash: false }),
      `host.example ${edWords}\n`,
    );
  });
});

describe("a known host that is removed", () => {
  it("takes its lines with it, but for authorities, revoked keys, and what cannot be read", () => {
    const kept = [
      "# host.example",
      `other ${edWords}`,
      `[host.example]:2222 ${edWords}`,
      `@revoked host.example ${edWords}`,
      `@cert-authority *.example ${edWords}`,
      "host.example nonsense",
    ];
    const gone = [
      `host.example,192.0.2.7 ${edWords}`,
      `*.example ${rsaWords}`,
      addKnownHost("", host, ed25519, { hash: true }).trim(),
    ];
    const text = kept.flatMap((line, index) => [line, ...gone.slice(index, index + 1)]).join(
      "\r\n",
    );
    assert.equal(removeKnownHost(text, host), kept.join("\r\n"));
  });
});

describe("known hosts that are hashed", () => {
  it("are found by the same names; what cannot be hashed stays", () => {
    const stays = [
      "# a",
      `*.example ${edWords}`,
      `@revoked a ${edWords}`,
      `@cert-authority a ${edWords}`,
      "a nonsense",
      `, ${edWords}`,
    ];
    const text = [...stays, `A,[b]:2222  ${rsaWords} a comment`, `c ${edWords}`].join("\n");
    const hashed = hashKnownHosts(text, { random });
    const lines = hashed.split("\n");
    assert.deepEqual(lines.slice(0, stays.length), stays);
    assert.equal(lines.length, stays.length + 3);
    for (const line of lines.slice(stays.length)) {
      assert.match(
        line,
        /^\|1\|BwcHBwcHBwcHBwcHBwcHBwcHBwc=\|\S{28} ssh-\S+ AAAA\S+( a comment)?$/,
      );
    }
    assert.equal(findKnownHost(hashed, { hostname: "a" }).at(-1)?.comment, "a comment");
    assert.equal(findKnownHost(hashed, { hostname: "b", port: 2222 }).at(-1)?.type, "ssh-rsa");
    assert.equal(checkKnownHost(hashed, { hostname: "c" }, ed25519).status, "ok");
    assert.equal(hashKnownHosts(hashed), hashed);
  });
});

describe("a change to the known hosts", () => {
  it("leaves all other lines as they were, and adds what it removes again", () => {
    const line = fc.oneof(
      fc.stringMatching(/^[ -~]{0,20}$/),
      fc.constantFrom(`other ${edWords}`, `x.example ${rsaWords}`, `@revoked * ${rsaWords}`),
    );
    const end = fc.constantFrom("\n", "\r\n");
    const file = fc.array(fc.tuple(line, end)).map((parts) => parts.flat().join(""));
    fc.assert(fc.property(file, fc.boolean(), (text, hash) => {
      const added = addKnownHost(text, host, [ed25519, rsa], { hash });
      assert.ok(added.startsWith(text));
      assert.equal(removeKnownHost(added, host), text);
      const replaced = replaceKnownHost(added, host, [otherEd25519]);
      assert.ok(replaced.startsWith(text));
      assert.equal(removeKnownHost(replaced, host), text);
      assert.equal(checkKnownHost(replaced, host, otherEd25519).status, "ok");
      assert.equal(checkKnownHost(replaced, host, ed25519).status, "known-changed");
    }));
  });
});
