import { supportedAlgorithms } from "../../protocol/mod.ts";
import { knownAlgorithms, OpenSshClient, preferredAlgorithms } from "../helpers/openssh_client.ts";
import { plainHostKeys } from "../helpers/negotiated.ts";
import { describePeerClient } from "../helpers/peer_client_suite.ts";
import { describePeer } from "../helpers/peers.ts";

describePeer(["ssh", "sshpass"], "OpenSSH's client", (ssh, sshpass) => {
  /** What we can do and it can do too. */
  function shared(what: string, ours: readonly (string | { name: string })[]): string[] {
    const theirs = knownAlgorithms(ssh, what);
    return ours.map((one) => typeof one === "string" ? one : one.name)
      .filter((name) => theirs.has(name));
  }

  /** What it prefers of that. */
  function preferred(setting: string, names: readonly string[]): string {
    const first = preferredAlgorithms(ssh, setting).find((name) => names.includes(name));
    if (first === undefined) throw new Error(`There is nothing in common for ${setting}`);
    return first;
  }

  const algorithms = {
    kex: shared("kex", supportedAlgorithms.kex),
    hostKeys: shared("HostKeyAlgorithms", plainHostKeys),
    ciphers: shared("cipher", supportedAlgorithms.ciphers),
    macs: shared("mac", supportedAlgorithms.macs),
    compression: shared("compression", supportedAlgorithms.compression),
  };
  const prefers = {
    kex: preferred("kexalgorithms", algorithms.kex),
    hostKey: preferred("hostkeyalgorithms", algorithms.hostKeys),
    cipher: preferred("ciphers", algorithms.ciphers),
    mac: null,
    compression: "none",
    strictKex: true,
  };

  describePeerClient("with each algorithm", {
    start: (files) => new OpenSshClient({ ssh, sshpass }, files.directory),
    version: /^SSH-2\.0-OpenSSH_/,
    prefers,
    agrees: prefers,
    methods: ["password", "publickey", "keyboard-interactive"],
    signatures: {
      "ssh-ed25519": "ssh-ed25519",
      "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
      "rsa-sha2-512": "rsa",
      "rsa-sha2-256": "rsa",
    },
    algorithms,
    tellsSignals: false,
    rekeyBytes: 1_000_000,
  });
});
