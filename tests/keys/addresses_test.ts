import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  isInNetwork,
  parseAddress,
  parseNetwork,
  parseNetworkList,
} from "../../keys/_addresses.ts";

const v6 = (...groups: readonly number[]): Uint8Array =>
  Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));

describe("addresses", () => {
  const addresses: readonly (readonly [string, Uint8Array])[] = [
    ["192.0.2.1", Uint8Array.of(192, 0, 2, 1)],
    ["0.0.0.0", new Uint8Array(4)],
    ["255.255.255.255", new Uint8Array(4).fill(255)],
    ["::", new Uint8Array(16)],
    ["::1", v6(0, 0, 0, 0, 0, 0, 0, 1)],
    ["2001:db8::", v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)],
    ["2001:DB8:0:0:1::a", v6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 10)],
    ["1:2:3:4:5:6:7:8", v6(1, 2, 3, 4, 5, 6, 7, 8)],
    ["64:ff9b::192.0.2.1", v6(0x64, 0xff9b, 0, 0, 0, 0, 0xc000, 0x201)],
    ["::ffff:192.0.2.1", Uint8Array.of(192, 0, 2, 1)],
  ];
  for (const [text, bytes] of addresses) {
    it(`${text} is one`, () => assert.deepEqual(parseAddress(text), bytes));
  }

  const others = [
    ...["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "0x7f.0.0.1", "127.1", "1.2.3.4 "],
    ...[":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "g::", "::1]", "fe80::1%eth0"],
    ...["::1/128", "localhost", "2001:db8::12345"],
  ];
  for (const text of others) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseAddress(text), null));
  }
});

describe("networks", () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["192.0.2.0/24", ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.9"], ["192.0.3.0", "::1"]],
    ["192.0.2.128/25", ["192.0.2.128"], ["192.0.2.127"]],
    ["192.0.2.7", ["192.0.2.7"], ["192.0.2.6"]],
    ["0.0.0.0/0", ["1.2.3.4"], ["::1"]],
    ["2001:db8::/33", ["2001:db8:7fff::"], ["2001:db8:8000::", "1.2.3.4"]],
    ["::1", ["::1"], ["::2"]],
    ["::ffff:192.0.2.0/120", ["192.0.2.1"], ["192.0.3.1"]],
  ];
  for (const [text, inside, outside] of cases) {
    it(`${text} has its addresses, and no others`, () => {
      const network = parseNetwork(text);
      assert.ok(network);
      const has = (address: string): boolean =>
        isInNetwork(parseAddress(address) ?? new Uint8Array(0), network);
      assert.deepEqual(inside.map(has), inside.map(() => true));
      assert.deepEqual(outside.map(has), outside.map(() => false));
    });
  }

  for (
    const text of [
      ...["", "/", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/8/8", "1.2.3.4/1.2.3.4"],
      ...["192.0.2.1/24", "2001:db8::1/64", "::/129", "::ffff:1.2.3.4/95", "!1.2.3.4", "*"],
    ]
  ) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseNetwork(text), null));
  }

  it("a list with one that is none counts for nothing", () => {
    assert.equal(parseNetworkList("192.0.2.0/24,::1")?.length, 2);
    for (const list of ["", ",", "192.0.2.0/24,", "192.0.2.0/24, ::1", "192.0.2.0/24,*"]) {
      assert.equal(parseNetworkList(list), null, list);
    }
  });
});
