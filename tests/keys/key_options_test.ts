import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  formatForwardTarget,
  parseForwardTarget,
  permitsListen,
  permitsOpen,
} from "../../keys/forward_target.ts";
import {
  formatKeyOptions,
  type KeyOptions,
  parseKeyOptions,
  takeKeyOptions,
} from "../../keys/key_options.ts";

describe("a key's options", () => {
  it("are read, each of them", () => {
    const readings: [text: string, options: KeyOptions][] = [
      ['from="192.0.2.0/24,!192.0.2.7,*.example,2001:db8::/32"', {
        from: "192.0.2.0/24,!192.0.2.7,*.example,2001:db8::/32",
      }],
      ['command="echo \\"a, b\\" \\n"', { command: 'echo "a, b" \\n' }],
      ['command=""', { command: "" }],
      ['environment="A=1",environment="B_2=x=y",environment="A=2"', {
        environment: { A: "1", B_2: "x=y" },
      }],
      ['expiry-time="20300102Z"', { expiryTime: new Date("2030-01-02T00:00:00Z") }],
      ['expiry-time="203001020304Z"', { expiryTime: new Date("2030-01-02T03:04:00Z") }],
      ['expiry-time="20300102030405UTC"', { expiryTime: new Date("2030-01-02T03:04:05Z") }],
      ['expiry-time="20300102030405"', { expiryTime: new Date(2030, 0, 2, 3, 4, 5) }],
      ['expiry-time="20310101Z",expiry-time="20300101Z",expiry-time="20320101Z"', {
        expiryTime: new Date("2030-01-01T00:00:00Z"),
      }],
      ['cert-authority,principals="ada,,bob"', {
        certAuthority: true,
        principals: ["ada", "bob"],
      }],
      ["restrict", { restrict: true }],
      ["restrict,pty,no-user-rc", { restrict: true, pty: true }],
      ["pty,restrict", { restrict: true }],
      ["no-pty,pty,user-rc", {}],
      ["no-pty,no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-user-rc", {
        pty: false,
        portForwarding: false,
        agentForwarding: false,
        x11Forwarding: false,
        userRc: false,
      }],
      ["NO-PTY,Restrict,x11-FORWARDING", { restrict: true, x11Forwarding: true }],
      ['permitopen="a.example:80",permitopen="[2001:db8::1]:*",PermitOpen="*:22"', {
        permitOpen: [
          { host: "a.example", port: 80 },
          { host: "2001:db8::1", port: null },
          { host: "*", port: 22 },
        ],
      }],
      ['permitlisten="8080",permitlisten="local*:*"', {
        permitListen: [{ host: "*", port: 8080 }, { host: "local*", port: null }],
      }],
      ['tunnel="0"', { tunnel: "0" }],
      ['tunnel="1",tunnel="ANY"', { tunnel: "any" }],
      ['tunnel="2147483645"', { tunnel: "2147483645" }],
      ['tunnel="007"', { tunnel: "7" }],
      ["no-touch-required,verify-required", { touchRequired: false, verifyRequired: true }],
      ["no-touch-required,touch-required,verify-required,no-verify-required", {}],
    ];
    for (const [text, options] of readings) {
      assert.deepEqual(parseKeyOptions(text), options, text);
    }
  });

  it("are refused where sshd would not take them", () => {
    const wrong: [text: string, why: RegExp][] = [
      ["", /an option is empty/],
      ["pty,", /an option is empty/],
      [",pty", /an option is empty/],
      ["unknown", /unknown is not known, or has to have a value/],
      ["no-restrict", /no-restrict is not known/],
      ["no-cert-authority", /is not known/],
      ["ptyx", /ptyx is not known/],
      ["command", /command is not known, or has to have a value/],
      ['pty="x"', /pty is not known, or cannot have a value/],
      ["command=ls", /the value of command is not quoted/],
      ['command="ls', /the value of command is not quoted/],
      ['command="ls\\"', /the value of command is not quoted/],
      ['command="ls"x', /x follows command/],
      ['command="a",command="b"', /command is there twice/],
      ['from="a",from="b"', /from is there twice/],
      ['principals="a",principals="b"', /principals is there twice/],
      ['from=""', /from: it has an empty pattern/],
      ['from="a,,b"', /from: it has an empty pattern/],
      ['from="!"', /from: it has an empty pattern/],
      ['from="192.0.2.1/24"', /from: "192.0.2.1\/24" is not a network/],
      ['from="192.0.2.0/33"', /is not a network/],
      ['environment="A"', /environment is not the name of a variable/],
      ['environment="=x"', /environment is not the name of a variable/],
      ['environment="A B=x"', /environment is not the name of a variable/],
      ['environment="A=x\0"', /environment is not the name of a variable/],
      ['expiry-time="0"', /expiry-time 0 is not a time/],
      ['expiry-time="20300230"', /expiry-time 20300230 is not a time/],
      ['expiry-time="203001012400"', /is not a time/],
      ['expiry-time="19691231"', /is not a time/],
      ['expiry-time="forever"', /is not a time/],
      ['permitopen="a"', /permitopen is not a host and a port/],
      ['permitopen="80"', /permitopen is not a host and a port/],
      ['permitopen="a:0"', /is not a host and a port/],
      ['permitopen="a:65536"', /is not a host and a port/],
      ['permitopen="a:http"', /is not a host and a port/],
      ['permitopen="2001:db8::1:80"', /is not a host and a port/],
      ['permitopen=":80"', /is not a host and a port/],
      [`permitopen="${"a".repeat(2000)}:80"`, /is not a host and a port/],
      ['permitlisten="a:b:80"', /permitlisten is not a host and a port/],
      ['tunnel="x"', /tunnel is not a number/],
      ['tunnel=""', /tunnel is not a number/],
      ['tunnel="-1"', /tunnel is not a number/],
      ['tunnel="1:2"', /tunnel is not a number/],
      ['tunnel="2147483646"', /tunnel is not a number/],
      [
        Array.from({ length: 1025 }, (_, i) => `environment="A${i}=x"`).join(","),
        /environment is there more than 1024 times/,
      ],
      [
        Array.from({ length: 1025 }, (_, i) => `permitopen="a:${i + 1}"`).join(","),
        /permitopen is there more than 1024 times/,
      ],
    ];
    for (const [text, why] of wrong) {
      assert.throws(() => parseKeyOptions(text), { name: "KeyFormatError", message: why }, text);
    }
  });

  it("end at the first white space that is not quoted", () => {
    assert.deepEqual(takeKeyOptions('a="b \\" c",d  \tssh-x y'), {
      options: 'a="b \\" c",d',
      rest: "ssh-x y",
    });
    assert.deepEqual(takeKeyOptions("a"), { options: "a", rest: "" });
    assert.equal(takeKeyOptions('a="b c'), null);
    assert.equal(takeKeyOptions('a="b\\" ssh-x y'), null);
  });

  it("come out as they went in", () => {
    const plain = { noNullPrototype: true };
    const text = fc.string().map((text) => text.replace(/[\r\n\0]/g, "").replace(/\\+$/, ""));
    const name = fc.stringMatching(/^[A-Za-z0-9_]{1,10}$/);
    const host = fc.oneof(
      fc.stringMatching(/^[a-z0-9.*-]{1,20}$/),
      fc.ipV6().filter((address) => address.includes(":")),
    );
    const target = fc.record({ host, port: fc.option(fc.integer({ min: 1, max: 65535 })) }, plain);
    const time = fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) =>
      new Date(seconds * 1000)
    );
    const rights = ["pty", "portForwarding", "agentForwarding", "x11Forwarding", "userRc"];
    const options = fc.boolean().chain((restrict) =>
      fc.record({
        from: fc.constantFrom("192.0.2.0/24", "*.example,!a.example"),
        command: text,
        environment: fc.dictionary(name, text, { minKeys: 1, ...plain }),
        expiryTime: time,
        certAuthority: fc.constant(true),
        principals: fc.array(fc.stringMatching(/^[a-z ]+$/), { minLength: 1 }),
        permitOpen: fc.array(target, { minLength: 1 }),
        permitListen: fc.array(target, { minLength: 1 }),
        tunnel: fc.oneof(fc.nat(0x7ffffffd).map(String), fc.constant("any")),
        touchRequired: fc.constant(false),
        verifyRequired: fc.constant(true),
        ...Object.fromEntries(rights.map((right) => [right, fc.constant(restrict)])),
      }, { requiredKeys: [], ...plain }).map((rest) => restrict ? { restrict, ...rest } : rest)
    );
    fc.assert(fc.property(options, (options) => {
      const written = formatKeyOptions(options as KeyOptions);
      if (Object.keys(options).length === 0) return assert.equal(written, "");
      assert.deepEqual(parseKeyOptions(written), options);
      assert.deepEqual(takeKeyOptions(`${written} rest`), { options: written, rest: "rest" });
    }));
  });

  it("are not written where they would be read as something else", () => {
    const wrong: KeyOptions[] = [
      { command: "two\nlines" },
      { command: "ends in \\" },
      { command: "nul\0" },
      { environment: { "A B": "x" } },
      { environment: { A: "x\ny" } },
      { from: "" },
      { from: "192.0.2.1/24" },
      { principals: ["a,b"] },
      { principals: [""] },
      { permitOpen: [{ host: "", port: 80 }] },
      { permitOpen: [{ host: "a b", port: 80 }] },
      { permitListen: [{ host: "a", port: 65536 }] },
      { tunnel: "x" },
      { tunnel: "2147483646" },
      { expiryTime: new Date(NaN) },
      { expiryTime: new Date(-1) },
      { expiryTime: new Date("+010000-01-01T00:00:00Z") },
    ];
    for (const options of wrong) {
      assert.throws(() => formatKeyOptions(options), {
        name: "RangeError",
        message: /^Cannot write /,
      });
    }
  });
});

