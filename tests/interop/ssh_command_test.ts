import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  addKnownHost,
  fingerprint,
  formatPrivateKey,
  formatPublicKeyLine,
  generateKey,
} from "../../keys/mod.ts";
import { describePeer } from "../helpers/peers.ts";
import {
  addAccount,
  isRoot,
  keyOf,
  type Sshd,
  type SshdOptions,
  startSshd,
} from "../helpers/sshd.ts";
import { Tmux } from "../helpers/tmux.ts";

const self = Deno.env.get("USER") || "root";
const root = new URL("../../", import.meta.url).pathname;
const passphrase = "correct horse";

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home of nobody, so that no file and no agent of whoever runs the tests has a say. */
const home = Deno.makeTempDirSync({ prefix: "sshflow-home-" });
const ownHome = Deno.env.get("HOME") ?? "";
const env: Readonly<Record<string, string>> = {
  NO_COLOR: "1",
  HOME: home,
  DENO_DIR: Deno.env.get("DENO_DIR") ?? `${ownHome}/.cache/deno`,
  SSH_AUTH_SOCK: "",
};
globalThis.addEventListener("unload", () => Deno.removeSync(home, { recursive: true }));

/** Runs `deno task ssh`, without a terminal. */
async function ssh(
  args: readonly string[],
  input: string | null = null,
  more: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "ssh", ...args],
    cwd: root,
    env: { ...env, ...more },
    stdin: input === null ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== null) {
    await ReadableStream.from([input]).pipeThrough(new TextEncoderStream()).pipeTo(child.stdin);
  }
  const { code, stdout, stderr } = await child.output();
  return {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  };
}

/** A failure of the command itself: status 255, and one line without a stack trace. */
async function failure(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await ssh(args);
  assert.deepEqual([code, stdout], [255, ""], stderr);
  assert.match(stderr, /^[^\n]+\n$/);
  return stderr.trimEnd();
}

/** A server, and files of keys: one that logs in, the same with a passphrase, and a stranger's. */
interface Setting extends AsyncDisposable {
  readonly sshd: Sshd;
  readonly directory: string;
  readonly fingerprint: string;
  readonly destination: string;
  /** Options that log in without a question. */
  readonly login: readonly string[];
}

