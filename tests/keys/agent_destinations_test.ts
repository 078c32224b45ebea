import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  addKnownHost,
  AgentBindings,
  type AgentDestination,
  agentDestination,
  type AgentHostKey,
  type AgentRequest,
  AgentStore,
  decodeAgentRequest,
  encodeAgentRequest,
  encodeSessionBinding,
  generateKey,
  issueCertificate,
  type PrivateKey,
  type PublicKey,
  sessionBindExtension,
  type SessionBinding,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";

const HOSTBOUND = "publickey-hostbound-v00@openssh.com";
const [userKey, first, second, third] = await Promise.all(
  [0, 1, 2, 3].map(() => generateKey("ed25519")),
) as [PrivateKey, PrivateKey, PrivateKey, PrivateKey];

function keyOf({ publicKey }: Signer): AgentHostKey {
  return { blob: publicKey.blob, isCa: false };
}

function host(hostname: string, key: Signer): { hostname: string; keys: AgentHostKey[] } {
  return { hostname, keys: [keyOf(key)] };
}

const TO_FIRST: AgentDestination = { from: null, to: host("first", first) };
const ON_TO_SECOND: AgentDestination = {
  from: host("first", first),
  to: { ...host("second", second), user: "ad*" },
};

/** The number of a session, as its id. */
function idOf(session: number): Uint8Array {
  return new Uint8Array(32).fill(session);
}

async function bindingOf(
  hostKey: Signer,
  session: number,
  forwarding: boolean,
): Promise<SessionBinding> {
  const { blob, algorithms: [algorithm = ""] } = hostKey.publicKey;
  const sessionId = idOf(session);
  return {
    hostKey: blob,
    sessionId,
    signature: await hostKey.sign(algorithm, sessionId),
    forwarding,
  };
}

/** A connection through hosts, to the last of which is logged in: host keys, and who lends. */
async function boundTo(...hops: readonly (readonly [Signer, boolean])[]): Promise<AgentBindings> {
  const bindings = new AgentBindings();
  for (const [index, [key, forwarding]] of hops.entries()) {
    assert.equal(await bindings.bind(await bindingOf(key, index + 1, forwarding)), true);
  }
  return bindings;
}

interface LoginFields {
  readonly session?: number;
  readonly number?: number;
  readonly user?: string;
  readonly service?: string;
  readonly method?: string;
  readonly signed?: number;
  readonly algorithm?: string;
  readonly key?: PublicKey;
  readonly hostKey?: Signer | null;
  readonly more?: Uint8Array;
}

function loginData(fields: LoginFields = {}): Uint8Array {
  const { session = 1, user = "ada", key = userKey.publicKey, hostKey = null } = fields;
  const { method = hostKey === null ? "publickey" : HOSTBOUND } = fields;
  const writer = new Writer().string(idOf(session)).uint8(fields.number ?? 50).string(user)
    .string(fields.service ?? "ssh-connection").string(method).uint8(fields.signed ?? 1)
    .string(fields.algorithm ?? key.algorithms[0] ?? "").string(key.blob);
  if (hostKey !== null) writer.string(hostKey.publicKey.blob);
  return writer.raw(fields.more ?? new Uint8Array(0)).finish();
}

function storeWith(destinations: readonly AgentDestination[], signer: Signer = userKey) {
  const store = new AgentStore();
  store.add(signer, { destinations });
  return store;
}

async function signs(
  store: AgentStore,
  bindings: AgentBindings | undefined,
  data: Uint8Array,
  key: PublicKey = userKey.publicKey,
): Promise<boolean> {
  const request = { type: "sign", key: key.blob, data, flags: 0 } as const;
  const response = await store.respond(request, bindings);
  if (response.type === "failure") return false;
  assert.ok(response.type === "signature");
  return true;
}

async function sees(store: AgentStore, bindings?: AgentBindings): Promise<boolean> {
  const response = await store.respond({ type: "list" }, bindings);
  assert.ok(response.type === "identities");
  return response.identities.length === 1;
}

