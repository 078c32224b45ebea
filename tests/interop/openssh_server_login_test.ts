import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  type ClientAuthMethod,
  connect,
  type ConnectOptions,
  keyboardInteractive,
  none,
  password,
  publicKey,
  type SshClient,
} from "../../client/mod.ts";
import { fingerprint, generateKey } from "../../keys/mod.ts";
import {
  AuthenticationError,
  DisconnectError,
  HostKeyError,
  NegotiationError,
  ProtocolError,
} from "../../wire/errors.ts";
import { describePeer } from "../helpers/peers.ts";
import { addAccount, isRoot, keyKinds, keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";

/** Any server will do here: it is the users that are in question. */
function login(sshd: Sshd, user: string, auth: readonly ClientAuthMethod[]): Promise<SshClient> {
  return sshd.connect().then((conn) =>
    connect(conn, { user, auth, insecureAcceptAnyHostKey: true })
  );
}

async function whoami(ssh: SshClient): Promise<string> {
  return new TextDecoder().decode((await ssh.command("id -un").output()).stdout).trim();
}

/** A test that adds a user to this machine. */
function itAsRoot(title: string, test: () => Promise<void>): void {
  it(isRoot ? title : `${title} (needs root, to add a user)`, { ignore: !isRoot }, test);
}

describePeer("sshd", "client and sshd: keys that log in", () => {
  for (const kind of keyKinds) {
    it(kind, async () => {
      const key = await keyOf(kind);
      await using sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [key] });
      for (const probe of [false, true]) {
        await using ssh = await login(sshd, self, [publicKey(key, { probe })]);
        assert.equal((await ssh.command("true").output()).code, 0);
      }
      const print = fingerprint(key.publicKey).replaceAll("+", "\\+");
      await sshd.logged(new RegExp(`Accepted publickey for ${self} .* ${print}`));
    });
  }

  it("the one of several that the server knows", async () => {
    const [stranger, known] = [await generateKey("ed25519"), await keyOf("nistp384")];
    await using sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [known] });
    await using _ssh = await login(sshd, self, [stranger, known].map((key) => publicKey(key)));
  });

  it("rsa, by either of its signatures", async () => {
    const key = await keyOf("rsa");
    for (const algorithm of key.publicKey.algorithms) {
      await using sshd = await startSshd({
        hostKeys: ["ed25519"],
        authorizedKeys: [key],
        config: [`PubkeyAcceptedAlgorithms ${algorithm}`],
      });
      const { type, blob, comment } = key.publicKey;
      const half = { type, blob, comment, algorithms: [algorithm], verify: () => false };
      const signer = { publicKey: half, sign: key.sign.bind(key) };
      await using _ssh = await login(sshd, self, [publicKey(signer)]);
    }
  });
});

describePeer("sshd", "client and sshd: passwords and questions", () => {
  const config = ["PasswordAuthentication yes"];

  itAsRoot("a password logs in, also one that is asked for until it is right", async () => {
    await using account = await addAccount();
    await using sshd = await startSshd({ hostKeys: ["ed25519"], config });
    {
      await using ssh = await login(sshd, account.user, [password(account.password)]);
      assert.equal(await whoami(ssh), account.user);
    }
    const tries = ["wrong", account.password];
    await using _ssh = await login(sshd, account.user, [password(() => tries.shift() ?? null)]);
    assert.deepEqual(tries, []);
  });

  itAsRoot("a wrong password does not, and the error says what would", async () => {
    await using account = await addAccount();
    await using sshd = await startSshd({ hostKeys: ["ed25519"], config });
    await assert.rejects(login(sshd, account.user, [password("wrong")]), (error) => {
      assert.ok(error instanceof AuthenticationError);
      assert.deepEqual(error.remaining, ["publickey", "password"]);
      assert.equal(
        error.message,
        `Cannot authenticate as "${account.user}": tried password; ` +
          `the server would take publickey, password`,
      );
      return true;
    });
    await sshd.logged(/Failed password for/);
    await sshd.logged(/Received disconnect from .*:14: No more authentication methods/);
  });

  itAsRoot("a key and then a password, where the server wants both", async () => {
    await using account = await addAccount();
    const key = await keyOf("ed25519");
    await using sshd = await startSshd({
      hostKeys: ["ed25519"],
      authorizedKeys: [key],
      config: [...config, "AuthenticationMethods publickey,password"],
    });
    // In whatever order they are given: the server says which it wants first.
    await using _ssh = await login(sshd, account.user, [
      password(account.password),
      publicKey(key),
    ]);
    await sshd.logged(/Partial publickey for/);
    await assert.rejects(login(sshd, account.user, [publicKey(key)]), (error) => {
      assert.ok(error instanceof AuthenticationError);
      assert.deepEqual([error.partial, error.remaining], [true, ["password"]]);
      assert.match(error.message, /tried publickey \(accepted, but not enough\)/);
      return true;
    });
  });

  itAsRoot("questions are answered, and a password is taken for the answer to one", async () => {
    await using account = await addAccount();
    await using sshd = await startSshd({
      hostKeys: ["ed25519"],
      config: ["UsePAM yes", "KbdInteractiveAuthentication yes"],
    });
    const asked: string[] = [];
    {
      await using ssh = await login(sshd, account.user, [
        keyboardInteractive(({ prompts }) =>
          prompts.map(({ prompt, echo }) => {
            asked.push(`${prompt}${echo}`);
            return account.password;
          })
        ),
      ]);
      assert.equal(await whoami(ssh), account.user);
    }
    assert.deepEqual(asked, ["Password: false"]);
    await using _ssh = await connect(await sshd.connect(), {
      user: account.user,
      auth: { password: account.password },
      insecureAcceptAnyHostKey: true,
    });
  });

  it("nothing at all is refused with the list of what would be taken", async () => {
    await using sshd = await startSshd({ hostKeys: ["ed25519"] });
    await assert.rejects(login(sshd, self, [none()]), {
      name: "AuthenticationError",
      remaining: ["publickey"],
    });
  });

  it("a banner is shown", async () => {
    const key = await keyOf("ed25519");
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, "Grüß Gott\n");
      await using sshd = await startSshd({
        hostKeys: ["ed25519"],
        authorizedKeys: [key],
        config: [`Banner ${file}`],
      });
      const banners: string[] = [];
      await using _ssh = await connect(await sshd.connect(), {
        user: self,
        auth: [publicKey(key)],
        insecureAcceptAnyHostKey: true,
        onBanner: (banner) => banners.push(banner),
      });
      assert.deepEqual(banners, ["Grüß Gott\n"]);
    } finally {
      await Deno.remove(file);
    }
  });
});