async function setting(options: SshdOptions = {}): Promise<Setting> {
  const key = await keyOf("ed25519");
  const directory = await Deno.makeTempDir({ prefix: "sshflow-ssh-" });
  const sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [key], ...options });
  const files = {
    key: await formatPrivateKey(key),
    encrypted: await formatPrivateKey(key, { passphrase, rounds: 1 }),
    stranger: await formatPrivateKey(await generateKey("ed25519")),
    "key.pub": formatPublicKeyLine(key.publicKey),
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${directory}/${name}`, text, { mode: 0o600 });
  }
  const print = fingerprint(key.publicKey);
  return {
    sshd,
    directory,
    fingerprint: print,
    destination: `${self}@127.0.0.1:${sshd.port}`,
    login: ["--identity", `${directory}/key`, "--fingerprint", print],
    async [Symbol.asyncDispose]() {
      await sshd[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

describePeer("sshd", "the command ssh", () => {
  it("runs a command: output, standard error and status are its own", async () => {
    await using at = await setting();
    const command = "echo out; echo err >&2; exit 7";
    assert.deepEqual(await ssh([...at.login, at.destination, command]), {
      code: 7,
      stdout: "out\n",
      stderr: "err\n",
    });
    await at.sshd.logged(/Received disconnect from .*:11/);
  });

  it("takes all that follows the host for the command, whatever it looks like", async () => {
    await using at = await setting();
    const options = [...at.login, "--port", `${at.sshd.port}`, "-l", self];
    assert.equal(
      (await ssh([...options, "127.0.0.1", "echo", "--port", "-x"])).stdout,
      "--port -x\n",
    );
    const url = `ssh://${at.destination}/`;
    assert.equal((await ssh([...at.login, url, "--", "echo", "-n", "x"])).stdout, "x");
  });

  it("passes its input on, to a command and to a shell", async () => {
    await using at = await setting();
    const text = "line\n".repeat(100_000);
    const { stdout } = await ssh([...at.login, at.destination, "cat"], text);
    assert.ok(stdout === text);
    const shell = await ssh([...at.login, at.destination], "echo $0; exit 9\n");
    assert.deepEqual([shell.code, shell.stderr], [9, ""]);
    assert.match(shell.stdout, /sh\n$/);
  });

  it("ends with 255 where a signal ended the command, and says which", async () => {
    await using at = await setting();
    assert.equal(
      await failure([...at.login, at.destination, "kill -TERM $$"]),
      "The command was ended by SIGTERM",
    );
  });

  it("asks for a terminal if it is told to", async () => {
    await using at = await setting();
    const { stdout } = await ssh([...at.login, "-t", at.destination, "stty size"]);
    assert.equal(stdout, "24 80\r\n");
  });

  it("knows hosts by a file, and refuses one whose key is another", async () => {
    await using at = await setting();
    const { directory, sshd } = at;
    const file = `${directory}/known_hosts`;
    const login = [
      "--identity",
      `${directory}/key`,
      "--known-hosts",
      file,
      at.destination,
      "echo x",
    ];
    const [key, other] = [await keyOf("ed25519"), await generateKey("ed25519")];
    await Deno.writeTextFile(file, addKnownHost("", sshd, key.publicKey, { hash: true }));
    assert.deepEqual(await ssh(login), { code: 0, stdout: "x\n", stderr: "" });
    await Deno.writeTextFile(file, addKnownHost("", sshd, other.publicKey));
    assert.match(
      await failure(login),
      /^Cannot trust 127\.0\.0\.1 port \d+: .*, and it is known by another key of that type \(line 1\)$/,
    );
    await Deno.remove(file);
    assert.match(await failure(login), /there is no terminal to ask whether its ED25519 key/);
    const config = `${directory}/config`;
    await Deno.writeTextFile(config, `UserKnownHostsFile ${file}\nStrictHostKeyChecking yes\n`);
    assert.match(
      await failure([...login.slice(0, 2), "--config", config, ...login.slice(4)]),
      /, and there is no file of known hosts$/,
    );
  });

  it("takes a configuration as ssh has them, which counts less than what it is told", async () => {
    await using at = await setting();
    const { directory, sshd } = at;
    await Deno.writeTextFile(`${directory}/hosts`, "Host demo\n  HostName 127.0.0.1\n");
    const text = `Include ${directory}/host?\nHost demo\n  Port ${sshd.port}\n  User ${self}\n` +
      `  IdentityFile ${directory}/key\n  Ciphers aes128-ctr\n`;
    await Deno.writeTextFile(`${directory}/config`, text);
    const options = ["-F", `${directory}/config`, "--fingerprint", at.fingerprint, "-v"];
    const { stdout, stderr } = await ssh([...options, "demo", "echo $USER"]);
    assert.equal(stdout, `${self}\n`, stderr);
    assert.match(stderr, /To server: {3}aes128-ctr /);
    const other = await ssh([...options, "--ciphers", "aes256-ctr", "demo", "true"]);
    assert.match(other.stderr, /To server: {3}aes256-ctr /);
    await Deno.writeTextFile(`${directory}/config`, "Port x\n");
    assert.match(await failure([...options, "demo"]), /config line 1: Port has to be a number/);
    const given = ["-F", "none", "-o", `Port=${sshd.port}`, "-o", "User=nobody-here"];
    const login = [...at.login, "-l", self, ...given, "127.0.0.1", "echo $USER"];
    assert.equal((await ssh(login)).stdout, `${self}\n`);
  });

  it("tells what was agreed on if it is told to", async () => {
    await using at = await setting();
    const options = ["-v", "-C", "--kex", "curve25519-sha256", "--ciphers", "aes128-ctr"];
    const { code, stderr } = await ssh([...at.login, ...options, at.destination, "true"]);
    assert.equal(code, 0);
    assert.match(stderr, /curve25519-sha256, strict\n.*aes128-ctr \S+ zlib@openssh\.com\n/s);
    assert.ok(stderr.includes(at.fingerprint));
  });

  it("stops when nobody reads its output any more", async () => {
    await using at = await setting();
    const command = [Deno.execPath(), "task", "--quiet", "ssh", ...at.login, at.destination, "yes"];
    const quoted = command.map((word) => `'${word}'`).join(" ");
    const { success, stdout } = await new Deno.Command("sh", {
      args: ["-c", `${quoted} | head -n 2`],
      cwd: root,
      stdin: "null",
    }).output();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(stdout), "y\ny\n");
    await at.sshd.logged(/Received disconnect from .*:11/);
  });

  it("says how it is used", async () => {
    const { code, stdout } = await ssh(["--help"]);
    assert.equal(code, 0);
    assert.match(stdout, /Usage: deno task ssh .*--identity FILE.*--fingerprint TEXT/s);
  });

  it("names what is wrong with its arguments", async () => {
    assert.match(await failure([]), /no host is given/);
    assert.match(
      await failure(["--nonsense", "host"]),
      /'--nonsense'.*supported options: --port, /,
    );
    assert.match(await failure(["a@b:0"]), /port 0: it has to be 1 to 65535/);
    assert.match(await failure(["-i", "/nonexistent", "a@b"]), /read \/nonexistent: No such file/);
    assert.match(await failure(["--ciphers", "rot13", "a@b"]), /"rot13": supported are chacha20/);
    assert.match(await failure(["--fingerprint", "x", "a@b"]), /--fingerprint x: .*SHA256:/);
  });

  it("names what keeps it from connecting", async () => {
    using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = closed.addr;
    closed.close();
    assert.equal(
      await failure([`a@127.0.0.1:${port}`]),
      `Cannot connect to 127.0.0.1 port ${port}: Connection refused`,
    );
    await using web = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("hello"),
    );
    assert.match(await failure([`a@127.0.0.1:${web.addr.port}`]), /the peer speaks HTTP/);
    using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = mute.accept().then((conn) => conn.close());
    assert.match(
      await failure([`a@127.0.0.1:${mute.addr.port}`]),
      /^The connection was lost before the user was authenticated/,
    );
    await accepting;
  });

  it("names what the two ends offer where they share nothing", async () => {
    await using at = await setting({ config: ["Ciphers aes128-cbc"] });
    assert.match(
      await failure([...at.login, at.destination]),
      /^Cannot agree on the cipher .*: we offer chacha20\S+, .*; the peer offers aes128-cbc$/,
    );
  });

  it("shows both fingerprints where the host key is not the expected one", async () => {
    await using at = await setting();
    const other = fingerprint((await generateKey("ed25519")).publicKey);
    const args = ["-i", `${at.directory}/key`, "--fingerprint", other, at.destination];
    const message = await failure(args);
    assert.ok(message.includes(at.fingerprint) && message.endsWith(`${other} was expected`));
    await at.sshd.logged(/Received disconnect from .*:9/);
    assert.doesNotMatch(at.sshd.log(), /Accepted|Failed|Postponed/);
  });

  it("shows the fingerprint and refuses where there is nobody to ask", async () => {
    await using at = await setting();
    const message = await failure(["-i", `${at.directory}/key`, at.destination]);
    assert.ok(message.endsWith(`say --fingerprint ${at.fingerprint}`));
  });

  it("says what was tried, and what the server would take", async () => {
    await using at = await setting({ config: ["PasswordAuthentication yes"] });
    const print = ["--fingerprint", at.fingerprint];
    assert.equal(
      await failure([...print, "-i", `${at.directory}/stranger`, at.destination]),
      `Cannot authenticate as "${self}": tried none, publickey; the server would take publickey, password`,
    );
    const password = ["--password", "not this one"];
    assert.match(
      await failure([...print, ...password, at.destination]),
      /: tried none, .*password/,
    );
    assert.match(
      await failure([...print, at.destination]),
      /: tried none, publickey \(there are no keys\); .* publickey, password$/,
    );
  });

  it("names what is wrong with a file of a key", async () => {
    await using at = await setting();
    const print = ["--fingerprint", at.fingerprint];
    const failureWith = (file: string) =>
      failure([...print, "-i", `${at.directory}/${file}`, at.destination]);
    assert.match(await failureWith("encrypted"), /needs a passphrase, and none is given/);
    // Its secret may be with an agent.
    assert.match(await failureWith("key.pub"), /tried none, publickey \(there are no keys\); the/);
    await Deno.writeTextFile(`${at.directory}/broken`, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    const { code, stderr } = await ssh([...print, "-i", `${at.directory}/broken`, at.destination]);
    assert.equal(code, 255);
    assert.match(stderr, /^Cannot use the key .*broken: .* has no end\nCannot authenticate/);
  });

  it(`takes a password${isRoot ? "" : " (needs root, to add a user)"}`, {
    ignore: !isRoot,
  }, async () => {
    await using account = await addAccount();
    await using at = await setting({ config: ["PasswordAuthentication yes"] });
    const login = ["--password", account.password, "--fingerprint", at.fingerprint];
    const destination = `${account.user}@127.0.0.1:${at.sshd.port}`;
    assert.equal((await ssh([...login, destination, "id", "-un"])).stdout, `${account.user}\n`);
  });
});