describe("what a connection to an agent is bound to", () => {
  it("is each session whose host key has signed it, also by an RSA key and a certificate", async () => {
    const rsa = await generateKey("rsa", { bits: 2048 });
    const certificate = await issueCertificate({
      key: rsa.publicKey,
      ca: first,
      role: "host",
      keyId: "",
      principals: ["first"],
      validBefore: null,
    });
    const bindings = await boundTo(
      [first, true],
      [rsa, true],
      [withCertificate(rsa, certificate), false],
    );
    assert.deepEqual(
      bindings.hops.map(({ hostKey, sessionId, forwarding }) => [
        hostKey.type,
        sessionId[0],
        forwarding,
      ]),
      [
        ["ssh-ed25519", 1, true],
        ["ssh-rsa", 2, true],
        ["ssh-rsa-cert-v01@openssh.com", 3, false],
      ],
    );
  });

  it("is none whose signature is not the host key's, or over another session", async () => {
    const right = await bindingOf(first, 1, false);
    const wrong: readonly Partial<SessionBinding>[] = [
      { hostKey: second.publicKey.blob },
      { sessionId: idOf(2) },
      { signature: new Uint8Array(0) },
      { signature: right.signature.map((byte, i) => i === 40 ? byte ^ 1 : byte) },
      { hostKey: utf8("no key") },
      { sessionId: new Uint8Array(0), signature: await first.sign("ssh-ed25519", utf8("")) },
      {
        sessionId: new Uint8Array(129),
        signature: await first.sign("ssh-ed25519", new Uint8Array(129)),
      },
    ];
    for (const change of wrong) {
      const bindings = new AgentBindings();
      assert.equal(await bindings.bind({ ...right, ...change }), false, JSON.stringify(change));
      assert.equal(bindings.hasFailed, true);
      assert.equal(await bindings.bind(right), true, "another try may do");
      assert.equal(bindings.hasFailed, false);
    }
  });

  it("goes no further than to a login, and to 16 sessions, none of which has two keys", async () => {
    const bindings = await boundTo([first, true]);
    assert.equal(await bindings.bind(await bindingOf(first, 1, true)), true, "the same again");
    assert.equal(bindings.hops.length, 1);
    assert.equal(await bindings.bind(await bindingOf(second, 1, true)), false);
    for (let session = 2; session <= 16; session++) {
      assert.equal(await bindings.bind(await bindingOf(first, session, true)), true);
    }
    assert.equal(await bindings.bind(await bindingOf(first, 17, true)), false);
    const atEnd = await boundTo([first, false]);
    assert.equal(await atEnd.bind(await bindingOf(second, 2, false)), false);
    assert.equal(atEnd.hops.length, 1);
  });
});

