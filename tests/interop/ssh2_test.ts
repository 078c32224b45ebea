import { keyNames } from "../helpers/peer_files.ts";
import { describePeerClient } from "../helpers/peer_client_suite.ts";
import { REKEY_BYTES } from "../helpers/peer_roles.ts";
import { describePeerServer } from "../helpers/peer_server_suite.ts";
import { describePeer } from "../helpers/peers.ts";
import { ScriptedPeer } from "../helpers/scripted_peer.ts";

const SCRIPT = new URL("./node/ssh2_peer.mjs", import.meta.url).pathname;

/** What ssh2 1.17 has of what is supported here, without its native parts. */
const algorithms = {
  kex: [
    "curve25519-sha256@libssh.org",
    "curve25519-sha256",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
  ],
  hostKeys: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ],
  ciphers: [
    "chacha20-poly1305@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
  ],
  macs: [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
  ],
  compression: ["none", "zlib@openssh.com"],
};

const prefers = {
  kex: "curve25519-sha256@libssh.org",
  hostKey: "ssh-ed25519",
  cipher: "aes128-gcm@openssh.com",
  mac: null,
  compression: "none",
  strictKex: true,
};

describePeer(["node", "ssh2"], "ssh2", (node) => {
  describePeerClient("its client and our server", {
    start: () => new ScriptedPeer(node, [SCRIPT]),
    version: /^SSH-2\.0-ssh2js1\./,
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
    tellsSignals: true,
    // It follows, but has no way to be told to.
    rekeyBytes: null,
  });

  describePeerServer("our client and its server", {
    start: () => new ScriptedPeer(node, [SCRIPT]),
    version: /^SSH-2\.0-ssh2js1\./,
    agrees: { ...prefers, kex: "curve25519-sha256", cipher: "chacha20-poly1305@openssh.com" },
    methods: ["password", "publickey", "keyboard-interactive"],
    hostKeys: keyNames,
    userKeys: keyNames,
    algorithms: {
      ...algorithms,
      // It offers this, and then has no groups.
      kex: algorithms.kex.filter((name) => name !== "diffie-hellman-group-exchange-sha256"),
    },
    tellsSignals: true,
    rekeyBytes: REKEY_BYTES,
  });
});
