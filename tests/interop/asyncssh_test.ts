import { keyNames } from "../helpers/peer_files.ts";
import { describePeerClient } from "../helpers/peer_client_suite.ts";
import { describePeerServer } from "../helpers/peer_server_suite.ts";
import { REKEY_BYTES } from "../helpers/peer_roles.ts";
import { describePeer } from "../helpers/peers.ts";
import { ScriptedPeer } from "../helpers/scripted_peer.ts";

const SCRIPT = new URL("./python/asyncssh_peer.py", import.meta.url).pathname;

/**
 * What asyncssh 2.10 has of what is supported here; but for diffie-hellman-group18-sha512, which
 * takes Python seconds.
 */
const algorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
  ],
  hostKeys: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
  ],
  ciphers: [
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
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
  kex: "curve25519-sha256",
  hostKey: "ssh-ed25519",
  cipher: "chacha20-poly1305@openssh.com",
  mac: null,
  compression: "zlib@openssh.com",
  strictKex: true,
};

describePeer("asyncssh", (python) => {
  describePeerClient("its client and our server", {
    start: () => new ScriptedPeer(python, ["-B", "-W", "ignore", SCRIPT]),
    version: /^SSH-2\.0-AsyncSSH_2\./,
    prefers,
    agrees: prefers,
    methods: ["password", "publickey", "keyboard-interactive"],
    signatures: {
      "ssh-ed25519": "ssh-ed25519",
      "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
      "rsa-sha2-256": "rsa",
      "rsa-sha2-512": "rsa",
    },
    algorithms,
    tellsSignals: true,
    rekeyBytes: REKEY_BYTES,
  });

  describePeerServer("our client and its server", {
    start: () => new ScriptedPeer(python, ["-B", "-W", "ignore", SCRIPT]),
    version: /^SSH-2\.0-AsyncSSH_2\./,
    agrees: { ...prefers, compression: "none" },
    methods: ["password", "publickey", "keyboard-interactive"],
    hostKeys: keyNames,
    userKeys: keyNames,
    algorithms,
    tellsSignals: true,
    rekeyBytes: REKEY_BYTES,
  });
});