describePeer("sshd", "client and sshd: the host key", () => {
  it("that is not the expected one is refused before anybody logs in", async () => {
    const key = await keyOf("ed25519");
    await using sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [key] });
    const expected = fingerprint((await generateKey("ed25519")).publicKey);
    const connecting = connect(await sshd.connect(), {
      user: self,
      auth: [publicKey(key)],
      hostname: sshd.hostname,
      port: sshd.port,
      authenticator: expected,
    });
    await assert.rejects(connecting, (error) => {
      assert.ok(error instanceof HostKeyError);
      assert.equal(error.status, "known-changed");
      assert.deepEqual(error.key, key.publicKey.blob);
      assert.equal(
        error.message,
        `Cannot trust 127.0.0.1 port ${sshd.port}: its host key is ` +
          `ED25519 ${fingerprint(key.publicKey)}, and ${expected} was expected`,
      );
      return true;
    });
    await sshd.logged(/Received disconnect from .*:9: The host key is not trusted/);
    assert.doesNotMatch(sshd.log(), /Failed|Accepted|Postponed|Invalid user|userauth/);
  });

  for (const kind of keyKinds) {
    it(`is the one that is expected, of all that the server has: ${kind}`, async () => {
      const user = await keyOf("ed25519");
      await using sshd = await startSshd({ authorizedKeys: [user] });
      const expected = (await keyOf(kind)).publicKey;
      await using ssh = await connect(await sshd.connect(), {
        user: self,
        auth: [publicKey(user)],
        authenticator: expected,
      });
      assert.equal(fingerprint(ssh.serverHostKey), fingerprint(expected));
    });
  }
});

describePeer("sshd", "client and sshd: connecting fails", () => {
  const options: ConnectOptions = { user: self, auth: [], insecureAcceptAnyHostKey: true };

  it("where an algorithm is not known, before anything is sent", async () => {
    await using sshd = await startSshd({ hostKeys: ["ed25519"] });
    const connecting = connect(await sshd.connect(), {
      ...options,
      algorithms: { ciphers: ["aes256-cbc"] },
    });
    await assert.rejects(
      connecting,
      /^TypeError: Cannot use the cipher algorithm "aes256-cbc": supported are chacha20-poly1305/,
    );
  });

  it("where the two have no algorithm in common, and says what each offers", async () => {
    await using sshd = await startSshd({
      hostKeys: ["ed25519"],
      config: ["Ciphers aes128-cbc"],
    });
    await assert.rejects(connect(await sshd.connect(), options), (error) => {
      assert.ok(error instanceof NegotiationError);
      assert.deepEqual(error.theirs, ["aes128-cbc"]);
      assert.ok(error.ours.includes("aes256-ctr"));
      return true;
    });
  });

  it("where the server speaks HTTP", async () => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("hello"),
    );
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
    await assert.rejects(connect(conn, options), (error) => {
      assert.ok(error instanceof ProtocolError);
      assert.match(error.message, /^Cannot speak SSH: the peer speaks HTTP \("HTTP\/1\.1 400 /);
      return true;
    });
  });

  it("where the server has had enough of connections", async () => {
    await using sshd = await startSshd({ hostKeys: ["ed25519"], config: ["MaxStartups 1"] });
    using _first = await sshd.connect();
    await sshd.logged(/Connection from/);
    await assert.rejects(connect(await sshd.connect(), options), DisconnectError);
  });

  it("where the login takes too long", async () => {
    await using sshd = await startSshd({ hostKeys: ["ed25519"] });
    const connecting = connect(await sshd.connect(), {
      user: self,
      auth: [],
      loginTimeoutMs: 100,
      verifyHostKey: () => new Promise(() => {}),
    });
    await assert.rejects(connecting, /The login took longer than 100 ms/);
  });
});