describePeer(["sshd", "tmux"], "the command ssh, in a terminal", (_sshd, tmux) => {
  /** The home is the setting's own: hosts are written down there. */
  const environment = (at: Setting): string[] =>
    Object.entries({ ...env, HOME: at.directory }).map(([name, value]) => `${name}=${value}`);

  /** Runs the command in a terminal; the status that it ends with is shown there. */
  async function open(at: Setting, args: readonly string[]): Promise<Tmux> {
    const program = ["env", "TERM=xterm", ...environment(at), Deno.execPath(), "run", "-A"];
    const config = ["--config", `${root}deno.json`, `${root}examples/ssh.ts`];
    return await Tmux.start(tmux, [...program, ...config, ...args], {
      directory: at.directory,
      columns: 150,
      rows: 30,
    });
  }

  it("is a shell there: its size, its keys, its status", async () => {
    await using at = await setting();
    await using terminal = await open(at, [...at.login, at.destination]);
    await terminal.type("PS1='go> '; clear");
    await terminal.press("Enter");
    await terminal.shows("go>");
    await terminal.type("stty size; echo $TERM");
    await terminal.press("Enter");
    await terminal.shows("30 150", "xterm", "go>");
    await terminal.resize(70, 20);
    const waiting = "sh -c 'trap \"exit 5\" INT; stty size; while :; do sleep 0.02; done'";
    await terminal.type(`clear; sleep 0.2; ${waiting}; echo $?`);
    await terminal.press("Enter");
    await terminal.shows("20 70");
    // It is the command there that is interrupted.
    await terminal.press("C-c");
    await terminal.shows("20 70", "^C5", "go>");
    await terminal.type("exit 42");
    await terminal.press("Enter");
    await terminal.shows("status 42");
    assert.ok(await isCooked(terminal));
  });

  it("asks whether the host key is right", async () => {
    await using at = await setting();
    const args = ["-i", `${at.directory}/key`, at.destination, "echo in; exit 5"];
    const question = "Is that right (yes, no, or the fingerprint)?";
    const shown = `The ED25519 key of 127.0.0.1 port ${at.sshd.port} is`;
    {
      await using terminal = await open(at, args);
      await terminal.shows(question);
      const screen = (await terminal.screen()).join("\n");
      assert.ok(screen.includes(shown) && screen.includes(at.fingerprint));
      await terminal.type("perhaps");
      await terminal.press("Enter");
      await terminal.shows(`${question} perhaps`, question);
      await terminal.type("yes");
      await terminal.press("Enter");
      await terminal.shows(`${question} yes`, "in", "status 5");
    }
    {
      // It is known now.
      await using terminal = await open(at, args);
      await terminal.shows("in", "status 5");
    }
    const knownHosts = `${at.directory}/.ssh/known_hosts`;
    assert.match(await Deno.readTextFile(knownHosts), /^\|1\||^\[127\.0\.0\.1\]/);
    await Deno.remove(knownHosts);
    {
      await using terminal = await open(at, args);
      await terminal.shows(question);
      await terminal.type(at.fingerprint);
      await terminal.press("Enter");
      await terminal.shows("in", "status 5");
    }
    await Deno.remove(knownHosts);
    await using terminal = await open(at, args);
    await terminal.shows(question);
    await terminal.type("no");
    await terminal.press("Enter");
    const why = `its host key is ED25519 ${at.fingerprint}, and there is no file of known hosts`;
    await terminal.shows(`Cannot trust 127.0.0.1 port ${at.sshd.port}: ${why}`, "status 255");
  });

  it("asks for a passphrase, which it does not show", async () => {
    await using at = await setting();
    const file = `${at.directory}/encrypted`;
    const args = ["-i", file, "--fingerprint", at.fingerprint, at.destination, "echo in"];
    {
      await using terminal = await open(at, args);
      await terminal.shows(`Passphrase for ${file}:`);
      // A slip of the finger, taken back.
      await terminal.type(`${passphrase}ü`);
      await terminal.press("BSpace", "Enter");
      await terminal.shows(`Passphrase for ${file}:`, "in", "status 0");
    }
    await using terminal = await open(at, args);
    for (let attempt = 0; attempt < 3; attempt++) {
      await terminal.shows(...Array.from({ length: attempt + 1 }, () => `Passphrase for ${file}:`));
      await terminal.type("wrong");
      await terminal.press("Enter");
    }
    await terminal.shows("status 255");
    assert.match((await terminal.screen()).join(""), /the passphrase is wrong/);
    assert.ok(await isCooked(terminal));
  });

  it(`asks for a password, up to three times${isRoot ? "" : " (needs root, to add a user)"}`, {
    ignore: !isRoot,
  }, async () => {
    await using account = await addAccount();
    await using at = await setting({ config: ["PasswordAuthentication yes"] });
    const destination = `${account.user}@127.0.0.1:${at.sshd.port}`;
    const args = ["--fingerprint", at.fingerprint, destination, "echo in"];
    const question = `${account.user}@127.0.0.1's password:`;
    await using terminal = await open(at, args);
    await terminal.shows(question);
    await terminal.type("wrong");
    await terminal.press("Enter");
    await terminal.shows(question, question);
    await terminal.type(account.password);
    await terminal.press("Enter");
    await terminal.shows(question, question, "in", "status 0");
    await using other = await open(at, args);
    await other.shows(question);
    await other.press("C-c");
    await other.shows("status 255");
  });
});

/** Whether the terminal shows what is typed, line by line: what is left there is `cat`. */
async function isCooked(terminal: Tmux): Promise<boolean> {
  await terminal.type("abx");
  await terminal.press("BSpace");
  await terminal.type("c");
  await terminal.press("Enter");
  await terminal.shows("abc", "abc");
  return true;
}
