import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  clientOfFlow,
  connect,
  HostKeyError,
  type HostKeyPolicy,
  type HostKeyQuestion,
  type HostKeyStatus,
  knownHosts,
  type KnownHostsOptions,
  type KnownHostsSource,
  type KnownHostsStore,
  writeKnownHost,
} from "../../client/mod.ts";
import {
  addKnownHost,
  type Certificate,
  fingerprint,
  formatPublicKeyLine,
  generateKey,
  issueCertificate,
  type PrivateKey,
  type PublicKey,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { ada, cat, testServer } from "./_server.ts";

const address = { hostname: "db.example", port: 2222 };
const name = "[db.example]:2222";

/** The server's key, and others of its type and of another. */
const hostKey = await testHostKey();
const otherKey = await generateKey("ed25519");
const ecdsaKey = await generateKey("ecdsa");

function line(key: Pick<PrivateKey, "publicKey">, hosts = name): string {
  return `${hosts} ${formatPublicKeyLine(key.publicKey)}\n`;
}

/** A file in memory. */
function memoryStore(
  text: string | null,
): KnownHostsStore & { text: string | null; writes: number } {
  return {
    text,
    writes: 0,
    read() {
      return this.text;
    },
    write(text) {
      this.text = text;
      this.writes++;
    },
  };
}

/** Connects to a server, and gives its key; or the error, when the server must not have been asked. */
async function meet(
  sources: KnownHostsSource | readonly KnownHostsSource[],
  options: KnownHostsOptions = {},
  hostKeys: readonly Signer[] = [hostKey],
): Promise<PublicKey | HostKeyError> {
  await using server = await testServer({ hostKeys });
  try {
    const verifyHostKey = knownHosts(sources, options);
    await using ssh = await connect(server.flow, { ...ada, ...address, verifyHostKey });
    return ssh.serverHostKey;
  } catch (error) {
    if (!(error instanceof HostKeyError)) throw error;
    assert.deepEqual(server.attempts, [], "credentials have been sent");
    assert.equal(server.connection.user, null);
    return error;
  }
}

async function accepted(...args: Parameters<typeof meet>): Promise<PublicKey> {
  const met = await meet(...args);
  if (met instanceof HostKeyError) throw met;
  return met;
}

async function refused(...args: Parameters<typeof meet>): Promise<HostKeyError> {
  const met = await meet(...args);
  assert.ok(met instanceof HostKeyError, "it was accepted");
  return met;
}

const refusals: readonly [HostKeyStatus, string | null, why: RegExp][] = [
  ["known-changed", line(otherKey), /known by another key of that type \(line 1\)$/],
  ["found-other", `\n${line(ecdsaKey)}`, /keys of other types only \(line 2\)$/],
  ["not-known", line(hostKey, "other.example"), /it is not among the known hosts$/],
  ["file-not-found", null, /there is no file of known hosts$/],
  [
    "revoked",
    line(hostKey) + line(hostKey, "@revoked *"),
    /that key, or its authority's, has been revoked \(line 2\)$/,
  ],
  ["error", "#".repeat(9_000_000), /known hosts cannot be read$/],
];

describe("a server among known hosts", () => {
  it("is accepted by its key", async () => {
    assert.deepEqual((await accepted(line(hostKey))).blob, hostKey.publicKey.blob);
    await accepted(["", line(hostKey)]);
    await accepted(addKnownHost("", address, hostKey.publicKey, { hash: true }));
  });

  for (const [status, text, why] of refusals) {
    it(`is refused before anything is sent to it, if its key is ${status}`, async () => {
      const error = await refused({ read: () => text });
      assert.equal(error.status, status);
      assert.deepEqual(error.key, hostKey.publicKey.blob);
      const print = fingerprint(hostKey.publicKey);
      assert.ok(
        error.message.startsWith(
          `Cannot trust db.example port 2222: its host key is ED25519 ${print}, and `,
        ),
        error.message,
      );
      assert.match(error.message, why);
    });
  }

  it("is judged likewise where a flow is made of a flow", async () => {
    await using server = await testServer({ session: cat });
    const request = { type: "exec", command: "cat" } as const;
    await assert.rejects(
      clientOfFlow(server.flow, {
        ...ada,
        ...address,
        request,
        authenticator: knownHosts(line(otherKey)),
      }),
      { name: "HostKeyError", status: "known-changed" },
    );
    assert.deepEqual(server.attempts, []);
  });

  it("says in which of several texts it is known otherwise", async () => {
    const error = await refused([line(ecdsaKey), line(otherKey)]);
    assert.match(error.message, /another key of that type \(line 1 of source 2, line 1\)$/);
  });

  it("cannot be looked up without its name, and is not spoken to then", async () => {
    await using server = await testServer();
    const verifyHostKey = knownHosts(line(hostKey));
    await assert.rejects(connect(server.flow, { ...ada, verifyHostKey }), {
      name: "TypeError",
      message: /the option hostname is missing$/,
    });
  });

  it("is not asked for while the texts cannot be had: the caller can give up", async () => {
    await using server = await testServer();
    const abort = new AbortController();
    const verifyHostKey = knownHosts({ read: () => new Promise<string>(() => {}) });
    const connecting = connect(server.flow, {
      ...ada,
      ...address,
      verifyHostKey,
      signal: abort.signal,
    });
    abort.abort(new Error("enough"));
    await assert.rejects(connecting, /^Error: enough$/);
  });

  it("is refused if the texts cannot be read, for which there is a cause", async () => {
    const cause = new Error("disk on fire");
    const error = await refused({
      read: () => {
        throw cause;
      },
    });
    assert.equal(error.status, "error");
    assert.equal(error.cause, cause);
    assert.match(error.message, /known hosts cannot be read: disk on fire$/);
  });

  it("is not known for want of a file if reading says ENOENT", async () => {
    const missing = Object.assign(new Error("No such file"), { code: "ENOENT" });
    const error = await refused({ read: () => Promise.reject(missing) });
    assert.equal(error.status, "file-not-found");
  });
});

describe("a server that is not known", () => {
  for (const text of [null, "# mine", line(hostKey, "other.example")]) {
    it(`is accepted as new, and known from then on (${JSON.stringify(text)})`, async () => {
      const store = memoryStore(text);
      await accepted(store, { policy: "accept-new" });
      assert.equal(store.text, addKnownHost(text, address, hostKey.publicKey));
      await accepted(store, { policy: "accept-new" });
      assert.equal(store.writes, 1);
      assert.equal((await refused(store.text ?? "", {}, [otherKey])).status, "known-changed");
    });
  }

  it("is accepted as new by its first key only", async () => {
    for (const [status, text] of refusals) {
      if (text === null || status === "not-known") continue;
      const store = memoryStore(text);
      assert.equal((await refused(store, { policy: "accept-new" })).status, status);
      assert.equal(store.writes, 0);
    }
  });

  it("is written with its name hashed, if that is asked for", async () => {
    const store = memoryStore(null);
    await accepted(store, { policy: "accept-new", hash: true });
    assert.match(store.text ?? "", /^\|1\|\S{28}\|\S{28} ssh-ed25519 \S+\n$/);
    await accepted(store);
  });

  it("is written into the first store that can be written", async () => {
    const [first, second] = [memoryStore("# one\n"), memoryStore("# two\n")];
    await accepted(["", { read: () => null }, first, second], { policy: "accept-new" });
    assert.deepEqual([first.writes, second.writes], [1, 0]);
  });

  it("is refused if it cannot be written down", async () => {
    const error = await refused({
      read: () => null,
      write: () => {
        throw new Error("disk full");
      },
    }, { policy: "accept-new" });
    assert.equal(error.status, "error");
    assert.match(error.message, /it cannot be written down: disk full$/);
  });

  it("is not lost where two are written at once", async () => {
    const store = memoryStore(null);
    const slow: KnownHostsStore = {
      read: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return store.read();
      },
      write: async (text) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        store.write?.(text);
      },
    };
    const verify = knownHosts(slow, { policy: "accept-new" });
    const hosts = ["a", "b", "c"];
    await Promise.all(hosts.map((hostname) => verify(hostKey.publicKey, { hostname })));
    assert.deepEqual(
      store.text?.trim().split("\n").map((line) => line.split(" ")[0]).sort(),
      hosts,
    );
  });
});