describe("a key that is restricted to destinations", () => {
  it("signs the login that the connection is bound to, in both variants of the method", async () => {
    const store = storeWith([TO_FIRST]);
    assert.equal(await signs(store, await boundTo([first, false]), loginData()), true);
    const hostbound = loginData({ hostKey: first });
    assert.equal(await signs(store, await boundTo([first, false]), hostbound), true);
    assert.equal(await signs(store, await boundTo([second, false]), loginData()), false);
  });

  const others: Readonly<Record<string, LoginFields | Uint8Array>> = {
    "any message": utf8("a message"),
    "nothing": new Uint8Array(0),
    "a login in another session": { session: 2 },
    "another message": { number: 51 },
    "a login for another service": { service: "ssh-userauth" },
    "a login by another method": { method: "hostbased" },
    "a question whether a key would do": { signed: 0 },
    "a login with another algorithm": { algorithm: "ssh-rsa" },
    "a login with another key": { key: first.publicKey },
    "a login with another host key": { hostKey: second },
    "a login with a host key by the method that has none": { hostKey: first, method: "publickey" },
    "a login without a host key by the method that has one": { method: HOSTBOUND },
    "a login with more behind it": { more: Uint8Array.of(0) },
  };
  for (const [name, fields] of Object.entries(others)) {
    it(`does not sign ${name}`, async () => {
      const data = fields instanceof Uint8Array ? fields : loginData(fields);
      assert.equal(await signs(storeWith([TO_FIRST]), await boundTo([first, false]), data), false);
    });
  }

  it("signs nothing over a connection that is not bound, or in vain; and is seen over the first", async () => {
    const store = storeWith([TO_FIRST]);
    assert.equal(await signs(store, undefined, loginData()), false);
    assert.equal(await sees(store), true);
    const failed = new AgentBindings();
    await failed.bind({ ...await bindingOf(first, 1, false), signature: new Uint8Array(0) });
    assert.equal(await sees(store, failed), false);
    assert.equal(await signs(store, failed, loginData()), false);
    const { type } = await store.respond(
      { type: "extension", name: sessionBindExtension, payload: utf8("cut") },
      failed,
    ).catch(() => ({ type: "thrown" }));
    assert.equal(type, "thrown");
    const malformed = new AgentBindings();
    await assert.rejects(async () => await malformed.take(utf8("cut")));
    assert.equal(await sees(store, malformed), false, "what is malformed has failed too");
  });

  it("may be for certain users, by patterns", async () => {
    const store = storeWith([{ from: null, to: { ...host("first", first), user: "ad*" } }]);
    for (const [user, may] of [["ada", true], ["ad", true], ["bob", false], ["", false]] as const) {
      const bindings = await boundTo([first, false]);
      assert.equal(await signs(store, bindings, loginData({ user })), may, user);
      assert.equal(await sees(store, bindings), true, "who logs in is not known yet");
    }
  });

  it("goes with the agent from host to host on the ways that it has, and on no other", async () => {
    const store = storeWith([TO_FIRST, ON_TO_SECOND]);
    const login = (session: number, user?: string) =>
      loginData({ session, ...(user !== undefined && { user }) });
    const through = await boundTo([first, true], [second, false]);
    assert.equal(await signs(store, through, login(2)), true);
    assert.equal(await signs(store, through, login(2, "bob")), false);
    assert.equal(await signs(store, through, login(1)), false, "of the session before");
    const ways: readonly (readonly (readonly [Signer, boolean])[])[] = [
      [[second, false]],
      [[first, true], [third, false]],
      [[third, true], [second, false]],
      [[first, true], [first, false]],
      [[first, true], [second, true], [second, false]],
      [[second, true], [first, false]],
    ];
    for (const way of ways) {
      const bindings = await boundTo(...way);
      assert.equal(await signs(store, bindings, login(way.length)), false);
      assert.equal(await sees(store, bindings), false);
    }
    const lent = await boundTo([first, true]);
    assert.equal(await signs(store, lent, login(1)), false, "a host that it is lent to logs in");
  });

  it("is seen where it is lent to only if it may be used from there", async () => {
    const lent = await boundTo([first, true]);
    assert.equal(await sees(storeWith([TO_FIRST]), lent), false);
    assert.equal(await sees(storeWith([TO_FIRST, ON_TO_SECOND]), lent), true);
    assert.equal(await sees(storeWith([ON_TO_SECOND]), lent), false, "it must be on its way there");
    const beyond = await boundTo([first, true], [second, true]);
    assert.equal(await sees(storeWith([TO_FIRST, ON_TO_SECOND]), beyond), false);
  });

  it("is removed only by whoever sees it", async () => {
    const store = storeWith([TO_FIRST]);
    const remove = { type: "remove", key: userKey.publicKey.blob } as const;
    const elsewhere = await boundTo([second, false]);
    assert.equal((await store.respond(remove, elsewhere)).type, "failure");
    assert.equal((await store.respond(remove, await boundTo([first, false]))).type, "success");
  });

  it("knows hosts by their authority, for the name, and for now", async () => {
    const ca = third;
    const certified = async (principal: string, validBefore: Date | null, role: "host" | "user") =>
      withCertificate(
        first,
        await issueCertificate({
          key: first.publicKey,
          ca,
          role,
          keyId: "",
          principals: [principal],
          validBefore,
        }),
      );
    const authority = { hostname: "first", keys: [{ blob: ca.publicKey.blob, isCa: true }] };
    let now = 1_000_000;
    const store = new AgentStore({ now: () => now });
    store.add(userKey, { destinations: [{ from: null, to: authority }] });
    const good = await certified("first", new Date(2_000_000), "host");
    const cases: readonly (readonly [Signer, boolean])[] = [
      [good, true],
      [await certified("second", null, "host"), false],
      [await certified("first", null, "user"), false],
      [first, false],
      [ca, false],
    ];
    for (const [hostKey, may] of cases) {
      assert.equal(await signs(store, await boundTo([hostKey, false]), loginData()), may);
    }
    now = 3_000_000;
    assert.equal(await signs(store, await boundTo([good, false]), loginData()), false);
    const plain = storeWith([TO_FIRST]);
    assert.equal(
      await signs(plain, await boundTo([good, false]), loginData()),
      false,
      "the host is known by its key, and shows a certificate",
    );
  });

  it("may be a certificate", async () => {
    const certificate = await issueCertificate({
      key: userKey.publicKey,
      ca: third,
      role: "user",
      keyId: "",
      principals: ["ada"],
      validBefore: null,
    });
    const store = storeWith([TO_FIRST], withCertificate(userKey, certificate));
    const bindings = await boundTo([first, false]);
    const data = loginData({ key: certificate });
    assert.equal(await signs(store, bindings, data, certificate), true);
    assert.equal(await signs(store, bindings, loginData(), certificate), false);
  });

  it("still asks the user, and is told of in the store's list", async () => {
    const asked: unknown[] = [];
    const store = new AgentStore({
      confirm: (key) => {
        asked.push(key.destinations);
        return false;
      },
    });
    store.add(userKey, { destinations: [TO_FIRST], confirm: true });
    assert.equal(await signs(store, await boundTo([second, false]), loginData()), false);
    assert.deepEqual(asked, [], "nobody is asked for what is refused anyway");
    assert.equal(await signs(store, await boundTo([first, false]), loginData()), false);
    assert.deepEqual(asked, [[TO_FIRST]]);
    assert.deepEqual(store.keys[0]?.destinations, [TO_FIRST]);
  });

  it("cannot be restricted to nothing", () => {
    const store = new AgentStore();
    const wrong: readonly (readonly AgentDestination[])[] = [
      [],
      [{ from: null, to: { hostname: "", keys: [keyOf(first)] } }],
      [{ from: null, to: { hostname: "first", keys: [] } }],
      [{ from: { hostname: "first", keys: [] }, to: host("first", first) }],
    ];
    for (const destinations of wrong) {
      assert.throws(() => store.add(userKey, { destinations }), RangeError);
      const constraints = { destinations };
      const request = { type: "add", key: userKey, certificate: null, comment: "" } as const;
      assert.throws(() => encodeAgentRequest({ ...request, constraints }), RangeError);
    }
  });
});

