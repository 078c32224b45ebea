import { keyNames } from "../helpers/peer_files.ts";
import { describePeerClient } from "../helpers/peer_client_suite.ts";
import { REKEY_BYTES } from "../helpers/peer_roles.ts";
import { describePeerServer } from "../helpers/peer_server_suite.ts";
import { describePeer } from "../helpers/peers.ts";
import { ScriptedPeer } from "../helpers/scripted_peer.ts";

const SCRIPT = new URL("./python/paramiko_peer.py", import.meta.url).pathname;

/** What paramiko 2.12 has of what is supported here. */
const algorithms = {
  kex: [
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
  ],
  hostKeys: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ],
  ciphers: ["aes128-ctr", "aes192-ctr", "aes256-ctr"],
  macs: [
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
  ],
  compression: ["none"],
};

const prefers = {
  kex: "curve25519-sha256@libssh.org",
  hostKey: "ssh-ed25519",
  cipher: "aes128-ctr",
  mac: "hmac-sha2-256",
  compression: "none",
  strictKex: false,
};

describePeer("paramiko", (python) => {
  describePeerClient("its client and our server", {
    start: () => new ScriptedPeer(python, ["-B", "-W", "ignore", SCRIPT]),
    version: /^SSH-2\.0-paramiko_2\./,
    prefers,
    agrees: { ...prefers, mac: "hmac-sha2-256-etm@openssh.com" },
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
    // It has no way to ask for the signal.
    tellsSignals: false,
    // It waits for ever if it gets CLOSE while it exchanges keys, which it has begun to do: its one
    // thread that reads has to answer, and that waits for the keys. It is to do so well before.
    rekeyBytes: 8_000_000,
  });

  describePeerServer("our client and its server", {
    start: () => new ScriptedPeer(python, ["-B", "-W", "ignore", SCRIPT]),
    version: /^SSH-2\.0-paramiko_2\./,
    agrees: { ...prefers, cipher: "aes256-ctr", mac: "hmac-sha2-256-etm@openssh.com" },
    methods: ["password", "publickey", "keyboard-interactive"],
    hostKeys: keyNames,
    userKeys: keyNames,
    algorithms,
    // It has no way to tell the signal.
    tellsSignals: false,
    rekeyBytes: REKEY_BYTES,
  });
});