describe("a user who is asked about a server", () => {
  const yes: HostKeyPolicy = () => true;

  it("is told what is known, and has it written down by saying yes", async () => {
    for (const status of ["not-known", "file-not-found", "found-other"] as const) {
      const [, text = null] = refusals.find(([name]) => name === status) ?? [];
      const store = memoryStore(text);
      const asked: HostKeyQuestion[] = [];
      await accepted(store, {
        policy: (question) => {
          asked.push(question);
          return true;
        },
      });
      const [question, ...others] = asked;
      assert.deepEqual(others, []);
      assert.equal(question?.status, status);
      assert.deepEqual(question.key.blob, hostKey.publicKey.blob);
      assert.deepEqual([question.hostname, question.port], ["db.example", 2222]);
      assert.equal(question.matches.length, status === "found-other" ? 1 : 0);
      assert.ok(question.signal);
      assert.equal(store.text, addKnownHost(text, address, hostKey.publicKey));
    }
  });

  it("is asked anew each time where nothing can be written", async () => {
    let times = 0;
    const policy = () => ++times > 0;
    for (let i = 0; i < 2; i++) await accepted("", { policy });
    assert.equal(times, 2);
  });

  it("is not asked about a key that has changed or is revoked, nor if nothing is certain", async () => {
    for (const [status, text] of refusals) {
      if (!["known-changed", "revoked", "error"].includes(status)) continue;
      const policy = () => assert.fail("the user was asked");
      assert.equal((await refused({ read: () => text }, { policy })).status, status);
    }
  });

  it("refuses by whatever is not a clear yes", async () => {
    for (const answer of [false, undefined, "yes", 1, null]) {
      const store = memoryStore(null);
      const error = await refused(store, { policy: () => answer as boolean });
      assert.equal(error.status, "file-not-found");
      assert.equal(store.writes, 0);
    }
    const error = await refused("", {
      policy: () => {
        throw new Error("no terminal");
      },
    });
    assert.equal(error.status, "error");
    assert.match(error.message, /the check failed: no terminal$/);
  });

  it("has said yes to nothing that the file has learnt meanwhile", async () => {
    for (
      const [text, status] of [
        [line(otherKey), "known-changed"],
        [line(hostKey, "@revoked *"), "revoked"],
      ] as const
    ) {
      const store = memoryStore("");
      const error = await refused(store, {
        policy: () => {
          store.text = text;
          return true;
        },
      });
      assert.equal(error.status, status);
      assert.equal(store.writes, 0);
    }
  });

  it("writes nothing with a yes that came too late", async () => {
    const store = memoryStore(null);
    const verify = knownHosts(store, { policy: yes });
    const signal = AbortSignal.abort(new Error("gone"));
    await assert.rejects(
      async () => await verify(hostKey.publicKey, { ...address, signal }),
      /gone/,
    );
    assert.equal(store.writes, 0);
  });
});