describe("destinations in an agent's messages", () => {
  const add = { type: "add", key: userKey, certificate: null, comment: "ada" } as const;

  function added(details: Uint8Array): AgentRequest {
    const constraints = {
      extension: { name: "restrict-destination-v00@openssh.com", details },
    };
    return decodeAgentRequest(encodeAgentRequest({ ...add, constraints }));
  }

  function hop(user: string, name: string, keys: readonly AgentHostKey[], reserved = "") {
    const writer = new Writer().string(user).string(name).string(reserved);
    for (const { blob, isCa } of keys) writer.string(blob).boolean(isCa);
    return writer.finish();
  }

  function details(from: Uint8Array, to: Uint8Array, reserved = "", more = ""): Uint8Array {
    const one = new Writer().string(from).string(to).string(reserved).raw(utf8(more)).finish();
    return new Writer().string(new Writer().string(one).finish()).finish();
  }

  it("come out as they went in, with other constraints around them", () => {
    const constraints = {
      lifetimeSeconds: 60,
      confirm: true,
      destinations: [TO_FIRST, ON_TO_SECOND],
      extension: { name: "x@example", details: utf8("y") },
    };
    const request = decodeAgentRequest(encodeAgentRequest({ ...add, constraints }));
    assert.ok(request.type === "add");
    assert.deepEqual(structuredClone(request.constraints), structuredClone(constraints));
  });

  it("are refused where they are not whole, or say nothing", () => {
    const none = hop("", "", []);
    const to = hop("", "first", [keyOf(first)]);
    assert.ok(added(details(none, to)).type === "add");
    const wrong: Readonly<Record<string, Uint8Array>> = {
      "no destination": new Writer().string("").finish(),
      "a user where it begins": details(hop("ada", "first", [keyOf(first)]), to),
      "a name without keys": details(hop("", "first", []), to),
      "keys without a name": details(hop("", "", [keyOf(first)]), to),
      "a destination without a name": details(none, hop("", "", [keyOf(first)])),
      "a destination without keys": details(none, hop("", "first", [])),
      "something in a host that is not known": details(none, hop("", "x", [keyOf(first)], "?")),
      "something behind a destination": details(none, to, "", "more"),
      "a key that is cut short": details(none, to.subarray(0, -2)),
    };
    for (const [name, bytes] of Object.entries(wrong)) {
      assert.throws(() => added(bytes), { name: "KeyFormatError" }, name);
    }
  });

  it("are no more than 1024", () => {
    const destinations = new Array<AgentDestination>(1025).fill(TO_FIRST);
    assert.throws(
      () => encodeAgentRequest({ ...add, constraints: { destinations } }),
      /Cannot restrict a key to 1025 destinations: 1 to 1024 are allowed/,
    );
    const one = details(hop("", "", []), hop("", "x", [keyOf(first)])).subarray(4);
    const many = new Writer();
    for (let i = 0; i < 1025; i++) many.raw(one);
    assert.throws(() => added(new Writer().string(many.finish()).finish()), /more than 1024/);
  });

  it("come once", () => {
    const request = { ...add, constraints: { destinations: [TO_FIRST] } };
    const bytes = encodeAgentRequest(request);
    const alone = encodeAgentRequest({ ...add, constraints: {} });
    const constraint = bytes.subarray(alone.length);
    assert.throws(
      () => decodeAgentRequest(Uint8Array.from([...bytes, ...constraint])),
      /its destinations are there twice/,
    );
  });

  it("are judged by the session that an extension has bound the connection to", async () => {
    const store = storeWith([TO_FIRST]);
    const bindings = new AgentBindings();
    const payload = encodeSessionBinding(await bindingOf(first, 1, false));
    const bind = { type: "extension", name: sessionBindExtension, payload } as const;
    assert.equal((await store.respond(bind, bindings)).type, "success");
    assert.equal(await signs(store, bindings, loginData()), true);
    assert.equal(await signs(store, new AgentBindings(), loginData()), false);
    const wrong = await bindingOf(second, 2, false);
    const again = { ...bind, payload: encodeSessionBinding(wrong) };
    assert.equal((await store.respond(again, bindings)).type, "failure");
  });
});