describe("where may be forwarded to", () => {
  it("is a host and a port, as they are", () => {
    const targets = [{ host: "a.example", port: 80 }, { host: "*", port: 22 }, {
      host: "b",
      port: null,
    }];
    const allowed = [["a.example", 80], ["x", 22], ["b", 1], ["b", 65535]] as const;
    for (const [host, port] of allowed) assert.ok(permitsOpen(targets, host, port), host);
    const denied = [["a.example", 81], ["A.example", 80], ["x.example", 80], ["c", 1]] as const;
    for (const [host, port] of denied) assert.ok(!permitsOpen(targets, host, port), host);
    assert.ok(permitsOpen(null, "anywhere", 1));
    assert.ok(permitsOpen(undefined, "anywhere", 1));
    assert.ok(!permitsOpen([], "anywhere", 1));
    // No patterns, but for that which stands alone.
    assert.ok(!permitsOpen([{ host: "*.example", port: 80 }], "a.example", 80));
  });

  it("is a pattern for what may be listened on", () => {
    const targets = [{ host: "local*", port: 8080 }, { host: "*", port: 9000 }];
    assert.ok(permitsListen(targets, "localhost", 8080));
    assert.ok(permitsListen(targets, "", 9000));
    assert.ok(!permitsListen(targets, "127.0.0.1", 8080));
    assert.ok(!permitsListen(targets, "localhost", 0));
    assert.ok(permitsListen([{ host: "localhost", port: null }], "localhost", 0));
    assert.ok(permitsListen(undefined, "localhost", 0));
    assert.ok(!permitsListen([], "localhost", 8080));
  });

  it("comes out as it went in", () => {
    for (const text of ["a:80", "*:*", "[2001:db8::1]:22", "a*?:1"]) {
      const target = parseForwardTarget(text);
      assert.ok(target);
      assert.equal(formatForwardTarget(target), text);
    }
    assert.deepEqual(parseForwardTarget("[a.example]:80"), { host: "a.example", port: 80 });
    assert.equal(parseForwardTarget("80"), null);
    assert.deepEqual(parseForwardTarget("80", { barePort: true }), { host: "*", port: 80 });
  });
});