describe("a server with several keys", () => {
  const keys = [hostKey, ecdsaKey];

  it("is asked first for one that it is known by", async () => {
    assert.equal((await accepted(line(ecdsaKey), {}, keys)).type, "ecdsa-sha2-nistp256");
    assert.equal((await accepted(line(hostKey), {}, [...keys].reverse())).type, "ssh-ed25519");
    const plain = line(ecdsaKey, "db.example");
    assert.equal((await accepted(plain, {}, keys)).type, "ecdsa-sha2-nistp256");
  });

  it("is not asked first for one that is revoked", async () => {
    const text = line(ecdsaKey) + line(ecdsaKey, "@revoked *");
    const error = await refused(text, {}, keys);
    assert.equal(error.status, "found-other");
    assert.deepEqual(error.key, hostKey.publicKey.blob);
  });

  it("is asked in the usual order if it is known by the key that is preferred", async () => {
    const expected = await knownHosts(line(hostKey) + line(ecdsaKey)).expect(address);
    assert.deepEqual(expected.algorithms, []);
    assert.equal(expected.certified, true);
    const others = await knownHosts(line(ecdsaKey)).expect(address);
    assert.equal(others.certified, false);
    assert.deepEqual(
      others.algorithms.filter((name) => !name.includes("cert")),
      ["ecdsa-sha2-nistp256"],
    );
  });
});