describe("destinations, as ssh-add -h has them", () => {
  const knownHosts = [
    addKnownHost("", { hostname: "first" }, first.publicKey),
    addKnownHost("", { hostname: "second", port: 2222 }, second.publicKey),
    `@revoked first ssh-ed25519 ${btoa(String.fromCharCode(...third.publicKey.blob))}\n`,
    `@cert-authority *.example ssh-ed25519 ${btoa(String.fromCharCode(...third.publicKey.blob))}\n`,
  ].join("");

  it("have a host, a user, and a host where they begin", () => {
    const at = (text: string) => structuredClone(agentDestination(text, knownHosts));
    assert.deepEqual(at("first"), structuredClone(TO_FIRST));
    assert.deepEqual(at("first>ad*@[second]:2222"), {
      from: host("first", first),
      to: { ...host("[second]:2222", second), user: "ad*" },
    });
    assert.deepEqual(at("db.example").to.keys, [{ blob: third.publicKey.blob, isCa: true }]);
  });

  it("are refused where a host is not known, or they are not of that form", () => {
    assert.throws(() => agentDestination("other", knownHosts), {
      name: "RangeError",
      message: 'Cannot restrict a key to "other": it is not among the known hosts',
    });
    for (const text of ["", "@first", "ada@", "ada@first>first", "first>", ">first", "a>b>c"]) {
      assert.throws(() => agentDestination(text, knownHosts), RangeError, text);
    }
  });
});