describe("what is expected of a server", () => {
  it("is a certificate where its authority is known, and not revoked", async () => {
    const ca = line(otherKey, "@cert-authority *");
    const both = await knownHosts(ca + line(ecdsaKey)).expect(address);
    assert.equal(both.certified, true);
    const revoked = line(otherKey, "@revoked *");
    assert.equal(
      (await knownHosts(ca + revoked + line(ecdsaKey)).expect(address)).certified,
      false,
    );
  });

  it("is nothing where it is not known, or that cannot be found out", async () => {
    const nothing = { algorithms: [], certified: true };
    assert.deepEqual(await knownHosts("").expect(address), nothing);
    const broken = knownHosts({ read: () => Promise.reject(new Error("disk on fire")) });
    assert.deepEqual(await broken.expect(address), nothing);
  });
});

describe("a server that shows a certificate", () => {
  const certify = async (changes: object = {}) => {
    const ca = await generateKey("ed25519");
    const certificate: Certificate = await issueCertificate({
      key: hostKey.publicKey,
      ca,
      role: "host",
      keyId: "db",
      principals: ["*.example"],
      validBefore: new Date(2_000_000_000_000),
      ...changes,
    });
    return { ca, signer: withCertificate(hostKey, certificate) };
  };
  const now = () => 1_900_000_000_000;

  it("is accepted by its authority, if the certificate holds", async () => {
    const { ca, signer } = await certify();
    const text = line(ca, "@cert-authority *");
    assert.match((await accepted(text, { now }, [signer])).type, /-cert-v01@openssh\.com$/);
    const expired = await refused(text, { now: () => 2_100_000_000_000 }, [signer]);
    assert.equal(expired.status, "not-known");
    assert.match(expired.message, /its certificate does not count: it was valid before/);
    const other = await certify({ principals: ["other.example"] });
    const wrong = await refused(line(other.ca, "@cert-authority *"), { now }, [other.signer]);
    assert.match(wrong.message, /does not count: it is for other\.example/);
    const elsewhere = await refused(line(ca, "@cert-authority *.org"), { now }, [signer]);
    assert.match(elsewhere.message, /does not count: its authority is not known$/);
  });

  it("is accepted by an authority that is known for its name without the port", async () => {
    const { ca, signer } = await certify();
    await accepted(line(ca, "@cert-authority *.example"), { now }, [signer]);
  });

  it("is refused if its authority has been revoked, whatever else is known", async () => {
    const { ca, signer } = await certify();
    const text = line(ca, "@cert-authority *") + line(hostKey) + line(ca, "@revoked *");
    const error = await refused(text, { now }, [signer]);
    assert.equal(error.status, "revoked");
    assert.match(error.message, /revoked \(line 3\)$/);
    const byKey = line(ca, "@cert-authority *") + line(hostKey, "@revoked *");
    assert.equal((await refused(byKey, { now }, [signer])).status, "revoked");
  });

  it("is judged by its key where the authority is not known, and known by its key then", async () => {
    const { signer } = await certify();
    await accepted(line(hostKey), { now }, [signer]);
    assert.equal((await refused(line(otherKey), { now }, [signer])).status, "known-changed");
    const store = memoryStore(null);
    await accepted(store, { now, policy: "accept-new" }, [signer]);
    assert.equal(store.text, addKnownHost("", address, hostKey.publicKey));
  });
});

describe("known hosts that are to be written", () => {
  it("have to be somewhere that can be written", () => {
    for (const options of [{ policy: "accept-new" }, { updateHostKeys: true }] as const) {
      assert.throws(() => knownHosts(["", { read: () => null }], options), {
        name: "TypeError",
        message: /none of them can be written$/,
      });
    }
    assert.throws(() => knownHosts("", { policy: "ask" as "strict" }), TypeError);
  });

  it("get one more by hand", async () => {
    const store = memoryStore("# mine\n");
    await writeKnownHost(store, address, hostKey.publicKey);
    await writeKnownHost(store, address, hostKey.publicKey);
    assert.equal(store.text, `# mine\n${addKnownHost("", address, hostKey.publicKey)}`);
    assert.equal(store.writes, 1);
    await writeKnownHost(store, { hostname: "h" }, hostKey.publicKey, { hash: true });
    assert.match(store.text, /\n\|1\|\S+ ssh-ed25519 \S+\n$/);
    await assert.rejects(writeKnownHost({ read: () => null }, address, hostKey.publicKey), {
      name: "TypeError",
      message: /the store has no method for that$/,
    });
  });
});
